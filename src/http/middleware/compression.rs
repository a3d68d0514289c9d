//! Compression, with entity tags that tell the codings apart.
//!
//! A strong `ETag` names bytes, so the compressed response needs another tag than the plain one (RFC 9110, 8.8.3.3).
//! tower-http does not change the tag. Here `"7"` becomes `"7-gzip"`, and comparisons accept either (see `domain`).
//!
//! The request's `Accept-Encoding` is reduced to the chosen coding: tower-http turns the response into 406 when a client
//! refuses all codings, even after a write was done. Such a client gets the plain bytes.

use std::{convert::Infallible, future::Future};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, predicate::SizeAbove},
};

use super::sign_in;

/// A smaller response fits into one packet.
const MIN_BYTES: u64 = 1024;

/// Of 11 (brotli) and 9 (gzip), for responses that are sent once.
const LEVEL: i32 = 4;

/// For bytes that are compressed once and sent often. Higher levels take several times as long for 1 % of the size.
const LEVEL_FOR_MANY: i32 = 6;

/// A supported coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// In the order of preference when the client has none.
    pub(in crate::http) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    pub(in crate::http) fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of the response to this request. Removes every other coding from the request.
    pub(in crate::http) fn choose_for(request: &mut Request) -> Option<Self> {
        if !request.headers().contains_key(header::ACCEPT_ENCODING) {
            return None;
        }
        let coding = if sign_in::is_sign_in(request) { None } else { choose(request.headers()) };
        match coding {
            Some(coding) => {
                request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(coding.as_str()))
            }
            None => request.headers_mut().remove(header::ACCEPT_ENCODING),
        };
        coding
    }

    /// The coding that [`choose_for`](Self::choose_for) left in a request.
    pub(in crate::http) fn chosen(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get(header::ACCEPT_ENCODING)?;
        Self::ALL.into_iter().find(|coding| accepted == coding.as_str())
    }

    /// These bytes in this coding; `None` if they are too few to compress. Takes milliseconds for each 10 kB.
    pub(in crate::http) async fn encode(self, bytes: Bytes) -> Option<Bytes> {
        let mut request = Request::new(Body::empty());
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(self.as_str()));
        let answer = service_fn(async |_request| Ok::<_, Infallible>(Response::new(Body::from(bytes.clone()))));
        let Ok(answer) = layer(LEVEL_FOR_MANY).layer(answer).oneshot(request).await;
        let is_encoded = answer.headers().contains_key(header::CONTENT_ENCODING);
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        is_encoded.then_some(body)
    }

    /// The response of `handle` in this coding, unless it is too small or has a coding already.
    pub(in crate::http) async fn compress<F, A>(self, handle: F, request: Request) -> Response
    where
        F: FnMut(Request) -> A,
        A: Future<Output = Result<Response, Infallible>>,
    {
        let asked = request.headers().get_all(header::IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>();
        let Ok(answer) = layer(LEVEL).layer(service_fn(handle)).oneshot(request).await;

        let mut answer = answer.map(Body::new);
        let applied = answer.headers().get(header::CONTENT_ENCODING).is_some_and(|value| value == self.as_str());
        if applied || (answer.status() == StatusCode::NOT_MODIFIED && knows_compressed(&asked, &answer, self)) {
            suffix_etag(answer.headers_mut(), self);
        }
        answer
    }
}

fn layer(level: i32) -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().quality(CompressionLevel::Precise(level)).compress_when(SizeAbove::new(MIN_BYTES))
}

/// A 304 has the tag that a 200 would have. It has no body to compress, so the client's tags decide which one that is.
fn knows_compressed(asked: &[HeaderValue], response: &Response, coding: Coding) -> bool {
    let Some(etag) = response.headers().get(header::ETAG).and_then(|etag| with_suffix(etag, coding)) else {
        return false;
    };
    let tags = asked.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    tags.map(str::trim).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn suffix_etag(headers: &mut HeaderMap, coding: Coding) {
    let tagged = headers.get(header::ETAG).and_then(|etag| with_suffix(etag, coding));
    if let Some(etag) = tagged.and_then(|etag| HeaderValue::try_from(etag).ok()) {
        headers.insert(header::ETAG, etag);
    }
}

/// `"7"` to `"7-gzip"`. Weak tags stay: they do not name bytes.
fn with_suffix(etag: &HeaderValue, coding: Coding) -> Option<String> {
    let opaque = etag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    Some(format!("\"{opaque}-{}\"", coding.as_str()))
}

/// The client's preferred coding; `None` if it accepts none of those that the service has.
fn choose(headers: &HeaderMap) -> Option<Coding> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let wishes: Vec<(&str, f32)> = lines.flat_map(|line| line.split(',')).filter_map(wish).collect();
    let quality = |coding: Coding| {
        let of = |name: &str| wishes.iter().find(|(wished, _)| wished.eq_ignore_ascii_case(name));
        of(coding.as_str()).or_else(|| of("*")).map_or(0.0, |(_, quality)| *quality)
    };
    let mut best = None;
    for coding in Coding::ALL {
        if quality(coding) > best.map_or(0.0, quality) {
            best = Some(coding);
        }
    }
    best
}

/// `gzip;q=0.5`. An element with a malformed quality is ignored.
fn wish(element: &str) -> Option<(&str, f32)> {
    let (name, parameters) = element.split_once(';').unwrap_or((element, "q=1"));
    let (_, quality) = parameters.trim().split_once('=')?;
    let quality = quality.trim().parse().ok().filter(|quality| (0.0..=1.0).contains(quality))?;
    Some((name.trim(), quality))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_chooses_and_brotli_wins_ties() {
        for (accept, chosen) in [
            ("gzip", Some(Coding::Gzip)),
            ("br", Some(Coding::Brotli)),
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("gzip;q=1.0, br;q=0.5", Some(Coding::Gzip)),
            ("GZIP ; q=0.1", Some(Coding::Gzip)),
            ("*", Some(Coding::Brotli)),
            ("br;q=0, *;q=0.5", Some(Coding::Gzip)),
            ("deflate", None),
            ("", None),
            ("gzip;q=0", None),
            ("identity;q=0", None),
            ("*;q=0", None),
            ("gzip;q=x", None),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accept))]);

            assert_eq!(choose(&headers), chosen, "{accept}");
        }
    }
}
