//! What the service says of itself: its `OpenAPI` document, a page to try it on, and what its problem types mean.
//!
//! None of it looks at credentials, needs anything from outside of the binary or is charged.

mod asset;
mod openapi;
mod page;
mod problem_types;
pub mod responses;
mod usual_responses;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;

pub(super) use page::root;

use super::cookie::SessionCookie;

/// The documented routes as they are served, and beside them `/openapi.json`, `/docs` and `/problems/{name}`.
pub fn with_documentation<S>(routes: OpenApiRouter<S>, cookie: SessionCookie) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let documented = OpenApiRouter::with_openapi(openapi::head(cookie)).merge(routes).merge(problem_types::routes());
    let (routes, document) = documented.split_for_parts();
    routes.merge(openapi::route(document)).merge(page::routes())
}
