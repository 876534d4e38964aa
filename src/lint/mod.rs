//! Room 7: what is allowed, and seldom meant: a table of rules over a project that loads without an error.
//!
//! A rule is a file in `rules/` and a line in [`RULES`]; its example lies in `examples/`. Rules read no disk and ask no
//! engine: what they need to know of the host is handed over in [`Input`].

mod allow;
mod finding;
pub mod fix;
pub mod host;
pub mod levels;
pub mod programs;
mod rules;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Page, Severity};
use crate::project::Project;
use crate::source::{SourceMap, Span};
use crate::yaml::Node;

use allow::Allowances;
use finding::Finding;
use host::Host;
use programs::Programs;

pub use crate::model::x_topo::lint::Level;
pub use levels::Levels;
pub use rules::RULES;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who reaches whom, and how.
    Network,
    /// What an attacker could use.
    Security,
    /// What fails at a bad time.
    Reliability,
    /// What is there for no reason.
    Style,
    /// What another platform does not keep.
    Kubernetes,
}

impl Group {
    /// All groups, in the order of the documentation.
    pub const ALL: &[Self] =
        &[Self::Network, Self::Security, Self::Reliability, Self::Style, Self::Kubernetes];

    /// The name that people see and write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Security => "security",
            Self::Reliability => "reliability",
            Self::Style => "style",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name, what it is for, and its example.
    pub page: Page,
    /// What it is about.
    pub group: Group,
    /// How grave it is, unless the user says otherwise.
    pub level: Level,
    /// Whether `--fix` mends what it finds, at least where it is written as most people do.
    pub has_fix: bool,
    /// Finds the places that it does not hold at.
    check: fn(&Input<'_>) -> Vec<Finding>,
}

impl Rule {
    /// Returns the kind of its diagnostics.
    pub fn code(&'static self) -> Code {
        Code::Rule(&self.page)
    }

    /// Returns its name.
    pub fn name(&self) -> &'static str {
        self.page.name
    }
}

/// What the rules look at.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its files.
    pub sources: &'a SourceMap,
    /// What was said when it was loaded.
    pub said: &'a Diagnostics,
    /// Finds what an export to Kubernetes loses, or makes only nearly; asked only by a rule that is on.
    pub losses: &'a dyn Fn() -> Vec<Diagnostic>,
    /// The host that the project is to run on, if that is known.
    pub host: Option<&'a Host>,
    /// What images lack of what health checks run, if that is known.
    pub lacking: Option<&'a Programs>,
}

impl Input<'_> {
    /// Returns where the last key of `path` was written, or the nearest place around it.
    fn span(&self, path: &[&str]) -> Span {
        self.project.span(path)
    }

    /// Returns what was written at `path`.
    fn node(&self, path: &[&str]) -> Option<&Node> {
        self.project.written.at(path)
    }
}

/// Returns what the rules find, and what is wrong with the allowances; all that was said when the project was loaded
/// comes along, unless a rule says it better.
pub fn lint(input: &Input<'_>, levels: &Levels) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let is_ours = |said: &&&Diagnostic| said.code == Code::ObsoleteAttribute;
    let said = input.said.sorted();
    said.iter().filter(|said| !is_ours(said)).for_each(|said| diagnostics.push((*said).clone()));
    let allowances = Allowances::read(input, &mut diagnostics);
    let levels = levels.with_project(input.project, &mut diagnostics);
    for rule in RULES {
        let severity = match levels.of(rule) {
            Level::Off => continue,
            Level::Note => Severity::Note,
            Level::Warn => Severity::Warning,
            Level::Error => Severity::Error,
        };
        let mut findings = (rule.check)(input);
        fix::spare_others(&mut findings, input);
        for finding in findings {
            if !allowances.hold(rule, &finding, input.sources) {
                diagnostics.push(finding.into_diagnostic(rule.code(), severity));
            }
        }
    }
    diagnostics
}
