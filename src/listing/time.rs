//! Points in time as people write them: `10m`, `2026-01-02T13:23:37Z`, `2026-01-02`, `1767360217`.
//!
//! Follows what docker takes for `--since` and `--until`: <https://docs.docker.com/reference/cli/docker/system/events/>.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};

/// Returns the point in time that a text means. Durations count back from `now`; times without a zone are in `zone`; a
/// bare number is in seconds since 1970. Returns what is wrong with the text, as a phrase.
pub fn point(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    read(text, now, zone).ok_or_else(|| {
        format!("`{text}` is no point in time; write `10m` for ten minutes ago, or `2026-01-02T15:04:05`")
    })
}

/// Returns a point in time as the engine takes it, in seconds since 1970 with nine decimals.
pub fn seconds(point: Timestamp) -> String {
    let nanoseconds = point.as_nanosecond();
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    format!("{seconds}.{rest:09}")
}

fn read(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(ago) = duration(text) {
        return Timestamp::from_nanosecond(now.as_nanosecond() - ago).ok();
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let day = text.get(..10).and_then(|day| day.parse::<Date>().ok()).filter(|_| text.as_bytes()[4] == b'-');
    if let Some(day) = day {
        let (zone, rest) = match text[10..].strip_suffix('Z') {
            Some(rest) => (&TimeZone::UTC, rest),
            None => (zone, &text[10..]),
        };
        let clock = match rest.strip_prefix('T').map(|clock| (clock, clock.matches(':').count())) {
            None if rest.is_empty() => "00:00:00".to_owned(),
            None => return None,
            Some((clock, 0)) => format!("{clock}:00:00"),
            Some((clock, 1)) => format!("{clock}:00"),
            Some((clock, _)) => clock.to_owned(),
        };
        let time: DateTime = format!("{day}T{clock}").parse().ok()?;
        return Some(time.to_zoned(zone.clone()).ok()?.timestamp());
    }
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_digit());
    let is_time = is_number(seconds) && is_number(decimals) && decimals.len() <= 9;
    let nanoseconds = is_time.then(|| format!("{decimals:0<9}").parse().ok()).flatten()?;
    Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
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

    fn now() -> Timestamp {
        Timestamp::from_second(1000).expect("in range")
    }

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
            ("1970-01-02Z", "86400.000000000"),
            ("1767360217", "1767360217.000000000"),
            ("1767360217.25", "1767360217.250000000"),
        ] {
            assert_eq!(point(text, now(), &east).map(seconds).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_point_in_time_is_said() {
        let huge = "9".repeat(60) + "h";
        for text in
            ["", "-", "yesterday", "1x", "1970-13-01", "1970-01-01 03", "1970-01-01Tx", "1.2.3", "é", &huge]
        {
            assert!(point(text, now(), &TimeZone::UTC).is_err(), "{text}");
        }
    }
}
