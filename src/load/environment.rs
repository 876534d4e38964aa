//! The variables of a run: the shell's, and those of env files.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::World;
use super::read::Variable;
use crate::source::Span;

/// The variables of a run, or of an included part of it.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Variables from env files, and the project's name.
    own: BTreeMap<String, String>,
    /// Where env files set them.
    origins: BTreeMap<String, Span>,
    /// Variables of the shell that were asked for. Included files share them.
    shell: Rc<RefCell<HashMap<String, Option<String>>>>,
    /// What the configs and secrets of included files hold whose variables are set for those files only, by
    /// section and key.
    included: BTreeMap<(String, String), String>,
}

impl Environment {
    /// Returns a variable: the shell's wins over those of env files.
    pub fn get(&self, name: &str, world: &dyn World) -> Option<String> {
        if name == "COMPOSE_PROJECT_NAME"
            && let Some(own) = self.own.get(name)
        {
            return Some(own.clone());
        }
        if let Some(known) = self.shell.borrow().get(name) {
            return known.clone().or_else(|| self.own.get(name).cloned());
        }
        let value = world.var(name);
        self.shell.borrow_mut().insert(name.to_owned(), value.clone());
        value.or_else(|| self.own.get(name).cloned())
    }

    /// Returns where an env file sets a variable; `None` where its value is not from there.
    pub fn origin(&self, name: &str, world: &dyn World) -> Option<Span> {
        let set_at = self.origins.get(name).copied()?;
        (self.get(name, world).as_ref() == self.own.get(name)).then_some(set_at)
    }

    /// Returns what a config or secret of an included file holds, where the variable that it names is set for
    /// that file only.
    pub fn included_content(&self, section: &str, key: &str) -> Option<&str> {
        self.included.get(&(section.to_owned(), key.to_owned())).map(String::as_str)
    }

    /// Returns the variables of env files, and the project's name.
    pub fn own(&self) -> &BTreeMap<String, String> {
        &self.own
    }

    pub(super) fn set_project_name(&mut self, name: &str) {
        self.own.insert("COMPOSE_PROJECT_NAME".to_owned(), name.to_owned());
    }

    pub(super) fn set_included_content(&mut self, section: &str, key: &str, content: String) {
        self.included.insert((section.to_owned(), key.to_owned()), content);
    }

    /// Adds variables; what is set already stays. Returns whether there was anything new.
    pub(super) fn add(&mut self, found: BTreeMap<String, Variable>) -> bool {
        let before = self.own.len();
        for (name, variable) in found {
            let Some(value) = variable.value.filter(|_| !self.own.contains_key(&name)) else { continue };
            self.origins.insert(name.clone(), variable.span);
            self.own.insert(name, value);
        }
        self.own.len() > before
    }
}
