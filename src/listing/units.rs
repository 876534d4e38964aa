//! Sizes, ages and long texts in docker's words.
//!
//! Follows <https://pkg.go.dev/github.com/docker/go-units>, in which docker and docker compose write them.

/// Returns an age or duration: `About a minute`, `3 weeks`.
pub(super) fn human_duration(seconds: i64) -> String {
    let minutes = seconds / 60;
    // Hours are rounded, all else is cut off.
    let hours = (seconds + 1800) / 3600;
    match (seconds, minutes, hours) {
        (..1, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (_, _, 1) => "About an hour".to_owned(),
        (_, _, ..48) => format!("{hours} hours"),
        (_, _, ..336) => format!("{} days", hours / 24),
        (_, _, ..1440) => format!("{} weeks", hours / 24 / 7),
        (_, _, ..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

/// Returns a size in powers of 1000 with three digits: `1.99MB`.
pub(super) fn human_size(bytes: f64) -> String {
    size(bytes, 1000.0, &["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"], 3)
}

/// Returns a size in powers of 1024 with four digits: `23.54GiB`.
pub(super) fn bytes_size(bytes: f64) -> String {
    size(bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"], 4)
}

fn size(mut size: f64, base: f64, units: &[&str], digits: usize) -> String {
    let mut at = 0;
    while size >= base && at + 1 < units.len() {
        size /= base;
        at += 1;
    }
    format!("{}{}", significant(size, digits), units[at])
}

/// Returns a number with at most so many digits, as C's `%g` writes it.
fn significant(number: f64, digits: usize) -> String {
    let exact = format!("{number:.*e}", digits - 1);
    let (mantissa, exponent) = exact.split_once('e').unwrap_or((&exact, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(exponent) {
        Ok(whole) if whole < digits => trimmed(&format!("{number:.*}", digits - 1 - whole)),
        Err(_) if exponent >= -4 => {
            let places = digits - 1 + usize::try_from(-exponent).unwrap_or(0);
            trimmed(&format!("{number:.places$}"))
        }
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
        }
    }
}

/// Returns a text cut to so many characters, the last of which is `…` then.
pub(super) fn ellipsis(text: &str, width: usize) -> String {
    match text.char_indices().nth(width) {
        None => text.to_owned(),
        Some(_) => text.chars().take(width - 1).chain(['…']).collect(),
    }
}

/// Returns the first twelve digits of an ID, without its algorithm.
pub(super) fn short(id: &str) -> &str {
    let digits = id.split_once(':').map_or(id, |(_, digits)| digits);
    digits.get(..12).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_as_docker_says_them() {
        let hour = 3600;
        for (seconds, words) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (59 * 60 + 59, "59 minutes"),
            (hour, "About an hour"),
            (hour + 1800, "2 hours"),
            (47 * hour, "47 hours"),
            (48 * hour, "2 days"),
            (14 * 24 * hour, "2 weeks"),
            (60 * 24 * hour, "2 months"),
            (800 * 24 * hour, "2 years"),
        ] {
            assert_eq!(human_duration(seconds), words, "{seconds}");
        }
    }

    #[test]
    fn sizes_have_as_many_digits_as_dockers() {
        for (bytes, decimal, binary) in [
            (0.0, "0B", "0B"),
            (916.0, "916B", "916B"),
            (1_985_501.0, "1.99MB", "1.894MiB"),
            (118_100_000.0, "118MB", "112.6MiB"),
            (999_999.0, "1e+03kB", "976.6KiB"),
            (25_276_162_048.0, "25.3GB", "23.54GiB"),
            (1_429_143.0, "1.43MB", "1.363MiB"),
            (0.05, "0.05B", "0.05B"),
        ] {
            assert_eq!(
                (human_size(bytes).as_str(), bytes_size(bytes).as_str()),
                (decimal, binary),
                "{bytes}"
            );
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(ellipsis("sleep 1000", 20), "sleep 1000");
        assert_eq!(ellipsis("sh -c 'sleep 1000 & sleep'", 20), "sh -c 'sleep 1000 &…");
        assert_eq!(ellipsis("ééé", 2), "é…");
        assert_eq!(short("sha256:a2306473d7d5c5e9"), "a2306473d7d5");
        assert_eq!(short("abc"), "abc");
    }
}
