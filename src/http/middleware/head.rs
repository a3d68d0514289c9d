//! Checks of the head of a request: its size, its target, its `Host`, the announced length.
//!
//! hyper's own limit (64 KiB) is higher, so that clients get the service's response. hyper also accepts a request without
//! `Host` or with two, which RFC 9112 (3.2) forbids. The limit of 100 fields is hyper's: see `io::parser_errors`.

use std::net::Ipv6Addr;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, Version, header};

use super::allow::ALL_METHODS;
use crate::http::{
    problem::{Problem, ProblemKind},
    request_body::MAX_BODY_BYTES,
};

const MAX_TARGET_BYTES: usize = 8 * 1024;
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The response to a request that its head alone decides, mostly a refusal. `None` for a request to be handled.
pub(in crate::http) fn answer(request: &Request) -> Option<Response> {
    if let Err(problem) = check(request) {
        // After a malformed head the boundaries of the following requests are uncertain.
        return Some(([(header::CONNECTION, "close")], problem).into_response());
    }
    match (request.method(), request.uri().path()) {
        // Asks about the whole server.
        (&Method::OPTIONS, "*") => Some((StatusCode::NO_CONTENT, [(header::ALLOW, ALL_METHODS)]).into_response()),
        // For proxies; the service is none.
        (&Method::CONNECT, _) => {
            Some(([(header::ALLOW, ALL_METHODS)], Problem::new(ProblemKind::MethodNotAllowed)).into_response())
        }
        // "*" of other methods, and authorities of other methods.
        (_, path) if !path.starts_with('/') => Some(malformed("The request's target is no path.").into_response()),
        _ => None,
    }
}

fn check(request: &Request) -> Result<(), Problem> {
    // Without scheme and authority, which are rare and short.
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET_BYTES {
        return Err(Problem::new(ProblemKind::UriTooLong));
    }
    // Each field line has ": " and CRLF; the request line has a method, a version, two spaces and CRLF.
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if request.method().as_str().len() + target + 13 + fields.sum::<usize>() > MAX_HEAD_BYTES {
        return Err(Problem::new(ProblemKind::HeadTooLarge));
    }
    check_host(request.version(), request.headers())?;
    check_length(request.headers())
}

fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Problem> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version == Version::HTTP_10 => Ok(()),
        (None, _) => Err(malformed("The request has no Host field.")),
        (Some(_), Some(_)) => Err(malformed("The request has more than one Host field.")),
        (Some(host), None) if host.to_str().is_ok_and(is_host) => Ok(()),
        (Some(_), None) => Err(malformed("The Host field names no host.")),
    }
}

/// `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2), and not empty: http and https have no targets without a host.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rfind(':') {
        Some(colon) if !text[colon..].contains(']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, ""),
    };
    let is_port = port.is_empty() || (port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok());
    let is_host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_host_byte),
    };
    is_port && is_host
}

/// The bytes of a registered name: unreserved characters, sub-delimiters and percent signs.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&byte)
}

/// Refuses a body by its announced length, before it is read.
fn check_length(headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(Problem::new(ProblemKind::BodyTooLarge));
    }
    Ok(())
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::MalformedRequest).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for host in ["localhost", "aside.example:8080", "127.0.0.1:80", "[::1]", "[::1]:8080", "a_b", "a:", "%41"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ":80", "a b", "a/b", "a@b", "a:x", "a:99999", "a:b:80", "[::1", "::1", "[::g]", "a:+80", "[]"]
        {
            assert!(!is_host(host), "{host}");
        }
    }
}
