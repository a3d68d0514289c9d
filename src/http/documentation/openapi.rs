//! The `OpenAPI` 3.1 document: what the handlers say, and what is true of all of them.

use axum::{Router, routing::get};
use bytes::Bytes;
use http::header;
use utoipa::{
    OpenApi,
    openapi::{
        self, Ref,
        path::Operation,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::responses;
use crate::http::{cookie::SessionCookie, problem::ProblemDocument};

/// What is there without any handler.
#[derive(OpenApi)]
#[openapi(
    info(title = "aside", description = "A web backend whose cache-aside layer is exact."),
    components(schemas(ProblemDocument))
)]
struct Head;

/// The document before the handlers.
pub(super) fn head(cookie: SessionCookie) -> openapi::OpenApi {
    let mut document = Head::openapi();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(cookie.name()));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    components.responses.extend(responses::components());
    document
}

/// `/openapi.json`, written once.
pub(super) fn route<S: Clone + Send + Sync + 'static>(mut document: openapi::OpenApi) -> Router<S> {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(add_common_responses);
    }
    let json = Bytes::from(document.to_json().expect("the document is made of text and numbers"));
    Router::new().route("/openapi.json", get(async || ([(header::CONTENT_TYPE, "application/json")], json)))
}

/// Any operation may be refused by a layer, and all errors have one shape.
fn add_common_responses(operation: &mut Operation) {
    for (status, response) in [("429", "QuotaExceeded"), ("503", "Unavailable"), ("default", responses::ANY)] {
        let reference = Ref::from_response_name(response).into();
        operation.responses.responses.entry(status.to_owned()).or_insert(reference);
    }
}
