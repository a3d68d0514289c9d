//! HTTP: the server, the layers around the handlers, and the handlers. Handlers hold repositories, never pools; nothing
//! below this layer knows a status code.
//!
//! | module | what it owns |
//! |---|---|
//! | [`server`], `io` | connections: accepting, deadlines, the end |
//! | [`routes`], `middleware` | the layers around every handler, and their order |
//! | [`extract`], [`cookie`] | requests into values |
//! | [`problem`], [`problem_kind`] | errors as clients see them |

pub mod cookie;
pub mod extract;
mod io;
mod middleware;
pub mod problem;
pub mod problem_kind;
mod request_body;
pub mod routes;
pub mod server;

pub use middleware::request_id::RequestId;
