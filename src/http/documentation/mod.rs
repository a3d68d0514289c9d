//! The documentation that the service serves: its `OpenAPI` document, a page to try it on, and the problem types.
//!
//! These routes read no credentials, load nothing from outside of the binary, and are not charged to a rate limit.

mod asset;
mod openapi;
mod page;
mod problem_types;
mod response_headers;
pub mod responses;
mod usual_responses;

use axum::Router;
use url::Url;
use utoipa_axum::router::OpenApiRouter;

pub(super) use page::root;

/// The documented routes as they are served, and beside them `/openapi.json`, `/docs` and `/problems/{name}`.
pub fn with_documentation<S>(routes: OpenApiRouter<S>, public_url: &Url) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let documented =
        OpenApiRouter::with_openapi(openapi::head(public_url)).merge(routes).merge(problem_types::routes());
    let (routes, document) = documented.split_for_parts();
    routes.merge(openapi::route(document)).merge(page::routes())
}
