//! Free texts: display names, bios, post bodies. Each has a length and no control characters.
//!
//! Lengths count Unicode scalar values ("characters"), not bytes. Of the control characters (category Cc) only the newline
//! U+000A is allowed: Postgres cannot store U+0000, and the others only disturb terminals and logs. Line separators and
//! bidirectional controls are of another category and stay allowed, since right-to-left scripts need them.

use std::ops::RangeInclusive;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;

use super::ValueError;

macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident($min:tt to $max:tt), $form:expr, $pattern:tt, $example:tt) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(min_length = $min, max_length = $max, pattern = $pattern, examples($example))]
        pub struct $name(String);

        impl $name {
            /// Checks a text as a client wrote it.
            pub fn parse(text: impl Into<String>) -> Result<Self, ValueError> {
                let text = text.into();
                // First: a tab in front is refused, and not trimmed.
                check_controls(&text)?;
                let text: String = $form(text);
                check_length(&text, $min..=$max)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(
    /// 1 to 80 characters, normalised to NFC, without leading or trailing white space.
    DisplayName(1 to 80),
    |text: String| text.nfc().collect::<String>().trim().to_owned(),
    r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*[^\u0000-\u0009\u000B-\u001F\u007F-\u009F\s][^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$",
    "Ada Lovelace"
);
text!(
    /// 0 to 500 characters, kept as written. An empty bio is not the same as none.
    Bio(0 to 500),
    std::convert::identity,
    r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$",
    "Wrote the first program."
);
text!(
    /// 1 to 2,000 characters, kept as written.
    PostBody(1 to 2000),
    std::convert::identity,
    r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$",
    "The engine weaves algebraic patterns."
);

/// Refuses a text with a control character other than newline.
pub(super) fn check_controls(text: &str) -> Result<(), ValueError> {
    if text.chars().any(|character| character.is_control() && character != '\n') {
        return Err(ValueError::ControlCharacter);
    }
    Ok(())
}

/// Refuses a text whose number of characters is outside `allowed`.
pub(super) fn check_length(text: &str, allowed: RangeInclusive<usize>) -> Result<(), ValueError> {
    if allowed.contains(&text.chars().count()) {
        return Ok(());
    }
    Err(ValueError::Length { min: *allowed.start(), max: *allowed.end() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn display_name(text: &str) -> Result<String, ValueError> {
        DisplayName::parse(text).map(|name| name.0)
    }

    #[test]
    fn newline_is_the_only_control_character_allowed() {
        let controls = (0..=0x9f).filter_map(char::from_u32).filter(|character| character.is_control());

        let allowed: Vec<char> = controls.filter(|control| check_controls(&format!("a{control}b")).is_ok()).collect();

        assert_eq!(allowed, ['\n']);
    }

    #[test]
    fn separators_and_bidirectional_controls_are_allowed() {
        assert_eq!(check_controls("\u{2028}\u{202e}\u{2066}\u{200f}"), Ok(()));
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(check_length("😀😀", 2..=2), Ok(()));
        assert_eq!(check_length("😀", 2..=2), Err(ValueError::Length { min: 2, max: 2 }));
    }

    #[test]
    fn a_bio_has_up_to_500_characters_as_written() {
        let longest = format!(" {}\n", "é".repeat(498));

        assert_eq!(Bio::parse("").unwrap().as_str(), "");
        assert_eq!(Bio::parse(&longest).unwrap().as_str(), longest);
        assert_eq!(Bio::parse("x".repeat(501)), Err(ValueError::Length { min: 0, max: 500 }));
        assert_eq!(Bio::parse("a\u{7}b"), Err(ValueError::ControlCharacter));
    }

    #[test]
    fn a_post_body_has_1_to_2000_characters_as_written() {
        let longest = format!(" {}\n", "é".repeat(1_998));
        let refused = Err(ValueError::Length { min: 1, max: 2_000 });

        assert_eq!(PostBody::parse(""), refused);
        assert_eq!(PostBody::parse("x").unwrap().as_str(), "x");
        assert_eq!(PostBody::parse(&longest).unwrap().as_str(), longest);
        assert_eq!(PostBody::parse("x".repeat(2_001)), refused);
        assert_eq!(PostBody::parse("a\0b"), Err(ValueError::ControlCharacter));
    }

    #[test]
    fn white_space_around_a_display_name_is_trimmed() {
        assert_eq!(display_name(" \u{3000}\nAda Lovelace\u{a0} ").as_deref(), Ok("Ada Lovelace"));
    }

    #[test]
    fn a_display_name_is_composed_before_it_is_counted() {
        assert_eq!(display_name(&"e\u{301}".repeat(80)), Ok("é".repeat(80)));
    }

    #[test]
    fn a_display_name_has_1_to_80_characters_after_trimming() {
        let refused = Err(ValueError::Length { min: 1, max: 80 });

        assert_eq!(display_name(""), refused);
        assert_eq!(display_name("  "), refused);
        assert_eq!(display_name("x").as_deref(), Ok("x"));
        assert_eq!(display_name(&format!(" {} ", "x".repeat(80))), Ok("x".repeat(80)));
        assert_eq!(display_name(&"x".repeat(81)), refused);
    }

    #[test]
    fn control_characters_at_the_ends_of_a_display_name_are_refused() {
        for text in ["a\0b", "\tAda", "Ada\r", "\u{85}Ada"] {
            assert_eq!(display_name(text), Err(ValueError::ControlCharacter), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn parsing_a_parsed_display_name_changes_nothing(text in "\\PC{0,90}") {
            if let Ok(once) = display_name(&text) {
                prop_assert_eq!(display_name(&once), Ok(once));
            }
        }
    }
}
