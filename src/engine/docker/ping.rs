//! Asks an engine for its API version and its clock in the cheapest way there is.
//!
//! bollard asks `/version`, for which an engine runs other programs: 5 to 13 ms, where `/_ping` takes 0.3.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::wire::Dialer;

/// How long an engine may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(15);

/// What an engine says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pong {
    /// The newest API version that it speaks.
    pub(super) api: (u32, u32),
    /// Its clock, in seconds since 1970.
    pub(super) seconds: Option<i64>,
    /// Whether it has BuildKit.
    pub(super) buildkit: bool,
}

/// Returns what the engine says of itself, or why it does not answer.
pub(super) async fn ping(dialer: &Dialer) -> Result<Pong, String> {
    match tokio::time::timeout(PATIENCE, ask(dialer)).await {
        Err(_) => Err("no answer in 15 seconds".to_owned()),
        Ok(Err(error)) => Err(plain(&error)),
        Ok(Ok(answer)) => {
            let api = header(&answer, "api-version").and_then(parse_version);
            let api = api.ok_or_else(|| "what answers there is not a Docker Engine".to_owned())?;
            // Docker Engine has it since 18.09, on Linux; Podman answers with a header of its own.
            let is_windows = header(&answer, "ostype") == Some("windows");
            let is_podman = header(&answer, "libpod-api-version").is_some();
            let buildkit = api >= (1, 39) && !is_windows && !is_podman;
            Ok(Pong { api, seconds: header(&answer, "date").and_then(parse_date), buildkit })
        }
    }
}

/// Parses `1.41`.
pub(super) fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.trim().trim_start_matches('v').split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Parses `Mon, 23 Nov 2026 09:52:57 GMT` into seconds since 1970.
fn parse_date(text: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split_once(", ")?.1.split([' ', ':']);
    let number = |word: Option<&str>| word?.parse::<i64>().ok();
    let day = number(words.next())?;
    let month = i64::try_from(MONTHS.find(words.next()?)? / 3).ok()?;
    let year = number(words.next())?;
    let (hour, minute, second) = (number(words.next())?, number(words.next())?, number(words.next())?);
    Some(seconds_since_1970([year, month, day, hour, minute, second]))
}

/// Parses `2026-01-31T23:59:59.5+01:00` into seconds since 1970.
pub(super) fn parse_timestamp(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T')?;
    let zone = clock.find(['Z', '+', '-'])?;
    let (clock, zone) = clock.split_at(zone);
    let numbers = |text: &str, by: char| -> Option<Vec<i64>> {
        text.split(by).map(|number| number.parse().ok()).collect()
    };
    let clock = clock.split('.').next().unwrap_or(clock);
    let ([year, month, day], [hour, minute, second]) =
        (<[i64; 3]>::try_from(numbers(date, '-')?).ok()?, <[i64; 3]>::try_from(numbers(clock, ':')?).ok()?);
    let offset = match zone.trim_start_matches(['Z', '+', '-']) {
        "" => 0,
        zone => numbers(zone, ':')?.iter().zip([3600, 60]).map(|(number, unit)| number * unit).sum(),
    };
    let local = seconds_since_1970([year, month - 1, day, hour, minute, second]);
    Some(if zone.starts_with('-') { local + offset } else { local - offset })
}

/// Parses the same into nanoseconds since 1970.
pub(super) fn parse_nanoseconds(text: &str) -> Option<i64> {
    let seconds = parse_timestamp(text)?;
    let digits = text.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits: String = digits.chars().take_while(char::is_ascii_digit).take(9).collect();
    let nanoseconds: i64 = format!("{digits:0<9}").parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Counts seconds since 1970; the month counts from 0.
fn seconds_since_1970([year, month, day, hour, minute, second]: [i64; 6]) -> i64 {
    // Years that begin in March have their leap day at the end.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719,468 days lie between March 1st of the year 0 and 1970.
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468;
    ((days * 24 + hour) * 60 + minute) * 60 + second
}

async fn ask(dialer: &Dialer) -> std::io::Result<String> {
    exchange(dialer.dial().await?).await
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<String> {
    let asked = stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n").await;
    let mut answer = Vec::new();
    // The headers of a ping take a few hundred bytes.
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") && answer.len() < 16_384 {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    // Who hangs up may have said why: that is read first, and is the better reason.
    asked?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Says an error in the words of the system, without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(parse_version("1.41"), Some((1, 41)));
        assert!(parse_version("1.9") < parse_version("1.41"));
        assert_eq!(parse_version("new"), None);
        let answer = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\n\r\nOK";
        assert_eq!(header(answer, "api-version"), Some("1.41"));
    }

    #[test]
    fn dates_are_counted_in_seconds() {
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse_date("Thu, 29 Feb 2024 12:30:45 GMT"), Some(1_709_209_845));
        assert_eq!(parse_date("Mon, 23 Nov 2026 09:52:57 GMT"), Some(1_795_427_577));
        assert_eq!(parse_date("yesterday"), None);
        assert_eq!(parse_timestamp("2024-02-29T12:30:45.123456789Z"), Some(1_709_209_845));
        assert_eq!(parse_timestamp("2024-02-29T13:30:45+01:00"), Some(1_709_209_845));
        assert_eq!(parse_timestamp("2024-02-29"), None);
        assert_eq!(parse_nanoseconds("2024-02-29T12:30:45.12345Z"), Some(1_709_209_845_123_450_000));
        assert_eq!(parse_nanoseconds("2024-02-29T13:30:45+01:00"), Some(1_709_209_845_000_000_000));
    }

    #[test]
    fn errors_are_said_plainly() {
        assert_eq!(plain(&std::io::Error::from_raw_os_error(2)), "no such file or directory");
    }
}
