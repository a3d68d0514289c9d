//! What users say about themselves.

use serde::Serialize;
use utoipa::ToSchema;

use super::text::{TextError, check_controls, check_length};

/// 0 to 500 characters, kept as written. An empty bio is not the same as none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(
    min_length = 0,
    max_length = 500,
    pattern = r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$",
    examples("Wrote the first program.")
)]
pub struct Bio(String);

impl Bio {
    /// Checks a text as a client wrote it.
    pub fn parse(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_controls(&text)?;
        check_length(&text, 0..=500)?;
        Ok(Self(text))
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, TextError> {
        Bio::parse(text).map(|bio| bio.0)
    }

    #[test]
    fn nothing_to_five_hundred_characters_pass_as_written() {
        let longest = format!(" {}\n", "é".repeat(498));

        assert_eq!(parsed("").as_deref(), Ok(""));
        assert_eq!(parsed(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(parsed(&"x".repeat(501)), Err(TextError::Length { min: 0, max: 500 }));
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(parsed("a\u{7}b"), Err(TextError::ControlCharacter));
    }
}
