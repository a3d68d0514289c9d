//! What the free texts of the service (names, biographies, posts) have in common: a length and no control characters.
//!
//! Lengths count Unicode scalar values ("characters"), not bytes. Of the control characters (category Cc) only the newline
//! U+000A may appear: U+0000 cannot be stored, the others do nothing but spoil terminals and logs. Line separators and
//! bidirectional controls are not of that category and stay allowed, since right-to-left writing needs them.

use std::ops::RangeInclusive;

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too few or too many characters.
    #[error("must be {min} to {max} characters long")]
    Length {
        /// The fewest allowed.
        min: usize,
        /// The most allowed.
        max: usize,
    },
    /// A control character other than newline.
    #[error("must not contain control characters other than newline")]
    ControlCharacter,
}

/// Refuses a text with a control character other than newline.
pub(super) fn check_controls(text: &str) -> Result<(), TextError> {
    if text.chars().any(|character| character.is_control() && character != '\n') {
        return Err(TextError::ControlCharacter);
    }
    Ok(())
}

/// Refuses a text whose number of characters is outside `allowed`.
pub(super) fn check_length(text: &str, allowed: RangeInclusive<usize>) -> Result<(), TextError> {
    if allowed.contains(&text.chars().count()) {
        return Ok(());
    }
    Err(TextError::Length { min: *allowed.start(), max: *allowed.end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newline_is_the_only_control_character_allowed() {
        let controls = (0..=0x9f).filter_map(char::from_u32).filter(|character| character.is_control());

        let allowed: Vec<char> = controls.filter(|control| check_controls(&format!("a{control}b")).is_ok()).collect();

        assert_eq!(allowed, ['\n']);
    }

    #[test]
    fn separators_and_bidirectional_controls_are_no_control_characters() {
        assert_eq!(check_controls("\u{2028}\u{202e}\u{2066}\u{200f}"), Ok(()));
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        assert_eq!(check_length("😀😀", 2..=2), Ok(()));
        assert_eq!(check_length("😀", 2..=2), Err(TextError::Length { min: 2, max: 2 }));
    }
}
