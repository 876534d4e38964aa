//! What a scalar is taken for: text, a number, a date, true or false, or nothing.

use super::Value;

/// Resolves a scalar as Go's yaml parser does, which docker compose reads with.
pub(super) fn resolve(text: &str, is_plain: bool, tag: Option<(&str, &str)>) -> Value {
    if let Some(("tag:yaml.org,2002:", "str")) = tag {
        return Value::Text(text.into());
    }
    if let Some(("tag:yaml.org,2002:", "binary")) = tag
        && let Some(decoded) = base64(text)
    {
        return Value::Text(decoded.into());
    }
    let typed = matches!(tag, Some(("tag:yaml.org,2002:", "int" | "float" | "bool" | "null")));
    if !is_plain && !typed {
        return Value::Text(text.into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return Value::Text(text.into());
    }
    if is_date(text) {
        return Value::Date(text.into());
    }
    let digits = text.replace('_', "");
    if let Some(number) = integer(&digits) {
        return Value::Int(number);
    }
    if is_float(&digits)
        && let Ok(number) = digits.parse()
    {
        return Value::Float(number);
    }
    Value::Text(text.into())
}

/// Decodes `!!binary`; `None` if it is not base 64, or not text.
fn base64(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

fn integer(digits: &str) -> Option<i128> {
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = if let Some(rest) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        u64::from_str_radix(rest, 16)
    } else if let Some(rest) = digits.strip_prefix("0b").or_else(|| digits.strip_prefix("0B")) {
        u64::from_str_radix(rest, 2)
    } else if let Some(rest) = digits.strip_prefix("0o").or_else(|| digits.strip_prefix("0O")) {
        u64::from_str_radix(rest, 8)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(&digits[1..], 8)
    } else {
        digits.parse()
    };
    let number = i128::from(number.ok()?);
    (!negative || number <= 1 << 63).then_some(if negative { -number } else { number })
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(left, right)| (left, Some(right)));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_holds = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    exponent_holds && all_digits(whole) && all_digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// `2001-01-31`, with or without a time of day.
fn is_date(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim_start())),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let number = |part: &str, low: u32, high: u32| {
        part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|value| (low..=high).contains(&value))
    };
    let [year, month, day] = parts[..] else { return false };
    let date_holds = year.len() == 4
        && number(year, 0, 9999)
        && (1..=2).contains(&month.len())
        && number(month, 1, 12)
        && (1..=2).contains(&day.len())
        && number(day, 1, 31);
    date_holds
        && time
            .is_none_or(|time| time.split(':').count() >= 3 && time.starts_with(|c: char| c.is_ascii_digit()))
}
