//! The names of entries.

use std::fmt::{Display, Write};

use super::entry::Owner;

/// An entry's name within its Redis process, `<entity>:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryName(String);

impl EntryName {
    /// The entry of this kind and id.
    #[must_use]
    pub fn new(entity: &'static str, id: &impl Display) -> Self {
        let mut name = String::with_capacity(48);
        Self::write(entity, id, &mut name);
        Self(name)
    }

    pub(super) fn write(entity: &'static str, id: &impl Display, name: &mut String) {
        write!(name, "{entity}:{id}").expect("writing to a String does not fail");
    }

    /// The entry of this name, as the outbox has it.
    #[must_use]
    pub fn from_text(name: String) -> Self {
        Self(name)
    }

    /// The id, if it is an entry of this kind.
    pub(crate) fn id_of(&self, entity: &str) -> Option<&str> {
        self.0.strip_prefix(entity)?.strip_prefix(':')
    }

    /// The part of a value's checksum that stands for the entry.
    pub(super) fn owner(&self) -> Owner {
        Owner::of(&self.0)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
