//! HTTP: the server, the layers around the handlers, and the handlers. Handlers hold repositories, never pools; nothing
//! below this layer knows a status code.
//!
//! | module | what it owns |
//! |---|---|
//! | [`server`], `io` | connections: accepting, deadlines, the end |
//! | [`routes`], `middleware` | the layers around every handler, and their order |
//! | `gate`, `identity`, `meter` | who asks, and whether they may ask so often |
//! | `handlers` | the API; [`state`] is what they may hold |
//! | [`extract`], [`cookie`], `conditions` | requests into values |
//! | `cache_status` | what the cache did for an answer |
//! | [`problem`], [`problem_kind`] | errors as clients see them |

mod cache_status;
mod conditions;
pub mod cookie;
pub mod extract;
mod gate;
mod handlers;
mod identity;
mod io;
mod meter;
mod middleware;
pub mod problem;
pub mod problem_kind;
mod request_body;
pub mod routes;
pub mod server;
pub mod state;

pub use middleware::request_id::RequestId;
