//! The `OpenAPI` 3.1 document: what the handlers say, and what is true of all of them.

use axum::{Router, routing::get};
use utoipa::{
    OpenApi,
    openapi::{
        self,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    asset::{Asset, Wanted},
    responses, usual_responses,
};
use crate::http::{cookie::SessionCookie, problem::ProblemDocument};

/// What is there without any handler.
#[derive(OpenApi)]
#[openapi(
    info(title = "aside", description = "A web backend whose cache-aside layer is exact."),
    components(schemas(ProblemDocument)),
    tags(
        (name = "home", description = "The newest posts, for somebody or for everybody."),
        (name = "users", description = "Registering, looking at users, changing and deleting oneself."),
        (name = "follows", description = "Who follows whom."),
        (name = "posts", description = "Writing, reading, changing and deleting posts."),
        (name = "sessions", description = "Signing in and out, here, there and everywhere."),
        (name = "documentation", description = "What the problem types mean.")
    )
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
    usual_responses::add(&mut document);
    let json = document.to_json().expect("the document is made of text and numbers");
    let document = Asset::new("application/json", json.into());
    Router::new().route("/openapi.json", get(async move |wanted: Wanted| document.answer(wanted).await))
}
