//! JSON that is already written, as a response.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use crate::domain::EncodedJson;

/// Header fields of a complete response, about. The room is reserved at once: growing the map several times takes longer than
/// writing the fields.
pub(super) const HEADER_CAPACITY: usize = 14;

impl<T> IntoResponse for EncodedJson<T> {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.into_bytes().into());
        response.headers_mut().reserve(HEADER_CAPACITY);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
