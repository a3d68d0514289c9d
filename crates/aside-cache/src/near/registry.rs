//! The key registry: from the names of entries, as messages have them, to near slots.

use parking_lot::RwLock;

use super::slot::{Kind, SlotKey};
use crate::entry_id::IdBytes;

/// The kinds that this process has near entries of.
#[derive(Debug, Default)]
pub(super) struct KeyRegistry {
    kinds: RwLock<Vec<RegisteredKind>>,
}

#[derive(Clone, Copy, Debug)]
struct RegisteredKind {
    entity: &'static str,
    parse: fn(&str) -> Option<IdBytes>,
}

/// The meaning of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// The entry of this slot.
    Slot(SlotKey),
    /// An entry of a kind that this process does not read: it has no near entry.
    UnknownKind,
    /// No name, or one of a known kind whose id cannot be parsed.
    Invalid,
}

impl KeyRegistry {
    /// Registers a kind, and gives its number; the same for the same kind.
    pub(super) fn register(&self, entity: &'static str, parse: fn(&str) -> Option<IdBytes>) -> Kind {
        let mut kinds = self.kinds.write();
        let number = kinds.iter().position(|kind| kind.entity == entity).unwrap_or_else(|| {
            kinds.push(RegisteredKind { entity, parse });
            kinds.len() - 1
        });
        Kind(u8::try_from(number).expect("there are a few kinds"))
    }

    /// Resolves `<entity>:<id>`.
    pub(super) fn resolve(&self, name: &str) -> Resolved {
        let Some((entity, id)) = name.split_once(':') else { return Resolved::Invalid };
        let kinds = self.kinds.read();
        let Some(number) = kinds.iter().position(|kind| kind.entity == entity) else { return Resolved::UnknownKind };
        let kind = Kind(u8::try_from(number).expect("there are a few kinds"));
        (kinds[number].parse)(id).map_or(Resolved::Invalid, |id| Resolved::Slot((kind, id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(id: &str) -> Option<IdBytes> {
        let mut bytes = [0; 32];
        bytes[0] = id.parse().ok()?;
        Some(bytes)
    }

    #[test]
    fn names_are_resolved_by_kind_and_id() {
        let registry = KeyRegistry::default();
        let (user, post) = (registry.register("user", parse), registry.register("post", parse));
        assert_eq!(registry.register("user", parse), user);

        let slot = |kind, id: &str| Resolved::Slot((kind, parse(id).unwrap()));
        assert_eq!(registry.resolve("user:7"), slot(user, "7"));
        assert_eq!(registry.resolve("post:7"), slot(post, "7"));
        assert_eq!(registry.resolve("comment:7"), Resolved::UnknownKind);
        assert_eq!(registry.resolve("user:seven"), Resolved::Invalid);
        assert_eq!(registry.resolve("user"), Resolved::Invalid);
    }
}
