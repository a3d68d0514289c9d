//! A new password. A candidate at sign-in is no [`Password`]: the rules may have changed since the password was chosen.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{
    ValueError, common_passwords,
    text::{check_controls, check_length},
};

/// The longest password in bytes: 256 characters of four. A longer candidate cannot be right.
pub const MAX_PASSWORD_BYTES: usize = 1_024;

/// 12 to 256 characters, none of the commonest, byte for byte as sent: neither trimmed nor normalised.
///
/// Wiped from memory when dropped. Shows nothing of itself in `Debug`, has no `Display`, no `Serialize`, no `==`.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Checks a password as a client sent it.
    pub fn parse(secret: SecretString) -> Result<Self, ValueError> {
        let text = secret.expose_secret();
        check_controls(text)?;
        check_length(text, 12..=256)?;
        if common_passwords::contains(text) {
            return Err(ValueError::CommonPassword);
        }
        Ok(Self(secret))
    }

    /// The secret, for hashing.
    #[must_use]
    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, ValueError> {
        Password::parse(text.into()).map(|password| password.into_secret().expose_secret().to_owned())
    }

    #[test]
    fn twelve_to_two_hundred_and_fifty_six_characters_pass() {
        let refused = Err(ValueError::Length { min: 12, max: 256 });

        assert_eq!(parsed("elevenchars"), refused);
        assert!(parsed("twelve chars").is_ok());
        assert!(parsed(&"é".repeat(256)).is_ok());
        assert_eq!(parsed(&"é".repeat(257)), refused);
    }

    #[test]
    fn a_password_is_kept_byte_for_byte() {
        let text = "  e\u{301} and é differ\n ";

        assert_eq!(parsed(text).as_deref(), Ok(text));
    }

    #[test]
    fn common_passwords_are_refused_without_regard_to_case() {
        for text in ["password1234", "PassWord1234", "qwertyuiop123", "123456789012"] {
            assert_eq!(parsed(text), Err(ValueError::CommonPassword), "{text}");
        }
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(parsed("twelve\0chars"), Err(ValueError::ControlCharacter));
    }

    #[test]
    fn neither_debug_nor_a_refusal_shows_the_password() {
        let password = Password::parse("a very private phrase".into()).unwrap();
        let refusal = Password::parse("Password1234".into()).unwrap_err();

        assert_eq!(format!("{password:?}"), "Password([REDACTED])");
        assert!(!format!("{refusal:?} {refusal}").to_lowercase().contains("password1234"));
    }

    #[test]
    fn the_longest_password_fits_its_bound_in_bytes() {
        assert_eq!("😀".repeat(256).len(), MAX_PASSWORD_BYTES);
        assert!(parsed(&"😀".repeat(256)).is_ok());
    }
}
