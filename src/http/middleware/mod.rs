//! The parts of the middleware stack. `routes` has their order and its reasons.

pub(super) mod allow;
pub(super) mod body;
pub(super) mod caching;
pub(super) mod compression;
pub(super) mod cors;
pub(super) mod deadline;
pub(super) mod head;
pub(super) mod metrics;
pub(super) mod observe;
pub(super) mod panics;
pub(super) mod problems;
pub(super) mod request_id;
pub(super) mod security_headers;
pub(super) mod server_timing;
pub(super) mod session_cookie;
pub(super) mod sign_in;
pub(super) mod trace;
