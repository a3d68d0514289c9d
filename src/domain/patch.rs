//! One field of a merge patch (RFC 7396): absent leaves, null clears, a value sets.

use serde::{Deserialize, Deserializer};

/// The change of one field. In a request body the field carries `#[serde(default)]`, so that a missing one is
/// [`Keep`](Self::Keep).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was absent: leave it as it is.
    #[default]
    Keep,
    /// The field was null: remove the value.
    Clear,
    /// The new value.
    Set(T),
}

impl<T> Patch<T> {
    /// The same change with a checked value.
    pub fn try_map<U, E>(self, parse: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Keep => Patch::Keep,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(parse(value)?),
        })
    }

    /// The value of an optional field after the change.
    #[must_use]
    pub fn apply(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Body {
        #[serde(default)]
        bio: Patch<String>,
    }

    fn bio(json: &str) -> Patch<String> {
        serde_json::from_str::<Body>(json).unwrap().bio
    }

    #[test]
    fn absent_keeps_null_clears_and_a_value_sets() {
        assert_eq!(bio("{}"), Patch::Keep);
        assert_eq!(bio(r#"{"bio": null}"#), Patch::Clear);
        assert_eq!(bio(r#"{"bio": ""}"#), Patch::Set(String::new()));
    }

    #[test]
    fn a_patch_keeps_clears_or_sets_the_current_value() {
        let current = Some("old");

        assert_eq!(Patch::Keep.apply(current), Some("old"));
        assert_eq!(Patch::Clear.apply(current), None);
        assert_eq!(Patch::Set("new").apply(current), Some("new"));
    }
}
