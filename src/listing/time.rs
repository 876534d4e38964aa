//! Points in time as people write them: `10m`, `2026-01-02T13:23:37Z`, `2026-01-02`, `1767360217`.
//!
//! Follows what docker takes for `--since` and `--until`: <https://docs.docker.com/reference/cli/docker/system/events/>.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};

/// Returns a point in time as the engine takes it, in seconds since 1970 with nine decimals. Durations count back from
/// `now`, in seconds since 1970; times without a zone are in `zone`. Returns what is wrong with the text, as a phrase.
pub fn point(text: &str, now: i64, zone: &TimeZone) -> Result<String, String> {
    if let Some(ago) = duration(text) {
        return Ok(written(i128::from(now) * 1_000_000_000 - ago));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(written(time.as_nanosecond()));
    }
    let zoned = |time: DateTime| time.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
    let day = text.get(..10).and_then(|day| day.parse::<Date>().ok()).filter(|_| text.as_bytes()[4] == b'-');
    if let Some(day) = day {
        let rest = &text[10..];
        let clock = match rest.strip_prefix('T').map(|clock| (clock, clock.matches(':').count())) {
            None if rest.is_empty() => Some("00:00:00".to_owned()),
            Some((clock, 0)) => Some(format!("{clock}:00:00")),
            Some((clock, 1)) => Some(format!("{clock}:00")),
            Some((clock, _)) => Some(clock.to_owned()),
            None => None,
        };
        let time = clock.and_then(|clock| format!("{day}T{clock}").parse::<DateTime>().ok()).and_then(zoned);
        return time.map(|time| written(time.as_nanosecond())).ok_or_else(|| wrong(text));
    }
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
    if is_number(seconds) && is_number(decimals) && decimals.len() <= 9 {
        return Ok(format!("{seconds}.{decimals:0<9}"));
    }
    Err(wrong(text))
}

fn wrong(text: &str) -> String {
    format!("`{text}` is no point in time; write `10m` for ten minutes ago, or `2026-01-02T15:04:05`")
}

fn written(nanoseconds: i128) -> String {
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    format!("{seconds}.{rest:09}")
}

/// Parses a duration as Go does, `1h30m` or `1.5s`, into nanoseconds.
fn duration(text: &str) -> Option<i128> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0;
    while !rest.is_empty() {
        let end = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|one: char| one.is_ascii_digit() || one == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let whole: i128 = if whole.is_empty() && !part.is_empty() { 0 } else { whole.parse().ok()? };
        let part = part.get(..part.len().min(18))?;
        let fraction: i128 = if part.is_empty() { 0 } else { part.parse().ok()? };
        let scale = 10_i128.pow(u32::try_from(part.len()).ok()?);
        total = whole.checked_mul(unit)?.checked_add(total)?.checked_add(fraction * unit / scale)?;
        rest = after;
    }
    // A little under 300 years, as in Go.
    (total <= i128::from(i64::MAX)).then_some(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_in_all_forms_that_docker_takes() {
        let east = TimeZone::fixed(jiff::tz::offset(2));
        for (text, expected) in [
            ("0s", "1000.000000000"),
            ("1m30s", "910.000000000"),
            ("1.5s", "998.500000000"),
            ("-1h", "4600.000000000"),
            (".5ms", "999.999500000"),
            ("1970-01-01T00:00:07.5Z", "7.500000000"),
            ("1970-01-01T02:00:07+02:00", "7.000000000"),
            ("1970-01-01T02:00:07", "7.000000000"),
            ("1970-01-01T02:01", "60.000000000"),
            ("1970-01-01T03", "3600.000000000"),
            ("1970-01-02", "79200.000000000"),
            ("1767360217", "1767360217.000000000"),
            ("1767360217.25", "1767360217.250000000"),
        ] {
            assert_eq!(point(text, 1000, &east).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_point_in_time_is_said() {
        let huge = "9".repeat(60) + "h";
        for text in
            ["", "-", "yesterday", "1x", "1970-13-01", "1970-01-01 03", "1970-01-01Tx", "1.2.3", "é", &huge]
        {
            assert!(point(text, 1000, &TimeZone::UTC).is_err(), "{text}");
        }
    }
}
