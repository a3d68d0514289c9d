//! HTTP: the server, the layers around the handlers, and the handlers. Handlers hold repositories, never pools; nothing
//! below this layer knows a status code.
//!
//! | module | what it owns |
//! |---|---|
//! | [`server`], `io` | connections: accepting, deadlines, the end |
//! | [`routes`], `middleware` | the layers around every handler, and their order |
//! | [`extract`], [`cookie`] | requests into values |
//! | [`documentation`] | `/openapi.json`, `/docs`, `/problems/{name}` |
//! | [`admin`], [`readiness`] | the admin server's routes |
//! | [`problem`] | errors as clients see them |

pub mod admin;
pub mod cookie;
pub mod documentation;
pub mod extract;
mod io;
mod middleware;
pub mod problem;
pub mod readiness;
mod request_body;
pub mod routes;
pub mod server;

pub use middleware::request_id::RequestId;
