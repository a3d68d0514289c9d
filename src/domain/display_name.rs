//! The name others see.

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::text::{TextError, check_controls, check_length};

/// 1 to 80 characters, normalised to NFC, without leading or trailing white space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(
    min_length = 1,
    max_length = 80,
    pattern = r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*[^\u0000-\u0009\u000B-\u001F\u007F-\u009F\s][^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$",
    examples("Ada Lovelace")
)]
pub struct DisplayName(String);

impl DisplayName {
    /// Composes and trims what a client wrote, then checks what is left.
    ///
    /// Control characters are looked for before trimming: a tab in front is refused, not quietly dropped.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        check_controls(text)?;
        let composed: String = text.nfc().collect();
        let trimmed = composed.trim();
        check_length(trimmed, 1..=80)?;
        Ok(Self(trimmed.to_owned()))
    }

    /// The composed, trimmed text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, TextError> {
        DisplayName::parse(text).map(|name| name.0)
    }

    #[test]
    fn white_space_around_a_name_is_trimmed() {
        assert_eq!(parsed(" \u{3000}\nAda Lovelace\u{a0} ").as_deref(), Ok("Ada Lovelace"));
    }

    #[test]
    fn a_name_is_composed_before_it_is_counted() {
        let eighty = "e\u{301}".repeat(80);

        assert_eq!(parsed(&eighty), Ok("é".repeat(80)));
    }

    #[test]
    fn one_to_eighty_characters_are_left_after_trimming() {
        let refused = Err(TextError::Length { min: 1, max: 80 });

        assert_eq!(parsed(""), refused);
        assert_eq!(parsed("  "), refused);
        assert_eq!(parsed("x").as_deref(), Ok("x"));
        assert_eq!(parsed(&format!(" {} ", "x".repeat(80))), Ok("x".repeat(80)));
        assert_eq!(parsed(&"x".repeat(81)), refused);
    }

    #[test]
    fn control_characters_are_refused_at_the_ends_too() {
        for text in ["a\0b", "\tAda", "Ada\r", "\u{85}Ada"] {
            assert_eq!(parsed(text), Err(TextError::ControlCharacter), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_a_parsed_name_changes_nothing(text in "\\PC{0,90}") {
            if let Ok(once) = parsed(&text) {
                prop_assert_eq!(parsed(&once), Ok(once));
            }
        }
    }
}
