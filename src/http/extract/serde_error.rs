//! The place of a bad value and a sentence about it, from an error of serde.
//!
//! serde names missing, unknown and repeated members only in its message. Its path leads to the object of the member.

use serde_path_to_error::{Path, Segment};

/// An invalid value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadValue {
    /// The names that lead to it, outermost first.
    pub(super) path: Vec<String>,
    /// What is wrong, without the position: the path names it.
    pub(super) detail: String,
}

impl BadValue {
    pub(super) fn new(path: &Path, message: &str) -> Self {
        let mut path: Vec<String> = path.iter().filter_map(name).collect();
        let message = without_position(message);
        let Some((member, detail)) = about_a_member(message) else { return Self { path, detail: message.to_owned() } };
        // Some deserializers have the member in the path already.
        if path.last().map(String::as_str) != Some(member) {
            path.push(member.to_owned());
        }
        Self { path, detail: detail.to_owned() }
    }

    /// As a JSON pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        let escaped = self.path.iter().map(|name| name.replace('~', "~0").replace('/', "~1"));
        escaped.flat_map(|name| ["/".to_owned(), name]).collect()
    }
}

fn name(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

/// `serde_json` ends its messages with " at line 1 column 7".
fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

/// The member that a message is about, and the sentence about it.
fn about_a_member(message: &str) -> Option<(&str, &'static str)> {
    if let Some(rest) = message.strip_prefix("missing field `") {
        return Some((rest.strip_suffix('`')?, "is missing"));
    }
    if let Some(rest) = message.strip_prefix("duplicate field `") {
        return Some((rest.strip_suffix('`')?, "is there more than once"));
    }
    // The client chose this name, which may contain backticks: search for its end from the right.
    let rest = message.strip_prefix("unknown field `")?;
    let end = rest.rfind("`, expected ").or_else(|| rest.rfind("`, there are no fields"))?;
    Some((&rest[..end], "is not known here"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only ever deserialised, and not successfully")]
    struct Outer {
        inner: Inner,
        list: Option<Vec<u8>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only ever deserialised, and not successfully")]
    struct Inner {
        number: u8,
    }

    fn bad(json: &str) -> (String, String) {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let error = serde_path_to_error::deserialize::<_, Outer>(&mut deserializer).expect_err("a bad value");
        let bad = BadValue::new(error.path(), &error.inner().to_string());
        (bad.pointer(), bad.detail)
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (json, pointer, detail) in [
            ("{}", "/inner", "is missing"),
            (r#"{"inner":{}}"#, "/inner/number", "is missing"),
            (r#"{"inner":{"number":1},"inner":{"number":1}}"#, "/inner", "is there more than once"),
            (r#"{"inner":{"number":1,"number":1}}"#, "/inner/number", "is there more than once"),
            (r#"{"inner":{"number":1,"other":1}}"#, "/inner/other", "is not known here"),
            (r#"{"a/b~c`, expected `":1}"#, "/a~1b~0c`, expected `", "is not known here"),
            (r#"{"inner":{"number":"1"}}"#, "/inner/number", "invalid type: string \"1\", expected u8"),
            (r#"{"inner":{"number":300}}"#, "/inner/number", "invalid value: integer `300`, expected u8"),
            (r#"{"inner":{"number":1},"list":[1,true]}"#, "/list/1", "invalid type: boolean `true`, expected u8"),
        ] {
            assert_eq!(bad(json), (pointer.to_owned(), detail.to_owned()), "{json}");
        }
    }
}
