//! The stack of layers around the handlers.

use std::sync::Arc;

use axum::{Router, middleware::from_fn, middleware::from_fn_with_state};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    cookie::SessionCookie,
    middleware::{
        allow, body,
        caching::{Caching, caching},
        client_address, compression, cors,
        deadline::deadline,
        head::head,
        observe::observe,
        panics,
        problems::problems,
        security_headers,
        session_cookie::{OwnSite, session_cookie},
    },
};
use crate::{config::HttpConfig, telemetry::metrics::Metrics};

/// Puts every layer around `routes` (handlers, with the limiter and authentication around those that have them).
///
/// From the outside in; each line says why it is not further in, or further out.
pub fn with_layers(routes: Router, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    let cors = cors::layer(&config.cors_allowed_origins);
    let caches = Caching { cookie: SessionCookie::for_url(&config.public_url), cors: cors.is_some() };

    let layers = ServiceBuilder::new()
        // First of all, since the log line names the client.
        .map_request(client_address::finder(config.trusted_proxies.as_slice().into()))
        // Around everything that can answer: no answer without id, log line and metrics.
        .layer(from_fn_with_state(metrics, observe))
        // Inside of it, so that a panic is an answer like any other there; outside of all that might panic.
        .layer(CatchPanicLayer::custom(panics::answer))
        // On every answer, those to preflights and panics further in included.
        .map_response(security_headers::add)
        // Outside of CORS and compression, whose `Vary` it sees and completes.
        .layer(from_fn_with_state(caches, caching))
        // Outside of all that could answer with a bare status.
        .layer(from_fn(problems))
        // Outside of every refusal, which scripts of allowed origins may read too; a preflight goes no further.
        .option_layer(cors)
        // Refused by their head: before anything is spent on them.
        .layer(from_fn(head))
        // A cookie that another site uses: before the limiter charges its owner for it.
        .layer(from_fn_with_state(OwnSite::new(&config.public_url), session_cookie))
        // Outside of the deadline: a request that is late is answered, compressed or not.
        .layer(from_fn(compression::codings))
        .layer(compression::layer())
        // Around all that waits: the limiter, authentication, the body, the handler.
        .layer(from_fn_with_state(config.request_timeout, deadline))
        // The innermost: what the extractors read.
        .map_request(body::limiter(config.body_timeout));

    // A router whose state is still open builds its layers anew for each request: here it is closed, once.
    let routes = routes.layer(layers).with_state(());
    // axum adds `Allow` outside of its routes' layers, hence the one around the whole router.
    let routes = ServiceBuilder::new().map_response(allow::complete).service(routes);
    Router::new().fallback_service(routes).with_state(())
}
