//! Values and their rules. A value that exists is valid: each is made by its `parse`, once, at the edge.

pub mod ids;

pub use ids::{PostId, SessionId, UserId};
