//! Room 1: what topo has to say about its input, as data. `ui` prints it; nothing here does.

pub mod example;
pub mod text;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::source::{SourceMap, Span};

use example::Example;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something to know; nothing is wrong.
    Note,
    /// The run goes on and does what was asked.
    Warning,
    /// The run ends after this stage.
    Error,
}

impl Severity {
    /// Returns the word for it, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// The kind of a diagnostic; the name is stable and reads as "allow X".
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
            /// A rule of `topo lint`.
            Rule(&'static Page),
        }

        impl Code {
            /// All codes but those of rules, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name that people see and write.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ Self::Rule(page) => page.name }
            }

            /// A project that gets it, and how that is mended.
            pub fn example(self) -> Example<'static> {
                Example::read(match self {
                    $(Self::$variant => include_str!(concat!("diagnostic/examples/", $name, ".txt")),)+
                    Self::Rule(page) => page.example,
                })
            }

            /// What it means, in one line.
            pub fn meaning(self) -> String {
                self.documentation().split_whitespace().collect::<Vec<_>>().join(" ")
            }

            /// What it means, in Markdown.
            pub fn documentation(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc, "\n",)+),)+
                    Self::Rule(page) => page.documentation,
                }
            }
        }
    };
}

codes! {
    /// A file could not be read: it is missing, a directory, not readable, or not UTF-8.
    UnreadableFile = "unreadable-file",
    /// No compose file was named, and none was found in the working directory or above it.
    NoComposeFile = "no-compose-file",
    /// The text is not YAML.
    InvalidYaml = "invalid-yaml",
    /// The same key is written twice in one mapping.
    DuplicateKey = "duplicate-key",
    /// Aliases, `extends`, `include` or env files multiply to more than any real project holds.
    ExcessiveExpansion = "excessive-expansion",
    /// A variable reference is malformed, or a required variable is not set.
    Interpolation = "interpolation",
    /// A variable is used that is set nowhere; it reads as the empty string.
    UnsetVariable = "unset-variable",
    /// An env file has a line that is not an assignment.
    InvalidEnvFile = "invalid-env-file",
    /// An attribute that does not exist at this place.
    UnknownKey = "unknown-key",
    /// An attribute that the specification has, and this version of topo does not handle yet.
    UnsupportedAttribute = "unsupported-attribute",
    /// An attribute that does nothing any more.
    ObsoleteAttribute = "obsolete-attribute",
    /// A value is of another kind than the attribute takes.
    WrongType = "wrong-type",
    /// A value has the right kind, but not a form that means something.
    InvalidValue = "invalid-value",
    /// A required attribute is not there.
    MissingKey = "missing-key",
    /// Two attributes that exclude or contradict each other.
    Conflict = "conflict",
    /// A project name that Docker would not take.
    InvalidProjectName = "invalid-project-name",
    /// A service, network, volume, config, secret or profile that is not defined.
    UnknownReference = "unknown-reference",
    /// Compose files that include each other, or are nested too deep.
    IncludeCycle = "include-cycle",
    /// Services that extend each other.
    ExtendsCycle = "extends-cycle",
    /// Services that wait for each other.
    DependencyCycle = "dependency-cycle",
    /// Two services publish the same port of the host.
    PortConflict = "port-conflict",
    /// An external network or volume that the engine does not have.
    MissingExternal = "missing-external",
    /// An overlay network on an engine that is no Swarm manager.
    SwarmNeeded = "swarm-needed",
    /// One end does not reach the other over the networks of the project.
    Unreachable = "unreachable",
    /// Something that Kubernetes expresses only nearly.
    ExportApproximated = "export-approximated",
    /// Something that Kubernetes cannot express.
    ExportLost = "export-lost",
    /// Manifests let through what the compose file does not, or the other way round, or know a name differently.
    ExportDiffers = "export-differs",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What there is to say about a kind of diagnostic that is declared elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page {
    /// The name, in kebab case.
    pub name: &'static str,
    /// What it means and why it matters, in Markdown.
    pub documentation: &'static str,
    /// The text of its [`Example`].
    pub example: &'static str,
}

/// A change of a file that mends what a diagnostic says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// What takes its place.
    pub text: String,
}

/// A place in a file and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// A few words, without a full stop.
    pub text: String,
}

/// One thing that topo has to say about its input.
///
/// The message is a lower-case phrase that states the fact; the first label says what is wrong at its place,
/// further ones tell the other half of the story; help is one imperative sentence that mends it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind it is.
    pub code: Code,
    /// The fact, as a lower-case phrase.
    pub message: String,
    /// The places, the primary one first.
    pub labels: Vec<Label>,
    /// How to mend it.
    pub help: Option<String>,
    /// The changes that mend it, if a program can do that; they belong together.
    pub edits: Vec<Edit>,
}

impl Diagnostic {
    /// Makes an error without places.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: bounded(message.into()),
            labels: Vec::new(),
            help: None,
            edits: Vec::new(),
        }
    }

    /// Makes a note without places.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(code, message) }
    }

    /// Makes a warning without places.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds a place. The first one added is the primary one.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: bounded(text.into()) });
        self
    }

    /// Says how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(bounded(help.into()));
        self
    }

    /// Says how to mend it, if something can be said.
    #[must_use]
    pub fn help_if(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }
}

/// A variable whose value is part of a value, for the other half of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingredient {
    /// The variable.
    pub name: String,
    /// What it is set to.
    pub value: String,
    /// Where it is used.
    pub used_at: Span,
    /// Where an env file sets it.
    pub set_at: Option<Span>,
    /// What else sets it, for people: `in the shell`.
    pub set_by: &'static str,
}

/// Cuts a text: names and values in it may have megabytes.
fn bounded(mut text: String) -> String {
    const LIMIT: usize = 1000;
    if let Some((cut, _)) = text.char_indices().nth(LIMIT) {
        text.truncate(cut);
        text.push_str("...");
    }
    text
}

/// Collects what the stages have to say. A stage goes on after an error, so that one run tells all.
#[derive(Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    /// Where in `found` those with a hash are: a file may have as many mistakes as lines.
    places: HashMap<u64, Vec<usize>>,
    /// The variables in the values at these spans.
    origins: BTreeMap<Span, Vec<Ingredient>>,
}

impl Diagnostics {
    /// Adds one, unless the same was said before (an alias or an inherited service is read more than once).
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        self.tell_origins(&mut diagnostic);
        let mut hasher = DefaultHasher::new();
        diagnostic.hash(&mut hasher);
        let same_hash = self.places.entry(hasher.finish()).or_default();
        if same_hash.iter().all(|at| self.found[*at] != diagnostic) {
            same_hash.push(self.found.len());
            self.found.push(diagnostic);
        }
    }

    /// Notes that the value at `span` has a variable's value in it. Diagnostics about that value then show where
    /// the variable was set.
    pub fn remember(&mut self, span: Span, origin: Ingredient) {
        let known = self.origins.entry(span).or_default();
        if !known.contains(&origin) {
            known.push(origin);
        }
    }

    fn tell_origins(&self, diagnostic: &mut Diagnostic) {
        let Some(primary) = diagnostic.labels.first().filter(|_| diagnostic.code != Code::UnsetVariable)
        else {
            return;
        };
        // The nearest value that starts at or before the label; values do not overlap.
        let around = self.origins.range(..=primary.span.whole_after()).next_back();
        let Some((_, origins)) = around.filter(|(span, _)| span.holds(primary.span)) else { return };
        for origin in origins {
            let value: String = origin.value.chars().take(40).collect();
            let cut = if value.len() < origin.value.len() { "..." } else { "" };
            let text = format!("`{}` is `{value}{cut}`", origin.name);
            let label = match origin.set_at {
                Some(span) => Label { span, text },
                None => Label { span: origin.used_at, text: format!("{text} {}", origin.set_by) },
            };
            if !diagnostic.labels.contains(&label) {
                diagnostic.labels.push(label);
            }
        }
    }

    /// Adds several.
    pub fn push_all(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }

    /// Returns whether a later stage must not run.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|one| one.severity == Severity::Error)
    }

    /// Returns all of them, by file and place; those without a place come first.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<_> = self.found.iter().collect();
        sorted.sort_by_key(|one| one.labels.first().map(|label| label.span));
        sorted
    }

    /// Counts the errors and the warnings.
    pub fn count(&self) -> (usize, usize) {
        let count = |severity| self.found.iter().filter(|one| one.severity == severity).count();
        (count(Severity::Error), count(Severity::Warning))
    }
}

/// Returns "did you mean `x`?" for the candidate nearest to `written`, if one is near.
pub fn did_you_mean<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(written, candidates).map(|name| format!("did you mean `{name}`?"))
}

/// Returns the candidate within an edit distance that a slip of the finger explains.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The names that people write are short, and comparing takes the product of the lengths.
    const LONGEST: usize = 64;
    let length = written.chars().take(LONGEST + 1).count();
    let limit = (length / 3).clamp(1, 2);
    candidates
        .into_iter()
        .filter(|candidate| length <= LONGEST && candidate.len().abs_diff(written.len()) <= 4 * limit)
        .map(|candidate| (strsim::damerau_levenshtein(written, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Writes `file:line:column: error[code]: message`, for tests and for plain listings.
pub fn one_line(diagnostic: &Diagnostic, sources: &SourceMap) -> String {
    let severity = diagnostic.severity.word();
    let place = diagnostic.labels.first().and_then(|label| sources.locate(label.span));
    let place = place.map_or(String::new(), |at| format!("{}:{}:{}: ", at.file, at.line, at.column));
    format!("{place}{severity}[{}]: {}", diagnostic.code, diagnostic.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near() {
        assert_eq!(nearest("dbb", ["web", "db"]), Some("db"));
        assert_eq!(nearest("prots", ["ports", "image"]), Some("ports"));
        assert_eq!(nearest("x", ["y", "image"]), Some("y"));
        assert_eq!(nearest("redis", ["postgres"]), None);
    }

    #[test]
    fn code_names_are_unique_and_documented() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| code.documentation().trim().ends_with('.')));
    }
}
