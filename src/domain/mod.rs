//! Values and their rules. A value that exists is valid: `parse` checks it once, at the edge. Values from the database were checked
//! when they were written.

mod common_passwords;
mod cursor;
mod encoded_json;
mod error;
mod etag;
mod fields;
mod home_page;
pub mod ids;
mod network;
mod page;
mod password;
mod patch;
mod post;
mod session;
mod text;
mod user;
mod user_agent;
mod username;

pub use cursor::{Cursor, Position, Scope};
pub use encoded_json::EncodedJson;
pub use error::ValueError;
pub use etag::{CODINGS, Condition, ETag, Tag};
pub use fields::{FieldError, FieldErrors};
pub use home_page::HomePage;
pub use ids::{PostId, SessionId, UserId};
pub use network::network_of;
pub use page::{Page, PageSize};
pub use password::{MAX_PASSWORD_BYTES, Password};
pub use patch::Patch;
pub use post::{AuthoredPost, Post, PostPatch};
pub use session::Session;
pub use text::{Bio, DisplayName, PostBody};
pub use user::{NewUser, PasswordChange, User, UserPatch, UserSummary};
pub use user_agent::UserAgent;
pub use username::Username;
