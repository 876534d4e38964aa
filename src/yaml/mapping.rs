//! The mapping of a [`Node`](super::Node).
//!
//! Hand-written around `IndexMap` because a file has tens of thousands of them, nearly all with few and short keys:
//! a pointer in the node, keys without an allocation of their own, and a hash that is fast for them.

use std::ops::{Deref, DerefMut};

use indexmap::{IndexMap, map};
use smol_str::SmolStr;

use super::Entry;

type Entries = IndexMap<SmolStr, Entry, foldhash::fast::RandomState>;

/// A mapping in the order it was written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping(Box<Entries>);

impl Mapping {
    /// Makes an empty mapping with room for some entries.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Box::new(Entries::with_capacity_and_hasher(capacity, foldhash::fast::RandomState::default())))
    }
}

impl Deref for Mapping {
    type Target = Entries;

    fn deref(&self) -> &Entries {
        &self.0
    }
}

impl DerefMut for Mapping {
    fn deref_mut(&mut self) -> &mut Entries {
        &mut self.0
    }
}

impl FromIterator<(SmolStr, Entry)> for Mapping {
    fn from_iter<I: IntoIterator<Item = (SmolStr, Entry)>>(entries: I) -> Self {
        Self(Box::new(entries.into_iter().collect()))
    }
}

impl IntoIterator for Mapping {
    type Item = (SmolStr, Entry);
    type IntoIter = map::IntoIter<SmolStr, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = (&'a SmolStr, &'a Entry);
    type IntoIter = map::Iter<'a, SmolStr, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a mut Mapping {
    type Item = (&'a SmolStr, &'a mut Entry);
    type IntoIter = map::IterMut<'a, SmolStr, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut()
    }
}
