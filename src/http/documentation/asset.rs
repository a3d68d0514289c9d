//! Bytes that are the same for everybody, with a strong entity tag. Each coding of them is made once in the life of the process:
//! requests for them are not charged, so they must not cost anything but the sending.

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
        middleware::{caching::ForEverybody, compression::Coding},
        problem::Problem,
    },
};

/// Something that is served as it is.
#[derive(Clone, Debug)]
pub(super) struct Asset(Arc<Content>);

#[derive(Debug)]
struct Content {
    media_type: HeaderValue,
    etag: ETag,
    plain: Bytes,
    /// By coding; `None` inside if there are too few bytes.
    encoded: [OnceLock<Option<Bytes>>; Coding::ALL.len()],
    /// Held by the one task that encodes.
    encoding: Arc<Mutex<()>>,
}

/// What of a request decides how an asset is answered.
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
    pub(super) fn new(media_type: &str, plain: Bytes) -> Self {
        let media_type = HeaderValue::try_from(media_type).expect("a media type is ASCII");
        let etag = ETag::of_bytes(&plain);
        Self(Arc::new(Content { media_type, etag, plain, encoded: Default::default(), encoding: Arc::default() }))
    }

    /// The bytes in the coding that the client likes best, or 304.
    pub(super) async fn answer(&self, wanted: Wanted) -> Response {
        let Wanted { if_none_match, coding } = wanted;
        let etag = &self.0.etag;
        let mut response = if if_none_match.matches(etag) {
            (StatusCode::NOT_MODIFIED, [(header::ETAG, etag_value(etag))]).into_response()
        } else {
            self.show(coding).await
        };
        response.extensions_mut().insert(ForEverybody);
        response
    }

    async fn show(&self, coding: Option<Coding>) -> Response {
        let Content { media_type, etag, plain, .. } = &*self.0;
        let encoded = match coding {
            Some(coding) => self.encoded(coding).await.map(|bytes| (coding, bytes)),
            None => None,
        };
        let fields = [(header::CONTENT_TYPE, media_type.clone()), (header::ETAG, etag_value(etag))];
        match encoded {
            // The surroundings add the coding to the tag.
            Some((coding, bytes)) => (fields, [(header::CONTENT_ENCODING, coding.as_str())], bytes).into_response(),
            None => (fields, plain.clone()).into_response(),
        }
    }

    /// One task at a time encodes, and it ends whatever becomes of its request: a client that hangs up starts nothing anew.
    async fn encoded(&self, coding: Coding) -> Option<Bytes> {
        let encoded = &self.0.encoded[coding as usize];
        if let Some(bytes) = encoded.get() {
            return bytes.clone();
        }
        let turn = Arc::clone(&self.0.encoding).lock_owned().await;
        let (content, runtime) = (Arc::clone(&self.0), Handle::current());
        let encode = move || {
            let _turn = turn;
            let encode = || runtime.block_on(coding.encode(content.plain.clone()));
            content.encoded[coding as usize].get_or_init(encode).clone()
        };
        spawn_blocking(encode).await.ok().flatten()
    }
}
