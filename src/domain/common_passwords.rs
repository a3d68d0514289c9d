//! The most common passwords.
//!
//! OWASP ASVS 5.0, 6.2.4, asks for the 3,000 commonest *that the other rules admit*: of the 3,000 commonest of all, nearly all are
//! shorter than twelve characters.

use std::sync::LazyLock;

use secrecy::zeroize::Zeroize;

/// Sorted, as [`slice::binary_search`] needs it; the tests hold the file to that.
static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// Whether a password is on the list, without regard to case: `Password1234` is the first thing tried after
/// `password1234`.
pub(super) fn contains(password: &str) -> bool {
    let mut folded = password.to_lowercase();
    let found = COMMON.binary_search(&folded.as_str()).is_ok();
    folded.zeroize();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_three_thousand_passwords_that_the_length_rule_lets_through() {
        assert_eq!(COMMON.len(), 3_000);
        assert!(COMMON.iter().all(|password| (12..=256).contains(&password.chars().count())));
    }

    #[test]
    fn the_list_is_folded_sorted_and_without_repetitions() {
        assert!(COMMON.iter().all(|password| password.to_lowercase() == *password));
        assert!(COMMON.is_sorted_by(|left, right| left < right));
    }

    #[test]
    fn every_password_of_the_list_is_found_in_any_case() {
        assert!(COMMON.iter().all(|password| contains(password) && contains(&password.to_uppercase())));
    }

    #[test]
    fn a_password_that_is_not_on_the_list_is_not_found() {
        assert!(!contains("correct horse battery staple"));
        assert!(!contains("# the 3,000 commonest"));
    }
}
