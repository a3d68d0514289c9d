//! The name a user signs in with.

use serde::Serialize;
use utoipa::ToSchema;

use super::ValueError;

const MIN: usize = 3;
const MAX: usize = 30;

/// 3 to 30 characters of `A-Z a-z 0-9 _`, kept as written. Unique without regard to case.
//
// Compare by `folded`: `==` is equality as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(min_length = 3, max_length = 30, pattern = "^[A-Za-z0-9_]+$", examples("ada_lovelace"))]
pub struct Username(String);

impl Username {
    /// Checks a name as a client wrote it.
    pub fn parse(text: impl Into<String>) -> Result<Self, ValueError> {
        let text = text.into();
        // `/users/me` is the current user. Checked first: that the name is too short as well would mislead.
        if text.eq_ignore_ascii_case("me") {
            return Err(ValueError::ReservedUsername);
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(ValueError::UsernameCharacter);
        }
        if !(MIN..=MAX).contains(&text.len()) {
            return Err(ValueError::Length { min: MIN, max: MAX });
        }
        Ok(Self(text))
    }

    /// As its owner wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In lower case: two names that fold alike are the same name. Equals Postgres's `lower(username)`, since names are
    /// ASCII.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<ValueError> {
        Username::parse(text).err()
    }

    #[test]
    fn a_name_is_kept_as_written_and_folds_to_lower_case() {
        let name = Username::parse("Ada_99").unwrap();

        assert_eq!(name.as_str(), "Ada_99");
        assert_eq!(name.folded(), "ada_99");
    }

    #[test]
    fn three_to_thirty_characters_pass() {
        assert_eq!(refusal("ab"), Some(ValueError::Length { min: 3, max: 30 }));
        assert_eq!(refusal("abc"), None);
        assert_eq!(refusal(&"a".repeat(30)), None);
        assert_eq!(refusal(&"a".repeat(31)), Some(ValueError::Length { min: 3, max: 30 }));
    }

    #[test]
    fn anything_but_ascii_letters_digits_and_underscore_is_refused() {
        for text in ["ada lovelace", "ada-l", "ädä", "ada\n", "ada\0", "ａｄａ", "ada.l", "K\u{212a}el"] {
            assert_eq!(refusal(text), Some(ValueError::UsernameCharacter), "{text:?}");
        }
    }

    #[test]
    fn me_is_refused_in_any_case() {
        for text in ["me", "Me", "mE", "ME"] {
            assert_eq!(refusal(text), Some(ValueError::ReservedUsername), "{text}");
        }
    }
}
