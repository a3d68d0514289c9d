//! Home pages.

use serde::Serialize;
use utoipa::ToSchema;

use super::{AuthoredPost, Cursor, UserSummary};

/// One page of the home page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HomePage {
    /// The current user; null for an anonymous request.
    #[schema(required = true)]
    pub viewer: Option<UserSummary>,
    /// The posts, newest first.
    pub items: Vec<AuthoredPost>,
    /// The `cursor` of the next page; null on the last page, and only there.
    #[schema(required = true)]
    pub next_cursor: Option<Cursor>,
}
