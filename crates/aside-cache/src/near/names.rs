//! From the names of cells, as messages have them, to slots.

use parking_lot::RwLock;

use super::key::{IdBytes, Key, Kind};

/// The kinds that this process keeps copies of.
#[derive(Debug, Default)]
pub(super) struct Names {
    kinds: RwLock<Vec<Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    entity: &'static str,
    read: fn(&str) -> Option<IdBytes>,
}

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// This slot's cell.
    Slot(Key),
    /// A cell of a kind that nobody here reads: there is no copy of it.
    Unknown,
    /// A cell of a known kind, but not which.
    Unreadable,
}

impl Names {
    /// Makes a kind known, and gives its place in keys; the same for the same kind.
    pub(super) fn register(&self, entity: &'static str, read: fn(&str) -> Option<IdBytes>) -> Kind {
        let mut kinds = self.kinds.write();
        let place = kinds.iter().position(|known| known.entity == entity).unwrap_or_else(|| {
            kinds.push(Known { entity, read });
            kinds.len() - 1
        });
        Kind(u8::try_from(place).expect("there are a few kinds"))
    }

    /// Reads `<entity>:<id>`.
    pub(super) fn read(&self, name: &str) -> Named {
        let Some((entity, id)) = name.split_once(':') else { return Named::Unreadable };
        let kinds = self.kinds.read();
        let Some(place) = kinds.iter().position(|known| known.entity == entity) else { return Named::Unknown };
        let kind = Kind(u8::try_from(place).expect("there are a few kinds"));
        (kinds[place].read)(id).map_or(Named::Unreadable, |id| Named::Slot((kind, id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(id: &str) -> Option<IdBytes> {
        let mut bytes = [0; 32];
        bytes[0] = id.parse().ok()?;
        Some(bytes)
    }

    #[test]
    fn names_are_told_apart_by_kind_and_id() {
        let names = Names::default();
        let (user, post) = (names.register("user", read), names.register("post", read));
        assert_eq!(names.register("user", read), user);

        let slot = |kind, id: &str| Named::Slot((kind, read(id).unwrap()));
        assert_eq!(names.read("user:7"), slot(user, "7"));
        assert_eq!(names.read("post:7"), slot(post, "7"));
        assert_eq!(names.read("comment:7"), Named::Unknown);
        assert_eq!(names.read("user:seven"), Named::Unreadable);
        assert_eq!(names.read("user"), Named::Unreadable);
    }
}
