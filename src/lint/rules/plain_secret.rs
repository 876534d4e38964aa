//! Secrets in the environment and in the arguments of builds, written out in the file.

use super::{Finding, Input};

rule! {
    /// A variable or build argument that looks like a secret, or an address with a password in it, has its value in the
    /// file. Whoever reads the file, `docker inspect` or a backup of either has it, and so does the history of the
    /// repository. A value that comes from a variable of the shell or of an env file alone is not meant.
    "plain-secret" in Security at Warn, has_fix: false, check: check
}

const WORDS: &[&str] =
    &["PASSWORD", "PASSWD", "PASS", "PASSPHRASE", "TOKEN", "SECRET", "APIKEY", "CREDENTIALS"];
/// Words that mean a secret after another one only: `PWD` alone is a directory.
const PAIRS: &[(&str, &str)] = &[
    ("API", "KEY"), ("ACCESS", "KEY"), ("PRIVATE", "KEY"), ("SECRET", "KEY"), ("ENCRYPTION", "KEY"),
    ("SIGNING", "KEY"), ("MYSQL", "PWD"), ("DB", "PWD"), ("ROOT", "PWD"), ("ADMIN", "PWD"), ("USER", "PWD"),
    ("GITHUB", "PAT"), ("GITLAB", "PAT"), ("GH", "PAT"),
];

fn check(input: &Input<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in input.project.services.keys() {
        for place in [&["environment"][..], &["build", "args"]] {
            let path = [&["services", name.as_str()], place].concat();
            let is_built = place.len() > 1;
            let written = input.node(&path);
            for (variable, entry) in written.and_then(|node| node.as_map()).into_iter().flatten() {
                let value = entry.node.scalar_text().unwrap_or_default();
                let text = input.sources.text(entry.node.span);
                let what = if looks_secret(variable) && is_literal(text, variable, &value) {
                    format!("the value of `{variable}` of service `{name}` is in the file")
                } else if password_of_address(&value).is_some_and(|password| text.contains(password)) {
                    format!("a password in `{variable}` of service `{name}` is in the file")
                } else {
                    continue;
                };
                let help = match is_built {
                    true => "put it into `build.secrets:`, which stay out of the image".to_owned(),
                    false => format!(
                        "put it into `secrets:`, or into an env file that is in no repository: `{variable}: ${{{variable}:?}}`"
                    ),
                };
                let path = [&path[..], &[variable.as_str()]].concat();
                found.push(Finding::at(input, &path, what, "for everybody to read").help(help));
            }
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

/// Returns the password of `scheme://user:password@host`.
fn password_of_address(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password).filter(|password| !password.is_empty())
}

/// Whether the value is written out in `text`, if only as the default of a variable.
fn is_literal(text: &str, variable: &str, value: &str) -> bool {
    if matches!(value, "" | "true" | "false") {
        return false;
    }
    let text = text.trim_matches(['"', '\'']);
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
    use super::{looks_secret, password_of_address};

    #[test]
    fn names_of_secrets_end_with_what_they_are() {
        for name in ["DB_PASSWORD", "TOKEN", "AWS_SECRET_ACCESS_KEY", "api_key", "PGPASSWORD", "MYSQL_PWD", "REDIS_PASS"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["PASSWORD_FILE", "TOKEN_TTL", "KEY", "CACHE_KEY", "SECRETARY", "PWD", "OLD_PWD", "COMPASS", ""] {
            assert!(!looks_secret(name), "{name}");
        }
    }

    #[test]
    fn addresses_have_their_passwords_before_the_host() {
        assert_eq!(password_of_address("postgres://app:hunter2@db:5432/app"), Some("hunter2"));
        for none in ["postgres://app@db/a:b@c", "http://db:5432/", "a:b@c", "redis://:@cache", ""] {
            assert_eq!(password_of_address(none), None, "{none}");
        }
    }
}
