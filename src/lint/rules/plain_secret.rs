//! Secrets in the environment, written out in the file.

use super::{Finding, Input};

rule! {
    /// A variable that looks like a secret has its value in the file. Whoever reads the file, `docker inspect` or a backup
    /// of either has it, and so does the history of the repository. A value that comes from a variable of the shell or of
    /// an env file alone is not meant.
    "plain-secret" in Security at Warn, has_fix: false, check: check
}

const WORDS: &[&str] = &["PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "APIKEY", "CREDENTIALS"];
const PAIRS: &[(&str, &str)] =
    &[("API", "KEY"), ("ACCESS", "KEY"), ("PRIVATE", "KEY"), ("SECRET", "KEY"), ("ENCRYPTION", "KEY")];

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in input.project.services.keys() {
        let written = input.node(&["services", name, "environment"]);
        for (variable, entry) in written.and_then(|node| node.as_map()).into_iter().flatten() {
            let value = entry.node.scalar_text().unwrap_or_default();
            if !looks_secret(variable) || !is_literal(input, variable, entry.node.span, &value) {
                continue;
            }
            let path = ["services", name, "environment", variable];
            let message = format!("the value of `{variable}` of service `{name}` is in the file");
            found.push(Finding::at(input, &path, message, "for everybody to read").help(format!(
                "put it into `secrets:`, or into an env file that is in no repository: `{variable}: ${{{variable}:?}}`"
            )));
        }
    }
    found
}

/// `DB_PASSWORD` does, `PASSWORD_FILE` and `TOKEN_TTL` do not.
fn looks_secret(variable: &str) -> bool {
    let upper = variable.to_ascii_uppercase();
    let parts: Vec<&str> = upper.split(['_', '-', '.']).collect();
    match parts[..] {
        [.., before, last] => WORDS.contains(&last) || PAIRS.contains(&(before, last)),
        [last] => WORDS.contains(&last) || last.ends_with("PASSWORD"),
        [] => false,
    }
}

/// Whether the value is written out, if only as the default of a variable.
fn is_literal(input: &Input<'_>, variable: &str, span: crate::source::Span, value: &str) -> bool {
    if matches!(value, "" | "true" | "false") {
        return false;
    }
    let text = input.sources.text(span).trim_matches(['"', '\'']);
    // An item `KEY=value` of a list is one text.
    let text = text.strip_prefix(variable).and_then(|rest| rest.strip_prefix('=')).unwrap_or(text);
    // `$$` is a dollar sign for the container.
    let text = text.replace("$$", "");
    // `${X:-value}`, but not `${X:-}` and `${X:?why}`.
    let has_default = text.split("${").skip(1).any(|reference| {
        let inside = reference.split('}').next().unwrap_or("");
        let name = inside.find(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        let form = name.map_or("", |at| inside[at..].trim_start_matches(':'));
        form.len() > 1 && form.starts_with(['-', '+'])
    });
    !text.contains('$') || has_default
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn names_of_secrets_end_with_what_they_are() {
        for name in ["DB_PASSWORD", "TOKEN", "AWS_SECRET_ACCESS_KEY", "api_key", "PGPASSWORD"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["PASSWORD_FILE", "TOKEN_TTL", "KEY", "CACHE_KEY", "SECRETARY", ""] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
