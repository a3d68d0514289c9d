//! Extractors: they turn parts of a request into values or problems. Handlers read requests in no other way.

mod client_address;
mod credentials;
mod forwarded;
mod json;
mod path_id;
mod query;
mod serde_error;

pub use client_address::ClientAddress;
pub use credentials::Credentials;
pub use json::Json;
pub use path_id::{PathId, ResourceId, no_such};
pub use query::Query;
