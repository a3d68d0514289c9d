//! Adds `OPTIONS` to `Allow`: axum does not know that the service answers it.

use axum::response::Response;
use http::{HeaderValue, header};

/// All methods of the service, for requests without a resource.
pub(super) const ALL_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// Completes `Allow`. To be called outside of the router: axum writes the field outside of the layers of its routes.
pub(in crate::http) fn complete(mut response: Response) -> Response {
    let Some(allow) = response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok()) else {
        return response;
    };
    let mut methods: Vec<_> = allow.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    if !methods.contains(&"OPTIONS") {
        methods.push("OPTIONS");
    }
    let allow = HeaderValue::try_from(methods.join(", ")).expect("made of a header value");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}
