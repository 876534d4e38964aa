//! Points in time on the command line, as docker takes them: `42m`, `2013-01-02T13:23:37Z`, `1357133017`.

use std::time::Duration;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Reads a point in time as nanoseconds since 1970: a duration counts back from `now`, a time without a zone is one of
/// this place, a number is in seconds.
///
/// [The engine's documentation](https://docs.docker.com/reference/cli/docker/container/logs/#since) lists the forms.
pub(crate) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let local = |time: DateTime| TimeZone::system().to_timestamp(time).ok();
    let seconds = || {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        Timestamp::new(whole.parse().ok()?, fraction).ok()
    };
    let read = ago(text).and_then(|ago| now.checked_sub(SignedDuration::try_from(ago).ok()?).ok());
    read.or_else(|| text.parse().ok())
        .or_else(seconds)
        .or_else(|| local(text.parse().ok()?))
        .or_else(|| {
            let (date, zone) = (text.get(..10)?.parse::<Date>().ok()?, text.get(10..)?);
            let midnight = date.to_datetime(jiff::civil::Time::midnight());
            if zone == "Z" { TimeZone::UTC.to_timestamp(midnight).ok() } else { None }
        })
        .or_else(|| local(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())))
        .ok_or_else(|| {
            format!("`{text}` is no point in time: write `42m`, `2013-01-02T13:23:37Z` or seconds since 1970")
        })
}

/// Reads a duration of Go: `1h30m`, `1.5s`, `300ms`.
fn ago(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut all = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|one: char| !one.is_ascii_digit() && one != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|one: char| one.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        rest = &rest[unit..];
        all += Duration::try_from_secs_f64(number * seconds).ok()?;
    }
    (!text.is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_docker_reads_them() {
        let now: Timestamp = "2024-05-06T07:08:09Z".parse().unwrap_or_default();
        let read = |text: &str| moment(text, now).map(|moment| moment.to_string()).unwrap_or_default();
        assert_eq!(read("42m"), "2024-05-06T06:26:09Z");
        assert_eq!(read("1h8m9.5s"), "2024-05-06T05:59:59.5Z");
        assert_eq!(read("2013-01-02T13:23:37Z"), "2013-01-02T13:23:37Z");
        assert_eq!(read("2013-01-02T13:23:37+01:00"), "2013-01-02T12:23:37Z");
        assert_eq!(read("1357133017"), "2013-01-02T13:23:37Z");
        assert_eq!(read("1357133017.25"), "2013-01-02T13:23:37.25Z");
        assert_eq!(read("2013-01-02Z"), "2013-01-02T00:00:00Z");
        assert!(!read("2013-01-02T13:23:37").is_empty() && !read("2013-01-02").is_empty());
        for wrong in ["", "yesterday", "5", "5x", "42", "-"] {
            assert!(moment(wrong, now).is_err() || wrong.parse::<i64>().is_ok(), "{wrong}");
        }
    }
}
