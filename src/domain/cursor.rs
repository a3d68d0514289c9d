//! Opaque positions in lists.
//!
//! A cursor carries the sort key of the last item shown ("keyset" paging), so that a page stays right while items are added
//! and removed. It is bound to the list it was made for: under another list, or with a single bit changed, it is refused. The binding
//! catches mistakes and keeps no secret: a client that computes a SHA-256 can make a cursor, and sees no more with it than by
//! paging.
//!
//! ```text
//! URL-safe base64, no padding:   position (16 or 24 bytes) | checksum (8 bytes)
//! checksum:                      the beginning of SHA-256(label | scope | position)
//! ```

use std::{fmt, ops::Range};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{UserId, ValueError};

/// Separates these checksums from all others. The number changes with the format.
const LABEL: &[u8] = b"aside cursor 1\0";
const CHECKSUM_BYTES: usize = 8;

/// The years 1 to 9999 in microseconds since the epoch: the range of RFC 3339 and of Postgres.
const MICROS: Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

/// Which list a cursor belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// `GET /users`.
    Users,
    /// `GET /users/{id}/posts`.
    PostsOf(UserId),
    /// `GET /users/{id}/followers`.
    Followers(UserId),
    /// `GET /users/{id}/following`.
    Following(UserId),
    /// `GET /home` of a user, or of an anonymous client.
    Home(Option<UserId>),
    /// `GET /sessions` of a user.
    Sessions(UserId),
}

impl Scope {
    /// The permanent number of the list, and its owner.
    fn parts(self) -> (u8, Option<UserId>) {
        match self {
            Self::Users => (1, None),
            Self::PostsOf(user) => (2, Some(user)),
            Self::Followers(user) => (3, Some(user)),
            Self::Following(user) => (4, Some(user)),
            Self::Home(Some(viewer)) => (5, Some(viewer)),
            Self::Home(None) => (6, None),
            Self::Sessions(user) => (7, Some(user)),
        }
    }
}

/// The sort key of a list, as bytes of a length of its own.
pub trait Position: Sized {
    /// Length of the bytes.
    const BYTES: usize;

    /// The bytes; [`BYTES`](Self::BYTES) of them.
    fn to_bytes(&self) -> Vec<u8>;

    /// The position of these bytes, or `None` if there is none.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

/// Lists by id: users, posts.
impl Position for Uuid {
    const BYTES: usize = 16;

    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

/// Lists by time, and by id within the same microsecond: follows.
impl Position for (DateTime<Utc>, Uuid) {
    const BYTES: usize = 24;

    fn to_bytes(&self) -> Vec<u8> {
        [&self.0.timestamp_micros().to_be_bytes()[..], self.1.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (micros, id) = bytes.split_first_chunk()?;
        let micros = i64::from_be_bytes(*micros);
        let at = DateTime::from_timestamp_micros(micros).filter(|_| MICROS.contains(&micros))?;
        Some((at, Uuid::from_slice(id).ok()?))
    }
}

/// A position in a list: opaque to clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(min_length = 32, max_length = 43, pattern = "^[A-Za-z0-9_-]+$")]
pub struct Cursor(String);

impl Cursor {
    /// The position after the item with this sort key.
    #[must_use]
    pub fn new(scope: Scope, position: &impl Position) -> Self {
        let mut bytes = position.to_bytes();
        let checksum = checksum(scope, &bytes);
        bytes.extend_from_slice(&checksum);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a cursor of this list.
    pub fn parse<P: Position>(text: &str, scope: Scope) -> Result<P, ValueError> {
        // The engine refuses padding and trailing bits that are not zero, so that each cursor has one text.
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ValueError::Cursor)?;
        let (position, found) = bytes.split_at_checked(P::BYTES).ok_or(ValueError::Cursor)?;
        if found != checksum(scope, position) {
            return Err(ValueError::Cursor);
        }
        P::from_bytes(position).ok_or(ValueError::Cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn checksum(scope: Scope, position: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let (list, owner) = scope.parts();
    let mut hasher = Sha256::new();
    hasher.update(LABEL);
    hasher.update([list]);
    if let Some(owner) = owner {
        hasher.update(owner.0.as_bytes());
    }
    hasher.update(position);
    let digest: [u8; 32] = hasher.finalize().into();
    let (checksum, _) = digest.split_first_chunk().expect("a digest is longer than a checksum");
    *checksum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Moment = (DateTime<Utc>, Uuid);

    fn scopes() -> impl Strategy<Value = Scope> {
        let user = || any::<[u8; 16]>().prop_map(UserId::from_bytes);
        prop_oneof![
            Just(Scope::Users),
            user().prop_map(Scope::PostsOf),
            user().prop_map(Scope::Followers),
            user().prop_map(Scope::Following),
            proptest::option::of(user()).prop_map(Scope::Home),
            user().prop_map(Scope::Sessions),
        ]
    }

    fn ids() -> impl Strategy<Value = Uuid> {
        any::<u128>().prop_map(Uuid::from_u128)
    }

    fn moments() -> impl Strategy<Value = Moment> {
        (MICROS, ids()).prop_map(|(micros, id)| (DateTime::from_timestamp_micros(micros).unwrap(), id))
    }

    /// Every text that differs from this one in a single bit and is a text at all.
    fn flips(text: &str) -> impl Iterator<Item = String> {
        let bytes = text.as_bytes().to_vec();
        (0..bytes.len() * 8).filter_map(move |bit| {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            String::from_utf8(flipped).ok()
        })
    }

    /// A cursor whose checksum is right, over whatever bytes.
    fn forged(scope: Scope, position: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode([position, &checksum(scope, position)].concat())
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_position(scope in scopes(), id in ids(), moment in moments()) {
            prop_assert_eq!(Cursor::parse(&Cursor::new(scope, &id).0, scope), Ok(id));
            prop_assert_eq!(Cursor::parse(&Cursor::new(scope, &moment).0, scope), Ok(moment));
        }

        #[test]
        fn every_flipped_bit_is_refused(scope in scopes(), id in ids(), moment in moments()) {
            for text in flips(&Cursor::new(scope, &id).0) {
                prop_assert_eq!(Cursor::parse::<Uuid>(&text, scope), Err(ValueError::Cursor));
            }
            for text in flips(&Cursor::new(scope, &moment).0) {
                prop_assert_eq!(Cursor::parse::<Moment>(&text, scope), Err(ValueError::Cursor));
            }
        }

        #[test]
        fn a_cursor_of_another_list_is_refused(made_for in scopes(), used_in in scopes(), id in ids()) {
            prop_assume!(made_for != used_in);
            prop_assert_eq!(Cursor::parse::<Uuid>(&Cursor::new(made_for, &id).0, used_in), Err(ValueError::Cursor));
        }

        #[test]
        fn a_position_of_the_other_kind_is_refused(scope in scopes(), id in ids(), moment in moments()) {
            prop_assert_eq!(Cursor::parse::<Moment>(&Cursor::new(scope, &id).0, scope), Err(ValueError::Cursor));
            prop_assert_eq!(Cursor::parse::<Uuid>(&Cursor::new(scope, &moment).0, scope), Err(ValueError::Cursor));
        }

        #[test]
        fn garbage_is_refused(text in ".{0,64}") {
            prop_assert_eq!(Cursor::parse::<Uuid>(&text, Scope::Users), Err(ValueError::Cursor));
        }
    }

    #[test]
    fn each_list_of_one_user_is_a_scope_of_its_own() {
        let user = UserId::from_bytes([7; 16]);
        let scopes = [
            Scope::Users,
            Scope::PostsOf(user),
            Scope::Followers(user),
            Scope::Following(user),
            Scope::Home(Some(user)),
            Scope::Home(None),
        ];

        for made_for in scopes {
            let text = Cursor::new(made_for, &Uuid::nil()).0;
            let accepting: Vec<Scope> =
                scopes.into_iter().filter(|scope| Cursor::parse::<Uuid>(&text, *scope).is_ok()).collect();
            assert_eq!(accepting, [made_for]);
        }
    }

    #[test]
    fn a_cursor_is_safe_in_a_url_as_it_is() {
        let text = Cursor::new(Scope::Users, &Uuid::from_u128(u128::MAX)).0;

        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
    }

    #[test]
    fn what_postgres_could_not_hold_is_refused_even_with_a_right_checksum() {
        let forged_at = |micros: i64| forged(Scope::Users, &[&micros.to_be_bytes()[..], &[0; 16]].concat());

        for micros in [i64::MIN, i64::MAX, MICROS.start - 1, MICROS.end] {
            assert_eq!(Cursor::parse::<Moment>(&forged_at(micros), Scope::Users), Err(ValueError::Cursor), "{micros}");
        }
        assert!(Cursor::parse::<Moment>(&forged_at(MICROS.start), Scope::Users).is_ok());
        assert!(Cursor::parse::<Moment>(&forged_at(MICROS.end - 1), Scope::Users).is_ok());
    }

    #[test]
    fn padding_is_refused() {
        let text = Cursor::new(Scope::Users, &(DateTime::UNIX_EPOCH, Uuid::nil())).0;

        assert_eq!(Cursor::parse::<Moment>(&format!("{text}="), Scope::Users), Err(ValueError::Cursor));
    }
}
