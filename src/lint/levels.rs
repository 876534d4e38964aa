//! How grave each rule is: what the rule says, what the project says, and what the command line says, which wins.

use std::collections::BTreeMap;

use super::{Group, RULES, Rule};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::model::x_topo::lint::Level;
use crate::project::Project;

/// What the user says of levels.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// By the rule's name; the last word counts.
    given: BTreeMap<&'static str, Level>,
    /// Only rules of these groups; empty for all.
    pub groups: Vec<Group>,
}

/// Returns the rules that a name stands for: a rule, the rules of a group, or `all`. Else it says what may be meant.
pub fn named(name: &str) -> Result<Vec<&'static Rule>, Option<String>> {
    let is_meant = |rule: &&Rule| rule.name() == name || rule.group.name() == name || name == "all";
    let rules: Vec<_> = RULES.iter().copied().filter(is_meant).collect();
    if !rules.is_empty() {
        return Ok(rules);
    }
    let known = RULES.iter().map(|rule| rule.name()).chain(Group::ALL.iter().map(|group| group.name()));
    Err(did_you_mean(name, known))
}

impl Levels {
    /// Gives the rules of a name a level.
    pub fn set(&mut self, rules: &[&'static Rule], level: Level) {
        self.given.extend(rules.iter().map(|rule| (rule.name(), level)));
    }

    /// Returns the level of a rule.
    pub fn of(&self, rule: &Rule) -> Level {
        if !self.groups.is_empty() && !self.groups.contains(&rule.group) {
            return Level::Off;
        }
        self.given.get(rule.name()).copied().unwrap_or(rule.level)
    }

    /// Adds what the project says, where the command line says nothing.
    pub fn with_project(&self, project: &Project, diagnostics: &mut Diagnostics) -> Self {
        let mut levels = Self { groups: self.groups.clone(), ..Self::default() };
        let written = project.x_topo.as_ref().and_then(|x_topo| x_topo.lint.as_ref());
        let mut known: Vec<(Vec<&'static Rule>, Level)> = Vec::new();
        for (name, level) in written.iter().flat_map(|lint| &lint.levels) {
            let span = project.span(&["x-topo", "lint", "levels", name]);
            match named(name) {
                Ok(rules) => known.push((rules, *level)),
                Err(help) => diagnostics.push(unknown(name, help).label(span, "this is none")),
            }
        }
        // What is said of a rule wins over what is said of its group.
        known.sort_by_key(|(rules, _)| std::cmp::Reverse(rules.len()));
        known.iter().for_each(|(rules, level)| levels.set(rules, *level));
        levels.given.extend(&self.given);
        levels
    }
}

/// Says that there is no such rule.
pub(super) fn unknown(name: &str, help: Option<String>) -> Diagnostic {
    Diagnostic::error(Code::UnknownReference, format!("there is no rule `{name}`"))
        .help(help.unwrap_or_else(|| "`topo lint --list` lists them".to_owned()))
}
