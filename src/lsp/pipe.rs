//! The pipe that editors talk through: messages, each behind a header with its length.
//!
//! Hand-written because that of `lsp-server` ends at the first message that it cannot read. Here, the editor is told of
//! it, and the next one is read.

use std::io::{self, BufRead, Read as _, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use lsp_server::{Connection, ErrorCode, Message};
use serde::Serialize;
use serde_json::{Value, json};

/// Talks with an editor. The thread that is returned ends when all has been written.
pub fn connect(
    mut input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> (Connection, JoinHandle<()>) {
    let (connection, Connection { sender, receiver }) = Connection::memory();
    let output = Arc::new(Mutex::new(output));
    let refusing = Arc::clone(&output);
    // It ends when the editor hangs up, or with the process.
    std::thread::spawn(move || {
        while let Ok(Some(body)) = read(&mut input) {
            let is_written = match message(&body) {
                Ok(message) => sender.send(message).is_ok(),
                Err(refusal) => write(&refusing, &refusal).is_ok(),
            };
            if !is_written {
                return;
            }
        }
    });
    let writer = std::thread::spawn(move || {
        for message in receiver {
            if write(&output, &Envelope { jsonrpc: "2.0", message }).is_err() {
                // An editor that hung up reads nothing more.
                return;
            }
        }
    });
    (connection, writer)
}

/// A message as it goes through the pipe.
#[derive(Serialize)]
struct Envelope {
    jsonrpc: &'static str,
    #[serde(flatten)]
    message: Message,
}

/// Reads the body of a message; `None` at the end. A header without a length has none.
fn read(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        match line.trim().split_once(':') {
            _ if line.trim().is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            _ => {}
        }
    }
    let mut body = Vec::new();
    // Byte by byte, whatever the header promises.
    input.take(length).read_to_end(&mut body)?;
    Ok(Some(body))
}

/// Returns the message that a body is, or what is answered if it is none.
fn message(body: &[u8]) -> Result<Message, Value> {
    let refusal = |id: Value, code: ErrorCode, why: String| json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": why } });
    let read = |body: &[u8]| {
        serde_json::from_slice::<Value>(body)
            .map_err(|error| refusal(Value::Null, ErrorCode::ParseError, format!("this is no JSON: {error}")))
    };
    if let Ok(message) = serde_json::from_slice(body) {
        return Ok(message);
    }
    let value = read(body).or_else(|refusal| read(&paired(body)).map_err(|_| refusal))?;
    let id = value.get("id").cloned().unwrap_or_default();
    let why = "this is no message of the protocol".to_owned();
    serde_json::from_value(value).map_err(|_| refusal(id, ErrorCode::InvalidRequest, why))
}

/// Returns JSON in which each half of a character that stands without its other half is a character that stands for
/// what cannot be read. Editors that hold texts in UTF-16 may send such a half; it is as wide.
fn paired(body: &[u8]) -> Vec<u8> {
    let unit = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut text = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        let (length, is_half) = match (unit(at), unit(at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, false),
            (Some(0xD800..=0xDFFF), _) => (6, true),
            (Some(_), _) => (6, false),
            (None, _) => (if body[at] == b'\\' { 2 } else { 1 }, false),
        };
        let end = (at + length).min(body.len());
        text.extend_from_slice(if is_half { b"\\ufffd" } else { &body[at..end] });
        at = end;
    }
    text
}

fn write(output: &Mutex<impl Write>, message: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(message)?;
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_characters_are_replaced_and_nothing_else() {
        for (text, wanted) in [
            (r"a\ud83d\udc33b", r"a\ud83d\udc33b"),
            (r"a\ud83db", r"a\ufffdb"),
            (r"\udc33\ud83d", r"\ufffd\ufffd"),
            (r"\\ud83d\u00e4\n", r"\\ud83d\u00e4\n"),
            ("\\", "\\"),
        ] {
            assert_eq!(String::from_utf8(paired(text.as_bytes())).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn a_message_is_read_whatever_stood_before_it() {
        let mut input: &[u8] = b"Content-Length: 2\r\n\r\n{}nonsense\r\n\r\ncontent-length:1\n\n7";
        assert_eq!(read(&mut input).unwrap(), Some(b"{}".to_vec()));
        assert_eq!(read(&mut input).unwrap(), Some(Vec::new()));
        assert_eq!(read(&mut input).unwrap(), Some(b"7".to_vec()));
        assert_eq!(read(&mut input).unwrap(), None);
    }
}
