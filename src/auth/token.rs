//! Session tokens. A client gets its token once; the service stores only its hash.
//!
//! ```text
//! aside_   URL-safe base64 of:   random (32 bytes) | checksum (4 bytes)
//! ```
//!
//! 36 bytes are exactly 48 characters, so each token has one text. Secret scanners find leaked tokens by the prefix. The checksum
//! refuses garbage without a lookup in Redis or Postgres.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::{TryRng, rngs::SysRng};
use secrecy::{ExposeSecret, SecretString, zeroize::Zeroize};
use sha2::{Digest, Sha256};

const PREFIX: &str = "aside_";
const RANDOM_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;
const BYTES: usize = RANDOM_BYTES + CHECKSUM_BYTES;

/// Separates the checksum from the stored hash, of which it must reveal nothing.
const CHECKSUM_LABEL: &[u8] = b"aside session token checksum 1\0";

/// The secret of a session. Wiped from memory when dropped; `Debug` does not show it.
pub struct SessionToken(SecretString);

/// Not a token of this service, or a damaged one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a session token")]
pub struct TokenError;

impl SessionToken {
    /// A new token from the operating system's randomness.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness.
    #[must_use]
    pub fn generate() -> Self {
        let mut random = [0; RANDOM_BYTES];
        SysRng.try_fill_bytes(&mut random).expect("the operating system gives randomness");
        let token = Self::from_random(random);
        random.zeroize();
        token
    }

    /// The token of these random bytes.
    #[must_use]
    pub fn from_random(mut random: [u8; RANDOM_BYTES]) -> Self {
        let mut bytes = [0; BYTES];
        bytes[..RANDOM_BYTES].copy_from_slice(&random);
        bytes[RANDOM_BYTES..].copy_from_slice(&checksum(&random));
        // The whole capacity at once: growing would leave a copy in freed memory.
        let mut text = String::with_capacity(PREFIX.len() + BYTES.div_ceil(3) * 4);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        random.zeroize();
        bytes.zeroize();
        Self(text.into())
    }

    /// The hash that stands for the token.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.expose_secret()).into())
    }

    /// The text, for the client.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken([REDACTED])")
    }
}

/// SHA-256 of a token's text: the key in Redis and the column in Postgres. It opens no session. A slow hash is not needed:
/// 256 random bits cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// From the bytes of the column.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of a token as a client sent it. Makes no copy, and refuses other texts without a lookup.
    pub fn of_token(text: &str) -> Result<Self, TokenError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(TokenError)?;
        let mut bytes = [0; BYTES];
        let decoded = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes);
        let (random, found) = bytes.split_at(RANDOM_BYTES);
        let is_good = decoded == Ok(BYTES) && found == checksum(random);
        bytes.zeroize();
        if is_good { Ok(Self(Sha256::digest(text).into())) } else { Err(TokenError) }
    }

    /// Reads the text that names the session's entry.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// The bytes to store or to look for.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// URL-safe base64, as the name of the session's entry.
impl fmt::Display for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The first bytes only: enough to tell two apart in a log.
impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(formatter, "TokenHash({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

fn checksum(random: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest: [u8; 32] = Sha256::new().chain_update(CHECKSUM_LABEL).chain_update(random).finalize().into();
    let (checksum, _) = digest.split_first_chunk().expect("a digest is longer than a checksum");
    *checksum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> bool {
        TokenHash::of_token(text).is_err()
    }

    proptest! {
        #[test]
        fn a_token_is_known_by_its_text(random in any::<[u8; 32]>()) {
            let token = SessionToken::from_random(random);

            prop_assert_eq!(TokenHash::of_token(token.expose()), Ok(token.hash()));
        }

        #[test]
        fn every_flipped_bit_is_refused(random in any::<[u8; 32]>()) {
            let bytes = SessionToken::from_random(random).expose().as_bytes().to_vec();
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                if let Ok(text) = String::from_utf8(flipped) {
                    prop_assert!(refused(&text), "{}", text);
                }
            }
        }

        #[test]
        fn garbage_is_refused(text in "(aside_)?[A-Za-z0-9_-]{0,60}") {
            prop_assert!(refused(&text));
        }
    }

    #[test]
    fn two_tokens_are_never_alike() {
        let (one, other) = (SessionToken::generate(), SessionToken::generate());

        assert_ne!(one.expose(), other.expose());
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn the_text_is_recognisable_and_safe_in_headers_cookies_and_urls() {
        let token = SessionToken::generate();

        assert!(token.expose().starts_with("aside_"));
        assert_eq!(token.expose().len(), 54);
        assert!(token.expose().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn longer_shorter_and_padded_texts_are_refused() {
        let text = SessionToken::generate().expose().to_owned();

        for wrong in [format!("{text}A"), format!("{text}="), format!(" {text}"), text[..53].into(), text[6..].into()] {
            assert!(refused(&wrong), "{wrong}");
        }
    }

    #[test]
    fn the_hash_is_the_sha_256_of_the_text() {
        let token = SessionToken::from_random([0; 32]);

        let expected: [u8; 32] = Sha256::digest(token.expose().as_bytes()).into();

        assert_eq!(token.hash(), TokenHash::from_bytes(expected));
        assert_eq!(token.hash().as_bytes(), &expected);
    }

    #[test]
    fn the_checksum_gives_nothing_of_the_hash_away() {
        let random = [3; 32];

        assert_ne!(checksum(&random), Sha256::digest(random)[..CHECKSUM_BYTES]);
    }

    #[test]
    fn debug_shows_nothing_of_a_token_and_little_of_its_hash() {
        let token = SessionToken::from_random([5; 32]);

        assert_eq!(format!("{token:?}"), "SessionToken([REDACTED])");
        assert_eq!(format!("{:?}", TokenHash::from_bytes([0xab; 32])), "TokenHash(abababab..)");
    }
}
