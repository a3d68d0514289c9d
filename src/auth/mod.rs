//! Session tokens and password hashes. Knows neither SQL nor HTTP.

mod password;
mod token;

pub use password::{Caller, HashError, PasswordHasher};
pub use token::{SessionToken, TokenError, TokenHash};
