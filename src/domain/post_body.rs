//! What a post says.

use serde::Serialize;
use utoipa::ToSchema;

use super::text::{TextError, check_controls, check_length};

/// 1 to 2,000 characters, kept as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(
    min_length = 1,
    max_length = 2000,
    pattern = r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$",
    examples("The engine weaves algebraic patterns.")
)]
pub struct PostBody(String);

impl PostBody {
    /// Checks a text as a client wrote it.
    pub fn parse(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_controls(&text)?;
        check_length(&text, 1..=2_000)?;
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
        PostBody::parse(text).map(|body| body.0)
    }

    #[test]
    fn one_to_two_thousand_characters_pass_as_written() {
        let longest = format!(" {}\n", "é".repeat(1_998));
        let refused = Err(TextError::Length { min: 1, max: 2_000 });

        assert_eq!(parsed(""), refused);
        assert_eq!(parsed("x").as_deref(), Ok("x"));
        assert_eq!(parsed(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(parsed(&"x".repeat(2_001)), refused);
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(parsed("a\0b"), Err(TextError::ControlCharacter));
    }
}
