//! JSON bodies.
//!
//! | error | status |
//! |---|---|
//! | the content type, or a content coding | 415 |
//! | more than 64 KiB, or late | 413, 408 |
//! | empty, cut short, not UTF-8 (a byte order mark, half a surrogate pair), not JSON, something after it, nested too deep | 400 |
//! | no object; a member that is missing, unknown, there twice, of the wrong type | 422 with a JSON pointer |
//!
//! Every body is parsed twice, first as any JSON: otherwise `{"bio": 7, oops` would be 422 for its bio.

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt;
use serde::{Serialize, de::DeserializeOwned};

use super::serde_error::BadValue;
use crate::http::{
    problem::{InvalidPart, Problem, ProblemKind},
    request_body::BodyError,
};

/// A JSON body, of a request or a response. That of a request says `#[serde(deny_unknown_fields)]`.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_content_type(&parts.method, &parts.headers)?;
        let bytes = read(body).await?;
        parse(&bytes).map(Self)
    }
}

fn check_content_type(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    // Parameters are ignored: JSON has none with a meaning.
    let essence = types.next().and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
    let essence = essence.map(str::trim).unwrap_or_default();
    let is_json = essence.eq_ignore_ascii_case("application/json")
        || (method == Method::PATCH && essence.eq_ignore_ascii_case("application/merge-patch+json"));
    let is_plain = headers.get_all(header::CONTENT_ENCODING).iter().all(|coding| coding == "identity");
    if is_json && is_plain && types.next().is_none() {
        Ok(())
    } else {
        Err(Problem::new(ProblemKind::UnsupportedMediaType))
    }
}

/// The whole body, copied: a stored frame would keep the buffer that it was read into.
async fn read(mut body: Body) -> Result<BytesMut, Problem> {
    // Without the announced capacity: memory grows with the bytes that arrive.
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(unreadable)?.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// The errors of `request_body`, which axum boxes.
fn unreadable(error: axum::Error) -> Problem {
    let error = error.into_inner();
    let kind = match error.downcast_ref::<BodyError>() {
        Some(BodyError::TooLarge) => ProblemKind::BodyTooLarge,
        Some(BodyError::TooLate) => ProblemKind::BodyTimeout,
        Some(BodyError::Broken(_)) | None => ProblemKind::MalformedRequest,
    };
    Problem::new(kind).caused_by(error)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.is_empty() {
        return Err(malformed("The body is empty."));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(format!("The body is not UTF-8 from byte {} on.", error.valid_up_to())))?;
    let any: serde_json::Value = serde_json::from_str(text).map_err(|error| malformed(capitalised(&error)))?;
    if !any.is_object() {
        return Err(Problem::invalid_body([InvalidPart::body("", "must be an object")]));
    }

    let mut deserializer = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let bad = BadValue::new(error.path(), &error.inner().to_string());
        Problem::invalid_body([InvalidPart::body(bad.pointer(), bad.detail)])
    })
}

fn malformed(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(ProblemKind::MalformedJson).with_detail(detail)
}

/// "expected value at line 1 column 7" as a sentence.
fn capitalised(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let (first, rest) = message.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}.", first.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "what is in it does not matter here")]
    struct Wanted {
        name: String,
        bio: Option<String>,
    }

    fn kind(body: &[u8]) -> Option<ProblemKind> {
        parse::<Wanted>(body).err().map(|problem| problem.kind())
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        let deep = "[".repeat(60_000);
        let deep_member = format!(r#"{{"name":{}"#, r#"{"a":"#.repeat(12_000));
        let bodies: [&[u8]; 13] = [
            b"",
            b" ",
            b"{",
            b"{\"name\":\"x\"",
            b"{\"name\":\"x\"} x",
            b"{\"name\":\"x\"}{}",
            b"\xEF\xBB\xBF{\"name\":\"x\"}",
            b"{\"name\":\"\xFF\"}",
            br#"{"name":"\ud800"}"#,
            br#"{"name":"\udc00"}"#,
            br#"{"bio":7, oops"#,
            deep.as_bytes(),
            deep_member.as_bytes(),
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
            assert_eq!(kind(body), Some(ProblemKind::MalformedJson), "{shown}");
        }
    }

    #[test]
    fn json_that_is_not_what_is_wanted_is_invalid() {
        for body in [
            "{}",
            "[]",
            r#"["x", null]"#,
            "null",
            "7",
            r#"{"name":7}"#,
            r#"{"name":null}"#,
            r#"{"name":"x","name":"x"}"#,
            r#"{"name":"x","other":"x"}"#,
            r#"{"name":"x","bio":{}}"#,
        ] {
            assert_eq!(kind(body.as_bytes()), Some(ProblemKind::InvalidBody), "{body}");
        }
    }

    #[test]
    fn well_formed_json_passes() {
        for body in [r#"{"name":"x"}"#, " {\"name\":\"\\ud83d\\ude00\\u0000\",\"bio\":null}\r\n"] {
            assert_eq!(kind(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn content_types() {
        let accepted = |method: Method, value: &str| {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().expect("a header value"))]);
            check_content_type(&method, &headers).is_ok()
        };

        assert!(accepted(Method::POST, "application/json"));
        assert!(accepted(Method::POST, "Application/JSON ; charset=utf-8"));
        assert!(accepted(Method::PATCH, "application/merge-patch+json"));
        assert!(!accepted(Method::POST, "application/merge-patch+json"));
        assert!(!accepted(Method::POST, "text/plain"));
        assert!(!accepted(Method::POST, "application/jsonp"));
        assert!(check_content_type(&Method::POST, &HeaderMap::new()).is_err());
    }
}
