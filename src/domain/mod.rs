//! Values and their rules. A value that exists is valid: each is made by its `parse`, once, at the edge; what comes back
//! from the database was valid when it was written.
//!
//! Errors say what is wrong in words a client may read: lower case, without the value.

mod bio;
mod common_passwords;
mod cursor;
mod display_name;
mod encoded_json;
mod etag;
mod fields;
mod home_page;
pub mod ids;
mod network;
mod page;
mod password;
mod patch;
mod post;
mod post_body;
mod session;
mod text;
mod user;
mod user_agent;
mod username;

pub use bio::Bio;
pub use cursor::{Cursor, CursorError, Position, Scope};
pub use display_name::DisplayName;
pub use encoded_json::EncodedJson;
pub use etag::{CODINGS, Condition, ConditionError, ETag, Tag};
pub use fields::{FieldError, FieldErrors};
pub use home_page::HomePage;
pub use ids::{PostId, SessionId, UserId};
pub use network::network_of;
pub use page::{Page, PageSize, PageSizeError};
pub use password::{MAX_PASSWORD_BYTES, Password, PasswordError};
pub use patch::Patch;
pub use post::{AuthoredPost, Post, PostPatch};
pub use post_body::PostBody;
pub use session::Session;
pub use text::TextError;
pub use user::{NewUser, PasswordChange, User, UserPatch, UserSummary};
pub use user_agent::UserAgent;
pub use username::{Username, UsernameError};
