//! The `User-Agent` of a client.

use serde::Serialize;
use utoipa::ToSchema;

/// A longer one is cut: it only helps users to recognise their sessions.
const MAX: usize = 256;

/// The `User-Agent` of a sign-in: 1 to 256 characters, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct UserAgent(String);

impl UserAgent {
    /// The printable part of a header's bytes. `None` if nothing is left.
    #[must_use]
    pub fn from_header(value: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(value);
        let cut: String = text.chars().filter(|character| !character.is_control()).take(MAX).collect();
        let trimmed = cut.trim();
        (!trimmed.is_empty()).then(|| Self(trimmed.to_owned()))
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &[u8]) -> Option<String> {
        UserAgent::from_header(value).map(|agent| agent.0)
    }

    #[test]
    fn control_characters_are_removed_and_invalid_bytes_replaced() {
        assert_eq!(shown(b"curl\t/8\0\xff").as_deref(), Some("curl/8\u{fffd}"));
    }

    #[test]
    fn a_blank_name_is_none() {
        assert_eq!(shown(b" \t "), None);
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shown("é".repeat(300).as_bytes()), Some("é".repeat(256)));
    }
}
