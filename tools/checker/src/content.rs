//! Texts that name their write: `u12w345` is user 12 as write 345 left it.

use crate::history::{Number, WriteNumber};

/// The text of a user's name or biography.
#[must_use]
pub fn of_user(user: Number, write: WriteNumber) -> String {
    format!("u{user}w{write}")
}

/// The text of a post.
#[must_use]
pub fn of_post(post: Number, write: WriteNumber) -> String {
    format!("p{post}w{write}")
}

/// The name a user signs in with.
#[must_use]
pub fn username_of(user: Number) -> String {
    format!("user_{user}")
}

/// Reads [`username_of`].
#[must_use]
pub fn username(text: &str) -> Option<Number> {
    text.strip_prefix("user_")?.parse().ok()
}

/// Reads [`of_user`].
#[must_use]
pub fn user(text: &str) -> Option<(Number, WriteNumber)> {
    numbers(text, 'u')
}

/// Reads [`of_post`].
#[must_use]
pub fn post(text: &str) -> Option<(Number, WriteNumber)> {
    numbers(text, 'p')
}

fn numbers(text: &str, kind: char) -> Option<(Number, WriteNumber)> {
    let (thing, write) = text.strip_prefix(kind)?.split_once('w')?;
    Some((thing.parse().ok()?, write.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_their_thing_and_their_write() {
        assert_eq!(user(&of_user(12, 345)), Some((12, 345)));
        assert_eq!(post(&of_post(7, 1)), Some((7, 1)));
        assert_eq!(post(&of_user(12, 345)), None);
        assert_eq!(user("Ada"), None);
    }
}
