//! The keys that end a conversation with a container and leave it running: ctrl-p, ctrl-q unless told otherwise.

use std::fmt;

/// A sequence of keys, and how much of it has been typed.
///
/// See [docker's](https://docs.docker.com/reference/cli/docker/container/attach/#detach-keys).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetachKeys {
    keys: Vec<u8>,
    typed: usize,
}

/// A word that is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no key: write single characters, `ctrl-` and a letter or one of `@[\\]^_`, or `DEL`, with commas"
)]
pub struct UnknownKey(String);

impl Default for DetachKeys {
    /// Makes ctrl-p, ctrl-q.
    fn default() -> Self {
        Self { keys: vec![16, 17], typed: 0 }
    }
}

impl DetachKeys {
    /// Reads `ctrl-p,ctrl-q`: keys with commas between them.
    pub fn parse(text: &str) -> Result<Self, UnknownKey> {
        let key = |word: &str| match word.as_bytes() {
            [one] => Ok(*one),
            b"DEL" => Ok(127),
            [b'c', b't', b'r', b'l', b'-', one @ (b'@'..=b'_' | b'a'..=b'z')]
                if !one.is_ascii_uppercase() =>
            {
                // The control key takes away the upper bits.
                Ok(one & 0x1f)
            }
            _ => Err(UnknownKey(word.to_owned())),
        };
        Ok(Self { keys: text.split(',').map(key).collect::<Result<_, _>>()?, typed: 0 })
    }

    /// Takes what was typed. Returns what is to be passed on, and whether the sequence is complete; what follows it
    /// is dropped. Its beginning is held back until it is clear that the rest does not come.
    pub fn pass(&mut self, typed: &[u8]) -> (Vec<u8>, bool) {
        let mut passed = Vec::with_capacity(typed.len());
        for one in typed {
            while self.keys[self.typed] != *one {
                if self.typed == 0 {
                    passed.push(*one);
                    break;
                }
                self.fall_back(&mut passed);
            }
            if self.keys[self.typed] == *one {
                self.typed += 1;
            }
            if self.typed == self.keys.len() {
                self.typed = 0;
                return (passed, true);
            }
        }
        (passed, false)
    }

    /// Gives up the longest beginning of what was typed, so that the rest of it may still begin the sequence.
    fn fall_back(&mut self, passed: &mut Vec<u8>) {
        let typed = &self.keys[..self.typed];
        let given_up = (1..=typed.len()).find(|at| self.keys.starts_with(&typed[*at..]));
        let given_up = given_up.unwrap_or(typed.len());
        passed.extend_from_slice(&typed[..given_up]);
        self.typed -= given_up;
    }
}

impl fmt::Display for DetachKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.keys.iter().enumerate() {
            if at > 0 {
                formatter.write_str(",")?;
            }
            match key {
                127 => formatter.write_str("DEL")?,
                0..=31 => write!(formatter, "ctrl-{}", char::from(key | 0x40).to_ascii_lowercase())?,
                key => write!(formatter, "{}", char::from(*key))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(keys: &str, typed: &[&str]) -> (String, bool) {
        let mut keys = DetachKeys::parse(keys).unwrap();
        let mut all = String::new();
        for piece in typed {
            let (passed, is_complete) = keys.pass(piece.as_bytes());
            all.push_str(std::str::from_utf8(&passed).unwrap());
            if is_complete {
                return (all, true);
            }
        }
        (all, false)
    }

    #[test]
    fn keys_are_read_and_written() {
        assert_eq!(DetachKeys::parse("ctrl-p,ctrl-q"), Ok(DetachKeys::default()));
        for text in ["ctrl-p,ctrl-q", "ctrl-@,a,Z", "ctrl-[", "ctrl-\\,ctrl-],ctrl-^,ctrl-_", "DEL"] {
            assert_eq!(DetachKeys::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "ctrl-", "ctrl-P", "ctrl-1", "ctrl-pq", "a,,b", "del", "é"] {
            assert!(DetachKeys::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_sequence_ends_and_all_else_passes() {
        assert_eq!(pass("ctrl-p,ctrl-q", &["ls\r\x10\x11rest"]), ("ls\r".to_owned(), true));
        assert_eq!(pass("ctrl-p,ctrl-q", &["\x10", "\x11"]), (String::new(), true));
        assert_eq!(pass("ctrl-p,ctrl-q", &["\x10", "a\x11"]), ("\x10a\x11".to_owned(), false));
        assert_eq!(pass("ctrl-p,ctrl-q", &["\x10"]), (String::new(), false), "it may still come");
        assert_eq!(pass("x", &["abx"]), ("ab".to_owned(), true));
    }

    #[test]
    fn what_looked_like_a_beginning_may_hide_another() {
        assert_eq!(pass("ctrl-p,ctrl-q", &["\x10\x10\x11"]), ("\x10".to_owned(), true));
        assert_eq!(pass("a,a,b", &["aaab"]), ("a".to_owned(), true));
        assert_eq!(pass("a,b,a,c", &["ababac"]), ("ab".to_owned(), true));
    }
}
