//! The variables of a run: the shell's, and those of env files.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::World;
use crate::source::{Span, Spanned};

const PROJECT_NAME: &str = "COMPOSE_PROJECT_NAME";

/// Where the value of a variable comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The shell.
    Shell,
    /// An env file, which says so there.
    EnvFile(Span),
    /// It is the project's name.
    Project,
}

impl Origin {
    /// Returns where it is written, if it is in a file.
    pub fn span(self) -> Option<Span> {
        match self {
            Self::EnvFile(span) => Some(span),
            Self::Shell | Self::Project => None,
        }
    }
}

/// The variables of a run, or of an included part of it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The project's name, once it is known.
    project_name: Option<String>,
    /// Variables from env files.
    own: BTreeMap<String, Spanned<String>>,
    /// Variables of the shell that were asked for. Included files share them.
    shell: Rc<RefCell<HashMap<String, Option<String>>>>,
    /// What the configs and secrets of included files hold whose variables are set for those files only, by
    /// section and key.
    included: BTreeMap<(String, String), String>,
}

impl Environment {
    /// Returns a variable: the shell's wins over those of env files.
    pub fn get(&self, name: &str, world: &dyn World) -> Option<String> {
        self.find(name, world).map(|(value, _)| value)
    }

    /// Returns a variable and where its value comes from.
    pub fn find(&self, name: &str, world: &dyn World) -> Option<(String, Origin)> {
        if name == PROJECT_NAME
            && let Some(own) = &self.project_name
        {
            return Some((own.clone(), Origin::Project));
        }
        let known = self.shell.borrow().get(name).cloned();
        let of_shell = known.unwrap_or_else(|| {
            let value = world.var(name);
            self.shell.borrow_mut().insert(name.to_owned(), value.clone());
            value
        });
        of_shell.map(|value| (value, Origin::Shell)).or_else(|| {
            let Spanned { value, span } = self.own.get(name)?;
            Some((value.clone(), Origin::EnvFile(*span)))
        })
    }

    /// Returns what a config or secret of an included file holds, where the variable that it names is set for
    /// that file only.
    pub fn included_content(&self, section: &str, key: &str) -> Option<&str> {
        self.included.get(&(section.to_owned(), key.to_owned())).map(String::as_str)
    }

    /// Returns all variables, those of the shell included.
    pub fn all(&self, world: &dyn World) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> =
            self.own.iter().map(|(name, set)| (name.clone(), set.value.clone())).collect();
        all.extend(world.vars());
        all.extend(self.project_name.clone().map(|name| (PROJECT_NAME.to_owned(), name)));
        all
    }

    pub(super) fn set_project_name(&mut self, name: &str) {
        self.project_name = Some(name.to_owned());
    }

    pub(super) fn set_included_content(&mut self, section: &str, key: &str, content: String) {
        self.included.insert((section.to_owned(), key.to_owned()), content);
    }

    /// Adds variables; what is set already stays. Returns whether there was anything new.
    pub(super) fn add(&mut self, found: BTreeMap<String, Spanned<String>>) -> bool {
        let before = self.own.len();
        for (name, value) in found {
            self.own.entry(name).or_insert(value);
        }
        self.own.len() > before
    }
}
