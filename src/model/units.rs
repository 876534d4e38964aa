//! Numbers with units: bytes, and spans of time.

use std::fmt;
use std::time::Duration as StdDuration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::attribute::{Attribute, Decoder, Place, Shape};
use super::schema::or_variable;
use super::values::{scalar, whole};
use crate::yaml::{Node, Value};

/// A number of bytes. Units are `b`, `k` or `kb`, `m` or `mb`, `g` or `gb`, `t`, `p`, all powers of 1024.
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-byte-values>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub i64);

scalar!(
    ByteSize,
    "a number of bytes such as 512m or 1gb",
    {
        "type": ["string", "integer"],
        "pattern": or_variable(r"[+]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? ?[kKmMgGtTpP]?([iI]?[bB])?|-1|-0+"),
        "examples": ["64m", "1gb"],
        "description": "A number of bytes, or text with a unit: `b`, `k`, `m`, `g`, `t` or `p`, in steps of 1024.",
    },
    |node| match &node.value {
        Value::Int(value) => Ok(i64::try_from(*value).ok().map(Self)),
        Value::Float(value) => Ok(whole(*value).map(Self)),
        Value::Text(text) => parse_bytes(text).map(|bytes| Some(Self(bytes))),
        _ => Ok(None),
    },
    unset Self(0), |value| value.0 == 0
);

/// docker compose writes byte values as decimal strings.
impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// How eagerly the kernel swaps, in percent, which docker compose reads as it does bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Swappiness(pub ByteSize);

impl Attribute for Swappiness {
    const SHAPE: &'static Shape = Shape::REPLACE;

    fn decode(node: &Node, place: &Place<'_>, decoder: &mut Decoder<'_>) -> Option<Self> {
        ByteSize::decode(node, place, decoder).map(Self)
    }

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = ByteSize::schema(generator);
        schema.remove("description");
        schema.insert("errorMessage".to_owned(), "write a number from 0 to 100".into());
        schema
    }

    fn unset() -> Option<Self> {
        Some(Self::default())
    }

    fn is_unset(&self) -> bool {
        self.0.is_unset()
    }
}

/// Parses a number of bytes such as `512m`, or says what is wrong with it.
pub fn parse_bytes(text: &str) -> Result<i64, String> {
    // As in docker's units: one space may stand between number and unit, and none elsewhere.
    let Some(end) = text.rfind(|one: char| one.is_ascii_digit() || one == '.' || one == ' ') else {
        return Err(format!("`{text}` does not start with a number"));
    };
    let (number, unit) = text.split_at(if text[end..].starts_with(' ') { end } else { end + 1 });
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let number: f64 = number.parse().map_err(|_| format!("`{text}` does not start with a number"))?;
    if number < 0.0 && text != "-1" {
        return Err("this is below 0".to_owned());
    }
    let unit = unit.to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(format!("`{unit}` is no unit of bytes")),
    };
    #[expect(clippy::cast_possible_truncation, reason = "a size beyond i64 saturates")]
    Ok((number * 1024_f64.powi(power)) as i64)
}

/// A span of time such as `1m30s`. Units are `us`, `ms`, `s`, `m`, `h`, `d` and `w`; a bare number is refused.
///
/// See <https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-durations>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub StdDuration);

scalar!(
    Duration,
    "a duration such as 1m30s",
    {
        "type": "string",
        "pattern": or_variable(r"0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w))+"),
        "examples": ["10s", "1m30s"],
        "description": "A number with a unit: `us`, `ms`, `s`, `m`, `h`, `d` or `w`; several add up, as in `1m30s`.",
    },
    |node| node.as_text().map(|text| parse_duration(text).map(Self)).transpose()
);

impl Duration {
    /// Returns whole nanoseconds, as Docker Engine takes durations.
    pub fn nanoseconds(self) -> i64 {
        i64::try_from(self.0.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// Parses a span of time such as `1m30s`, or says what is wrong with it.
pub fn parse_duration(text: &str) -> Result<StdDuration, String> {
    if text == "0" {
        return Ok(StdDuration::ZERO);
    }
    let mut rest = text;
    let mut nanoseconds = 0_f64;
    if rest.is_empty() {
        return Err("this is empty".to_owned());
    }
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|one: char| one.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let number: f64 = number.parse().map_err(|_| format!("`{rest}` does not start with a number"))?;
        nanoseconds += number
            * match unit {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                "d" => 24.0 * 3600e9,
                "w" => 7.0 * 24.0 * 3600e9,
                "" => return Err(format!("`{number}` lacks a unit")),
                other => return Err(format!("`{other}` is no unit of time")),
            };
        rest = tail;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative; saturates")]
    Ok(StdDuration::from_nanos(nanoseconds.round() as u64))
}

/// Go's form, which docker compose prints: `1m30s`, `500ms`, `1.5s`.
impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_nanos();
        if total == 0 {
            return formatter.write_str("0s");
        }
        for (size, unit) in [(1_000, "ns"), (1_000_000, "µs"), (1_000_000_000, "ms")] {
            if total < size {
                return write!(formatter, "{}{unit}", fraction(total, size / 1_000));
            }
        }
        let seconds = total / 1_000_000_000;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        if hours > 0 {
            write!(formatter, "{hours}h")?;
        }
        if seconds >= 60 {
            write!(formatter, "{minutes}m")?;
        }
        write!(formatter, "{}s", fraction(total % 60_000_000_000, 1_000_000_000))
    }
}

/// Writes `value / size` without trailing zeros.
fn fraction(value: u128, size: u128) -> String {
    let (whole, rest) = (value / size, value % size);
    if rest == 0 {
        return whole.to_string();
    }
    let width = size.ilog10() as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_as_in_go() {
        for (written, printed) in [
            ("90s", "1m30s"),
            ("1h", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("500ms", "500ms"),
            ("10us", "10µs"),
            ("1d", "24h0m0s"),
            ("0s", "0s"),
        ] {
            assert_eq!(
                parse_duration(written).map(|time| Duration(time).to_string()).as_deref(),
                Ok(printed)
            );
        }
        for bad in ["5 apples", "5", "", "s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_are_powers_of_1024() {
        for (written, bytes) in [
            ("64m", 64 << 20),
            ("1gb", 1 << 30),
            ("2 kB", 2048),
            ("1.5k", 1536),
            ("12", 12),
            ("1GiB", 1 << 30),
            ("-1", -1),
        ] {
            assert_eq!(parse_bytes(written), Ok(bytes), "{written}");
        }
        assert!(parse_bytes("12x").is_err());
        assert!(parse_bytes("m").is_err());
    }
}
