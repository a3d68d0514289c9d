//! The `OpenAPI` 3.1 document: the operations as the handlers describe them, and what all operations share.

use axum::{Router, routing::get};
use url::Url;
use utoipa::{
    OpenApi,
    openapi::{
        self, ServerBuilder,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{
    asset::{Asset, Wanted},
    response_headers, responses, usual_responses,
};
use crate::http::{cookie::SessionCookie, problem::ProblemDocument};

/// The document's `info.description`.
const DESCRIPTION: &str = "A web backend whose cache-aside layer is exact. Errors are problem details (RFC 9457). Error responses of \
                           operations that are charged to a rate limit have RateLimit and RateLimit-Policy too, once the request was \
                           charged.";

/// The parts outside of operations.
#[derive(OpenApi)]
#[openapi(
    info(title = "aside", description = DESCRIPTION),
    components(schemas(ProblemDocument)),
    tags(
        (name = "home", description = "The newest posts, for the current user or for all."),
        (name = "users", description = "Register, read, update and delete users."),
        (name = "follows", description = "Follow and unfollow users."),
        (name = "posts", description = "Create, read, update and delete posts."),
        (name = "sessions", description = "Sign in and out, and list sessions."),
        (name = "documentation", description = "The types of problems.")
    )
)]
struct Head;

/// The document without operations.
pub(super) fn head(public_url: &Url) -> openapi::OpenApi {
    let mut document = Head::openapi();
    // `/` first: `/docs` has to work under every host name. Paths begin with a slash, so the URL must not end with one.
    let own = ServerBuilder::new().url("/").description(Some("The server that this document comes from"));
    let public =
        ServerBuilder::new().url(public_url.as_str().trim_end_matches('/')).description(Some("The public URL"));
    document.servers = Some(vec![own.build(), public.build()]);
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    let cookie = ApiKey::Cookie(ApiKeyValue::new(SessionCookie::for_url(public_url).name()));
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    components.responses.extend(responses::components());
    components.headers.extend(response_headers::components());
    document
}

/// `/openapi.json`, written once.
pub(super) fn route<S: Clone + Send + Sync + 'static>(mut document: openapi::OpenApi) -> Router<S> {
    usual_responses::add_to_all(&mut document);
    let json = document.to_json().expect("the document is made of text and numbers");
    let document = Asset::new("application/json", json.into());
    Router::new().route("/openapi.json", get(async move |wanted: Wanted| document.answer(wanted).await))
}
