//! Entity tags and the conditions that name them (RFC 9110, 8.8.3 and 13.1).

use std::fmt;

use sha2::{Digest, Sha256};

use super::ValueError;

/// The codings whose suffix may stand on a tag: a compressed response is another representation with its own tag
/// (RFC 9110, 8.8.3.3), and the client that sends the tag back means the same version.
pub const CODINGS: [&str; 2] = ["gzip", "br"];

/// The strong entity tag of a representation, without coding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// Of a user: `"7"`.
    #[must_use]
    pub fn of_user(version: i64) -> Self {
        Self(version.to_string())
    }

    /// Of a post, which shows its author's names: `"3.7"`.
    #[must_use]
    pub fn of_post(version: i64, author_version: i64) -> Self {
        Self(format!("{version}.{author_version}"))
    }

    /// Of bytes that have no version: the first 16 digits of their SHA-256.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let first = hash.first_chunk().expect("a SHA-256 has 32 bytes");
        Self(format!("{:016x}", u64::from_be_bytes(*first)))
    }
}

/// The header's value, quotes included.
impl fmt::Display for ETag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0)
    }
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `*`: any representation.
    Any,
    /// One of these; an empty list matches nothing.
    Tags(Vec<Tag>),
}

/// One tag of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    weak: bool,
    opaque: Vec<u8>,
}

impl Condition {
    /// Reads all field lines of the header; `None` if there are none. Several lines are one list (RFC 9110, 5.3).
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Self>, ValueError> {
        let lines: Vec<&[u8]> = lines.into_iter().collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let value = lines.join(&b","[..]);
        if value.trim_ascii() == b"*" {
            return Ok(Some(Self::Any));
        }
        parse_list(&value).map(Self::Tags).map(Some)
    }

    /// For `If-Match` on something that exists: holds if a tag is strong and the same (RFC 9110, 8.8.3.2).
    #[must_use]
    pub fn matches_strong(&self, current: &ETag) -> bool {
        self.any(|tag| !tag.weak && tag.is(current))
    }

    /// For `If-None-Match` on something that exists: whether a tag is the same, weak or not.
    #[must_use]
    pub fn matches_weak(&self, current: &ETag) -> bool {
        self.any(|tag| tag.is(current))
    }

    fn any(&self, matches: impl FnMut(&Tag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(matches),
        }
    }
}

impl Tag {
    fn is(&self, current: &ETag) -> bool {
        let current = current.0.as_bytes();
        match self.opaque.strip_prefix(current) {
            Some(b"") => true,
            Some([b'-', coding @ ..]) => CODINGS.iter().any(|known| known.as_bytes() == coding),
            _ => false,
        }
    }
}

/// `#entity-tag`: tags between commas, with optional white space, and empty elements, which a recipient has to ignore
/// (RFC 9110, 5.6.1.2).
fn parse_list(value: &[u8]) -> Result<Vec<Tag>, ValueError> {
    let mut tags = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            let (tag, after) = parse_tag(rest)?;
            tags.push(tag);
            rest = after.trim_ascii_start();
        }
        match rest {
            [] => return Ok(tags),
            [b',', after @ ..] => rest = after,
            _ => return Err(ValueError::EntityTags),
        }
    }
}

/// `entity-tag`, and what follows it. A comma inside the quotes belongs to the tag.
fn parse_tag(text: &[u8]) -> Result<(Tag, &[u8]), ValueError> {
    let (weak, quoted) = match text.strip_prefix(b"W/") {
        Some(quoted) => (true, quoted),
        None => (false, text),
    };
    let inside = quoted.strip_prefix(b"\"").ok_or(ValueError::EntityTags)?;
    let end = inside.iter().position(|byte| *byte == b'"').ok_or(ValueError::EntityTags)?;
    let (opaque, after) = inside.split_at(end);
    // `etagc`: visible ASCII but the quote, and obs-text.
    if !opaque.iter().all(|byte| matches!(byte, 0x21..=0x7e | 0x80..=0xff)) {
        return Err(ValueError::EntityTags);
    }
    Ok((Tag { weak, opaque: opaque.to_vec() }, &after[1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn condition(value: &str) -> Condition {
        Condition::parse([value.as_bytes()]).unwrap().unwrap()
    }

    /// Which of (strong, weak) comparison the header satisfies for version 7 of a user.
    fn matches(value: &str) -> (bool, bool) {
        let condition = condition(value);
        let current = ETag::of_user(7);
        (condition.matches_strong(&current), condition.matches_weak(&current))
    }

    #[test]
    fn tags_carry_the_version_and_for_posts_the_authors_too() {
        assert_eq!(ETag::of_user(7).to_string(), "\"7\"");
        assert_eq!(ETag::of_post(3, 7).to_string(), "\"3.7\"");
    }

    #[test]
    fn the_same_tag_matches_and_another_does_not() {
        assert_eq!(matches("\"7\""), (true, true));
        for other in ["\"70\"", "\"17\"", "\"\"", "\"7.1\"", "\"7-\"", "\"8\""] {
            assert_eq!(matches(other), (false, false), "{other}");
        }
    }

    #[test]
    fn a_weak_tag_matches_weakly_only() {
        assert_eq!(matches("W/\"7\""), (false, true));
    }

    #[test]
    fn the_suffix_of_a_known_coding_is_accepted_once() {
        assert_eq!(matches("\"7-gzip\""), (true, true));
        assert_eq!(matches("\"7-br\""), (true, true));
        assert_eq!(matches("W/\"7-gzip\""), (false, true));
        for other in ["\"7-zstd\"", "\"7-GZIP\"", "\"7-gzip-br\"", "\"-gzip\"", "\"8-gzip\""] {
            assert_eq!(matches(other), (false, false), "{other}");
        }
    }

    #[test]
    fn a_star_matches_any_representation() {
        assert_eq!(matches(" * "), (true, true));
    }

    #[test]
    fn one_match_in_a_list_is_enough() {
        assert_eq!(matches("\"a\", W/\"b,c\" ,, \"7\""), (true, true));
        assert_eq!(matches("\"a\",\"b\""), (false, false));
    }

    #[test]
    fn an_empty_list_is_a_list_and_matches_nothing() {
        for value in ["", " ", ",", " , ,"] {
            assert_eq!(matches(value), (false, false), "{value:?}");
        }
    }

    #[test]
    fn several_lines_are_one_list() {
        let condition = Condition::parse([&b"\"a\""[..], b"\"7\""]).unwrap().unwrap();

        assert!(condition.matches_strong(&ETag::of_user(7)));
    }

    #[test]
    fn no_line_is_no_condition() {
        assert_eq!(Condition::parse([]), Ok(None));
    }

    #[test]
    fn obsolete_bytes_are_part_of_a_tag() {
        assert_eq!(Condition::parse([&b"\"\xe9\""[..]]).map(|condition| condition.is_some()), Ok(true));
    }

    #[test]
    fn anything_else_is_refused() {
        for value in [
            "7",
            "\"7",
            "7\"",
            "w/\"7\"",
            "W/7",
            "W/",
            "W/ \"7\"",
            "\"7\"\"8\"",
            "\"7\" \"8\"",
            "\"a b\"",
            "*, \"7\"",
            "\"7\", *",
            "**",
            "\"a\tb\"",
            "\"7\";",
        ] {
            assert_eq!(Condition::parse([value.as_bytes()]), Err(ValueError::EntityTags), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _outcome = Condition::parse([value.as_slice()]);
        }

        #[test]
        fn a_tag_matches_itself_and_no_other_version(version in 1_i64.., other in 1_i64.., author in 1_i64..) {
            let text = ETag::of_post(version, author).to_string();
            prop_assert!(condition(&text).matches_strong(&ETag::of_post(version, author)));
            prop_assert_eq!(condition(&text).matches_weak(&ETag::of_post(other, author)), version == other);
        }
    }
}
