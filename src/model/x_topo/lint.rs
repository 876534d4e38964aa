//! What the user wants of `topo lint`.

use std::collections::BTreeMap;

use super::super::attribute::record;
use super::super::values::{KeyValues, words};

record! {
    /// What `lint` says nothing about in a service.
    #[derive(Default)]
    pub struct Lint {
        /// Rules that do not count for the service, each with the reason.
        #[example = { "unpinned-image": "pinned by the pipeline" }]
        pub allow: KeyValues,
    }
}

record! {
    /// What `lint` says nothing about in the whole project, and how grave the rest is.
    #[derive(Default)]
    pub struct LintProject {
        /// Rules that do not count in the project, each with the reason.
        #[example = { "unpinned-image": "pinned by the pipeline" }]
        pub allow: KeyValues,
        /// Rules or groups of rules, and how grave they are: `error`, `warn`, `note` or `off`.
        #[example = { "security": "error" }]
        pub levels: BTreeMap<String, Level>,
    }
}

words! {
    /// How grave it is that a rule of `lint` does not hold.
    pub enum Level {
        /// Nothing is said.
        Off = "off",
        /// Something to know.
        Note = "note",
        /// Something to look at.
        Warn = "warn",
        /// Something that must not be.
        Error = "error",
    }
}

impl Level {
    /// Returns the level of this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Off, Self::Note, Self::Warn, Self::Error].into_iter().find(|level| level.word() == name)
    }
}
