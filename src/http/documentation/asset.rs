//! Static response bodies with a strong entity tag. Each coding is computed once in the life of the process: requests for
//! them are not charged to a rate limit, so they must not cost more than the sending.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use tokio::{runtime::Handle, sync::Mutex, task::spawn_blocking};

use crate::{
    domain::ETag,
    http::{
        conditions::{IfNoneMatch, etag_value},
        middleware::{caching::SameForAll, compression::Coding},
        problem::Problem,
    },
};

/// A static response body.
#[derive(Debug)]
pub(super) struct Asset {
    media_type: HeaderValue,
    etag: ETag,
    plain: Bytes,
    /// By coding; `None` inside if the bytes are too few to compress.
    encoded: [OnceLock<Option<Bytes>>; Coding::ALL.len()],
    /// Held by the one task that encodes.
    encoding: Arc<Mutex<()>>,
}

/// The parts of a request that select the response.
#[derive(Debug)]
pub(super) struct Wanted {
    if_none_match: IfNoneMatch,
    coding: Option<Coding>,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let if_none_match = IfNoneMatch::from_request_parts(parts, state).await?;
        Ok(Self { if_none_match, coding: Coding::chosen(&parts.headers) })
    }
}

impl Asset {
    /// These bytes.
    pub(super) fn new(media_type: &str, plain: Bytes) -> Arc<Self> {
        let media_type = HeaderValue::try_from(media_type).expect("a media type is ASCII");
        let etag = ETag::of_bytes(&plain);
        Arc::new(Self { media_type, etag, plain, encoded: Default::default(), encoding: Arc::default() })
    }

    /// The bytes in the client's preferred coding, or 304.
    pub(super) async fn answer(self: &Arc<Self>, wanted: Wanted) -> Response {
        let Wanted { if_none_match, coding } = wanted;
        let etag = &self.etag;
        let mut response = if if_none_match.matches(etag) {
            (StatusCode::NOT_MODIFIED, [(header::ETAG, etag_value(etag))]).into_response()
        } else {
            self.show(coding).await
        };
        response.extensions_mut().insert(SameForAll);
        response
    }

    async fn show(self: &Arc<Self>, coding: Option<Coding>) -> Response {
        let Self { media_type, etag, plain, .. } = &**self;
        let encoded = match coding {
            Some(coding) => self.encoded(coding).await.map(|bytes| (coding, bytes)),
            None => None,
        };
        let fields = [(header::CONTENT_TYPE, media_type.clone()), (header::ETAG, etag_value(etag))];
        match encoded {
            // The middleware stack adds the coding to the tag.
            Some((coding, bytes)) => (fields, [(header::CONTENT_ENCODING, coding.as_str())], bytes).into_response(),
            None => (fields, plain.clone()).into_response(),
        }
    }

    /// One task at a time encodes. It goes on when its request is cancelled, so that a client that hangs up repeats no work.
    async fn encoded(self: &Arc<Self>, coding: Coding) -> Option<Bytes> {
        let encoded = &self.encoded[coding as usize];
        if let Some(bytes) = encoded.get() {
            return bytes.clone();
        }
        let lock = Arc::clone(&self.encoding).lock_owned().await;
        let (asset, runtime) = (Arc::clone(self), Handle::current());
        let encode = move || {
            let _lock = lock;
            let encode = || runtime.block_on(coding.encode(asset.plain.clone()));
            asset.encoded[coding as usize].get_or_init(encode).clone()
        };
        spawn_blocking(encode).await.ok().flatten()
    }
}
