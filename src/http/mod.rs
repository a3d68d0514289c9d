//! HTTP: the server, the layers around the handlers, and the handlers. Handlers hold repositories, never pools; nothing
//! below this layer knows a status code.
//!
//! | module | what it owns |
//! |---|---|
//! | [`problem`], [`problem_kind`] | errors as clients see them |
//! | [`extract`] | requests into values, or into problems |

pub mod cookie;
pub mod extract;
pub mod problem;
pub mod problem_kind;
mod request_body;
