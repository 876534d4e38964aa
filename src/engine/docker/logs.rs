//! Reads container logs and puts their pieces together to lines.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::failed;
use crate::engine::{LogLine, LogQuery, LogSource, Result};

pub(super) fn lines(
    client: &bollard::Docker,
    container: &str,
    query: &LogQuery,
) -> BoxStream<'static, Result<LogLine>> {
    let seconds =
        |point: Option<i64>| point.map_or(0, |point| i32::try_from(point.max(0)).unwrap_or(i32::MAX));
    let options = LogsOptions {
        follow: query.follow,
        stdout: true,
        stderr: true,
        since: seconds(query.since),
        until: seconds(query.until),
        timestamps: query.timestamps,
        tail: query.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string()),
    };
    let doing = format!("read the log of container {container}");
    let mut assembler = Assembler { timestamps: query.timestamps, ..Assembler::default() };
    client
        .logs(container, Some(options))
        .map(Some)
        // One more item after the last: what is left without a line end.
        .chain(stream::iter([None]))
        .map(move |output| match output {
            Some(Ok(output)) => assembler.add(&output).into_iter().map(Ok).collect(),
            Some(Err(error)) => vec![Err(failed(&doing)(error))],
            None => assembler.rest().into_iter().map(Ok).collect(),
        })
        .flat_map(stream::iter)
        .boxed()
}

/// Joins pieces to lines, for each source apart. The engine cuts lines longer than 16 KiB.
#[derive(Default)]
struct Assembler {
    timestamps: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Assembler {
    fn add(&mut self, output: &LogOutput) -> Vec<LogLine> {
        let (source, pending) = match output {
            LogOutput::StdErr { .. } => (LogSource::Stderr, &mut self.stderr),
            _ => (LogSource::Stdout, &mut self.stdout),
        };
        let mut piece = output.as_ref();
        if self.timestamps && !pending.is_empty() && timestamp(piece).is_some() {
            // Each piece of a cut line has a time of its own; the first one's is the line's.
            piece = piece.splitn(2, |byte| *byte == b' ').nth(1).unwrap_or_default();
        }
        pending.extend_from_slice(piece);
        let mut lines = Vec::new();
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            lines.push(line_of(source, &line, self.timestamps));
        }
        lines
    }

    fn rest(&mut self) -> Vec<LogLine> {
        let rests = [(LogSource::Stdout, &mut self.stdout), (LogSource::Stderr, &mut self.stderr)];
        let rests = rests.into_iter().map(|(source, pending)| (source, std::mem::take(pending)));
        let rests = rests.filter(|(_, pending)| !pending.is_empty());
        rests.map(|(source, pending)| line_of(source, &pending, self.timestamps)).collect()
    }
}

fn line_of(source: LogSource, bytes: &[u8], timestamps: bool) -> LogLine {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    // A terminal ends lines with both.
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let stamp = if timestamps { timestamp(bytes) } else { None };
    let text = stamp.as_ref().map_or(bytes, |stamp| bytes.get(stamp.len() + 1..).unwrap_or_default());
    LogLine { source, text: text.to_vec(), timestamp: stamp }
}

/// Returns the time that a line begins with, `2026-01-02T03:04:05.000000006Z`.
fn timestamp(bytes: &[u8]) -> Option<String> {
    let word = bytes.split(|byte| *byte == b' ').next()?;
    let text = std::str::from_utf8(word).ok()?;
    let has_shape = text.len() >= 20 && text.as_bytes()[4] == b'-' && text.as_bytes()[10] == b'T';
    has_shape.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdout(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into() }
    }

    fn texts(lines: &[LogLine]) -> Vec<String> {
        lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect()
    }

    #[test]
    fn pieces_become_lines_by_source() {
        let mut assembler = Assembler::default();
        assert!(assembler.add(&stdout("one ")).is_empty());
        let errors = assembler.add(&LogOutput::StdErr { message: "oops\r\n".into() });
        assert_eq!((texts(&errors), errors[0].source), (vec!["oops".to_owned()], LogSource::Stderr));
        assert_eq!(texts(&assembler.add(&stdout("line\ntwo\nrest"))), ["one line", "two"]);
        assert_eq!(texts(&assembler.rest()), ["rest"]);
        assert!(assembler.rest().is_empty());
    }

    #[test]
    fn timestamps_are_taken_off() {
        let mut assembler = Assembler { timestamps: true, ..Assembler::default() };
        assert!(assembler.add(&stdout("2026-01-02T03:04:05.000000006Z a lo")).is_empty());
        let lines = assembler.add(&stdout("2026-01-02T03:04:05.000000007Z ng line\n"));
        assert_eq!(texts(&lines), ["a long line"]);
        assert_eq!(lines[0].timestamp.as_deref(), Some("2026-01-02T03:04:05.000000006Z"));
        assert_eq!(texts(&assembler.add(&stdout("2026-01-02T03:04:05.000000008Z \n"))), [""]);
    }
}
