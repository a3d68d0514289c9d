//! What operators see: metrics, log lines, and where a request's time went.

pub mod exposition;
pub mod logging;
pub mod metrics;
