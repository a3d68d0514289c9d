//! What the service says of itself: its `OpenAPI` document, a page to try it on, and what its problem types mean.
//!
//! None of it looks at credentials or needs anything from outside of the binary.

mod openapi;
mod page;
mod problem_types;
pub mod responses;
mod usual_responses;

use axum::{Router, response::Response};
use tower::ServiceBuilder;
use utoipa_axum::router::OpenApiRouter;

use super::{cookie::SessionCookie, middleware::caching::ForEverybody};

/// The documented routes as they are served, and beside them `/openapi.json`, `/docs` and `/problems/{name}`.
pub fn with_documentation<S>(routes: OpenApiRouter<S>, cookie: SessionCookie) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let documented = OpenApiRouter::with_openapi(openapi::head(cookie)).merge(routes).merge(problem_types::routes());
    let (routes, document) = documented.split_for_parts();
    let about = Router::new().merge(openapi::route(document)).merge(page::routes());
    routes.merge(about.layer(ServiceBuilder::new().map_response(for_everybody)))
}

fn for_everybody(mut response: Response) -> Response {
    response.extensions_mut().insert(ForEverybody);
    response
}
