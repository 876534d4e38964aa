//! What BuildKit tells of a build, decoded: steps, how far they are, what they print.
//!
//! These are three kinds of protobuf messages, of which a dozen fields matter. A generated decoder, and bollard's
//! feature for BuildKit with it, would be several times the size of all else that speaks with the engine.
//!
//! See <https://github.com/moby/buildkit/blob/master/api/services/control/control.proto>.

use std::collections::{BTreeMap, VecDeque};

use crate::engine::Progress;

/// How many lines of output a failed build shows.
pub(super) const LAST_LINES: usize = 12;

/// A field of a protobuf message: its number and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

/// Reads the fields of a message; it ends early where it is no message.
pub(super) fn fields(mut message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        let key = varint(&mut message)?;
        let number = key >> 3;
        Some(match key & 7 {
            0 => Field::Number(number, varint(&mut message)?),
            1 => Field::Bytes(number, take(&mut message, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Field::Bytes(number, take(&mut message, length)?)
            }
            5 => Field::Bytes(number, take(&mut message, 4)?),
            _ => return None,
        })
    })
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for at in 0..10 {
        let byte = take(message, 1)?[0];
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A step of a build.
#[derive(Debug, Default)]
struct Step {
    name: String,
    completed: bool,
    error: String,
    /// The last lines that it printed.
    output: VecDeque<String>,
    /// The start of a line whose end has not come yet.
    partial: String,
}

/// A build so far.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// By digest.
    steps: BTreeMap<String, Step>,
    failed: Option<String>,
}

impl Trace {
    /// Takes in a message. Returns what there is to show of it.
    pub(super) fn add(&mut self, message: &[u8]) -> Vec<Progress> {
        let mut shown = Vec::new();
        for field in fields(message) {
            match field {
                Field::Bytes(1, vertex) => shown.extend(self.vertex(vertex)),
                Field::Bytes(3, log) => shown.extend(self.log(log)),
                // Bytes of layers and contexts: the steps' own words say enough.
                _ => {}
            }
        }
        let (current, total) = self.count();
        shown.into_iter().map(|text| Progress { current: Some(current), total: Some(total), text }).collect()
    }

    /// Counts the steps that are done, and those that are known.
    fn count(&self) -> (u64, u64) {
        let done = self.steps.values().filter(|step| step.completed).count();
        (u64::try_from(done).unwrap_or(0), u64::try_from(self.steps.len()).unwrap_or(0))
    }

    fn vertex(&mut self, message: &[u8]) -> Option<String> {
        let (mut digest, mut name, mut error) = (String::new(), String::new(), String::new());
        let (mut started, mut completed, mut cached) = (false, false, false);
        for field in fields(message) {
            match field {
                Field::Bytes(1, bytes) => digest = text(bytes),
                Field::Bytes(3, bytes) => name = text(bytes),
                Field::Number(4, value) => cached = value != 0,
                Field::Bytes(5, _) => started = true,
                Field::Bytes(6, _) => completed = true,
                Field::Bytes(7, bytes) => error = text(bytes),
                _ => {}
            }
        }
        let step = self.steps.entry(digest.clone()).or_default();
        let is_news = (started || cached) && (step.name.is_empty() || completed && !step.completed);
        step.name.clone_from(&name);
        step.completed = completed || cached;
        // The others are cancelled then, and have errors of their own.
        if !error.is_empty() && self.failed.is_none() && !error.contains("context canceled") {
            step.error = error;
            self.failed = Some(digest);
        }
        is_news.then(|| if cached { format!("{name} (cached)") } else { name })
    }

    fn log(&mut self, message: &[u8]) -> Vec<String> {
        let (mut digest, mut printed) = (String::new(), String::new());
        for field in fields(message) {
            match field {
                Field::Bytes(1, bytes) => digest = text(bytes),
                Field::Bytes(4, bytes) => printed = text(bytes),
                _ => {}
            }
        }
        let step = self.steps.entry(digest).or_default();
        step.partial.push_str(&printed);
        let mut lines = Vec::new();
        while let Some(end) = step.partial.find('\n') {
            let line: String = step.partial.drain(..=end).collect();
            // A progress bar redraws its line.
            let line = line.trim_end().rsplit('\r').next().unwrap_or("").to_owned();
            lines.push(line.clone());
            step.output.push_back(line);
            if step.output.len() > LAST_LINES {
                step.output.pop_front();
            }
        }
        lines
    }

    /// Returns the step that failed and the last lines that it printed.
    pub(super) fn failure(&self) -> Option<(String, Vec<String>)> {
        let step = self.steps.get(self.failed.as_ref()?)?;
        let partial = (!step.partial.trim().is_empty()).then(|| step.partial.trim_end().to_owned());
        Some((step.name.clone(), step.output.iter().cloned().chain(partial).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
    }

    #[test]
    fn a_build_is_told_step_by_step() {
        let vertex = |parts: &[Vec<u8>]| bytes(1, &parts.concat());
        let (digest, name) = (bytes(1, b"sha256:1"), bytes(3, b"[2/2] RUN make"));
        let time = [0x08, 0xb8, 0x99, 0x98, 0xd8, 0x06];
        let mut trace = Trace::default();
        // Known, not yet begun.
        assert_eq!(trace.add(&vertex(&[bytes(1, b"sha256:0"), bytes(3, b"[1/2] FROM x")])), []);
        let shown = trace.add(&vertex(&[digest.clone(), name.clone(), bytes(5, &time)]));
        assert_eq!(shown[0].text, "[2/2] RUN make");
        assert_eq!((shown[0].current, shown[0].total), (Some(0), Some(2)));
        let log = |text: &[u8]| bytes(3, &[digest.clone(), vec![0x18, 1], bytes(4, text)].concat());
        assert_eq!(trace.add(&log(b"one\ntw")).len(), 1);
        assert_eq!(trace.add(&log(b"o\n"))[0].text, "two");
        trace.add(&log(b"10%\r100%\nlast"));
        trace.add(&vertex(&[digest, name, bytes(5, &time), bytes(6, &time), bytes(7, b"exit code: 2")]));
        let (step, output) = trace.failure().unwrap();
        assert_eq!(step, "[2/2] RUN make");
        assert_eq!(output, ["one", "two", "100%", "last"]);
    }

    #[test]
    fn what_is_no_message_is_left() {
        assert_eq!(fields(&[0x0a, 0xff]).count(), 0);
        assert_eq!(fields(&[0xff; 20]).count(), 0);
        assert_eq!(fields(&[0x20, 0x96, 0x01]).next(), Some(Field::Number(4, 150)));
    }
}
