//! HTTP: the server, the middleware stack and the handlers. Handlers use repositories, not pools. No layer below this one knows
//! status codes.
//!
//! | module | what it owns |
//! |---|---|
//! | [`server`], `accept`, `io` | connections: accepting, deadlines, closing |
//! | [`routes`], `middleware` | the middleware stack |
//! | `gate`, `identity`, `meter`, `token_lookups` | who asks, and whether they may ask so often |
//! | `handlers` | the API; [`state`] has the parts that handlers may use |
//! | [`extract`], [`cookie`], `conditions` | values from requests |
//! | `cache_status`, `encoded_json` | parts of responses |
//! | [`documentation`] | `/openapi.json`, `/docs` and what leads there, `/problems/{name}` |
//! | [`admin`], [`readiness`] | the admin server's routes |
//! | [`problem`] | problem documents |

mod accept;
pub mod admin;
mod cache_status;
mod conditions;
pub mod cookie;
pub mod documentation;
mod encoded_json;
pub mod extract;
mod gate;
mod handlers;
mod identity;
mod io;
mod meter;
mod middleware;
pub mod problem;
pub mod readiness;
mod request_body;
pub mod routes;
pub mod server;
pub mod state;
pub mod token_lookups;

use std::sync::Arc;

use axum::Router;
pub use middleware::request_id::RequestId;

use self::state::ApiState;
use crate::{config::HttpConfig, telemetry::metrics::Metrics};

/// The public API: handlers, the gate in front of them, and every layer around both.
pub fn api(state: ApiState, config: &HttpConfig, metrics: Arc<Metrics>) -> Router {
    let routes = documentation::with_documentation(handlers::router(), &config.public_url)
        .merge(documentation::root())
        .with_state(state.clone());
    routes::with_gate_and_layers(routes, state, config, metrics)
}
