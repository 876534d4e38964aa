//! The forms of names, quantities, addresses and schedules that the API server asks for.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::x_topo::schedule::is_schedule;

/// A form that text must have.
pub(super) struct Form {
    /// Whether text has it.
    pub(super) holds: fn(&str) -> bool,
    /// What text of this form is, with an article.
    pub(super) what: &'static str,
    /// How to write it.
    pub(super) help: &'static str,
}

macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident: $holds:expr, $what:literal, $help:literal;)+) => {
        $($(#[$doc])* pub(super) static $name: Form = Form { holds: $holds, what: $what, help: $help };)+
    };
}

forms! {
    /// See <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
    LABEL: is_label, "a DNS label", "write up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends";
    SUBDOMAIN: is_subdomain, "a DNS subdomain", "write up to 253 of a-z, 0-9, `-` and `.`, with a letter or digit at both ends of each part";
    SERVICE: is_service, "the name of a Service", "write up to 63 of a-z, 0-9 and `-`, with a letter first and a letter or digit last";
    GOVERNING_SERVICE: |text| text.is_empty() || is_service(text), "the name of a Service, or nothing", "write up to 63 of a-z, 0-9 and `-`, with a letter first and a letter or digit last";
    CRON_JOB: |text| is_subdomain(text) && text.len() <= 52, "the name of a CronJob", "write up to 52 of a-z, 0-9 and `-`: eleven characters are added for each Job";
    LABEL_VALUE: is_label_value, "the value of a label", "write up to 63 of letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";
    KEY: is_qualified_name, "the key of a label or an annotation", "write `[prefix/]name` with up to 63 of letters, digits, `-`, `_` and `.` as the name";
    PORT_NAME: is_port_name, "the name of a port", "write up to 15 of a-z, 0-9 and `-`, with a letter among them";
    QUANTITY: |text| quantity(text).is_some(), "a quantity", "write a number with a unit, such as 500m, 1.5 or 256Mi";
    CIDR: |text| text.contains('/') && text.parse::<IpNet>().is_ok(), "a block of addresses", "write one such as 10.0.0.0/8";
    ADDRESS: |text| text.parse::<IpAddr>().is_ok(), "an IP address", "write one such as 10.0.0.1";
    CLUSTER_IP: |text| text.is_empty() || text == "None" || text.parse::<IpAddr>().is_ok(), "an IP address or `None`", "leave it out, or write `None` for a headless Service";
    CRON: is_schedule, "a schedule", "write five fields, minute to weekday, such as `*/5 * * * *`, or `@daily`";
    ENV_NAME: is_env_name, "the name of a variable", "write printable characters without `=`";
    DATA_KEY: is_data_key, "a key of a ConfigMap or Secret", "write letters, digits, `-`, `_` and `.`";
    IMAGE: |text| !text.is_empty() && !text.contains(char::is_whitespace), "an image", "write `[registry/]name[:tag]`";
    MOUNT_PATH: |text| !text.is_empty() && !text.contains(':'), "a path to mount at", "write an absolute path without `:`";
    SUB_PATH: |text| !text.starts_with('/') && !text.split('/').any(|part| part == ".."), "a path within a volume", "write a relative path without `..`";
    HTTP_PATH: |text| text.starts_with('/'), "an absolute path", "begin it with `/`";
    HOST: |text| is_subdomain(text.strip_prefix("*.").unwrap_or(text)) && text.parse::<IpAddr>().is_err(), "a host name", "write a name such as www.example.com or *.example.com";
    BASE64: is_base64, "base64", "encode it, or write it as it is below `stringData`";
    ANY_NAME: |text| !text.is_empty() && !matches!(text, "." | "..") && !text.contains(['/', '%']), "a name", "leave out `/` and `%`";
}

fn is_lower(one: char) -> bool {
    one.is_ascii_lowercase() || one.is_ascii_digit()
}

fn has_ends(text: &str, is_end: fn(char) -> bool) -> bool {
    text.chars().next().is_some_and(is_end) && text.chars().last().is_some_and(is_end)
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && has_ends(text, is_lower) && text.chars().all(|one| is_lower(one) || one == '-')
}

fn is_subdomain(text: &str) -> bool {
    let is_part =
        |part: &str| has_ends(part, is_lower) && part.chars().all(|one| is_lower(one) || one == '-');
    text.len() <= 253 && text.split('.').all(is_part)
}

fn is_service(text: &str) -> bool {
    is_label(text) && text.starts_with(|first: char| first.is_ascii_lowercase())
}

fn is_name_part(text: &str) -> bool {
    let is_end = |one: char| one.is_ascii_alphanumeric();
    text.len() <= 63
        && has_ends(text, is_end)
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
}

fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name_part(text)
}

fn is_qualified_name(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name_part(name),
        None => is_name_part(text),
    }
}

fn is_port_name(text: &str) -> bool {
    text.len() <= 15
        && has_ends(text, is_lower)
        && text.chars().any(|one| one.is_ascii_lowercase())
        && !text.contains("--")
        && text.chars().all(|one| is_lower(one) || one == '-')
}

fn is_env_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|one| (' '..='~').contains(&one) && one != '=')
}

fn is_data_key(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && !matches!(text, "." | "..")
        && !text.starts_with("..")
        && text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
}

fn is_base64(text: &str) -> bool {
    let digits: String = text.chars().filter(|one| !one.is_ascii_whitespace()).collect();
    let bare = digits.trim_end_matches('=');
    digits.len().is_multiple_of(4)
        && digits.len() - bare.len() <= 2
        && bare.chars().all(|one| one.is_ascii_alphanumeric() || "+/".contains(one))
}

/// Reads a quantity: `<number>[Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|e<number>]`.
///
/// See <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.
pub(super) fn quantity(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|one: char| !one.is_ascii_digit() && one != '.').unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(end);
    if digits.matches('.').count() > 1 || !digits.contains(|one: char| one.is_ascii_digit()) {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024_f64.powi(2),
        "Gi" => 1024_f64.powi(3),
        "Ti" => 1024_f64.powi(4),
        "Pi" => 1024_f64.powi(5),
        "Ei" => 1024_f64.powi(6),
        _ => 10_f64.powi(suffix.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(if text.starts_with('-') { -number * factor } else { number * factor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &Form, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((form.holds)(text), "`{text}` is {}", form.what);
        }
        for text in bad {
            assert!(!(form.holds)(text), "`{text}` is not {}", form.what);
        }
    }

    #[test]
    fn names() {
        let long = "a".repeat(64);
        check(&LABEL, &["a", "1a", "a-b"], &["", "A", "a_b", "-a", "a-", "a.b", &long]);
        check(&SUBDOMAIN, &["a.b", &long], &["a..b", ".a", "a_b", ""]);
        check(&SERVICE, &["a1"], &["1a", "front_end", "a.b"]);
        check(&LABEL_VALUE, &["", "A_b.c"], &["-a", "a b", &long]);
        check(&KEY, &["app", "a.b/C_d"], &["a/b/c", "/a", "A.b/c", "a b"]);
        check(&PORT_NAME, &["http", "h2-c"], &["80", "http_alt", "a--b", "way-too-long-name"]);
        check(&DATA_KEY, &["a.txt", "_A-1"], &["", "a/b", "..", "a b"]);
        check(&HOST, &["a.example.com", "*.example.com"], &["a_b", "10.0.0.1", "*.*.com"]);
    }

    #[test]
    fn quantities() {
        check(
            &QUANTITY,
            &["1", "1.5", ".5", "500m", "128Mi", "1e3", "1E3", "-1", "5."],
            &["", "1mb", "1 Gi", "Mi", "1KB", "1.2.3"],
        );
        assert_eq!(quantity("1Ki"), Some(1024.0));
        assert_eq!(quantity("500m"), Some(0.5));
    }

    #[test]
    fn blocks_and_encodings() {
        check(&CIDR, &["10.0.0.0/8", "fd00::/8"], &["10.0.0.0", "10.0.0.0/33", "x/8"]);
        check(&BASE64, &["", "YQ==", "YWJj"], &["a", "====", "YQ=a", "!!!!"]);
    }
}
