//! The id in a path. Text that is no id is 404, like the id of nothing.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::{
    domain::{PostId, SessionId, UserId},
    http::problem::{Problem, ProblemKind},
};

/// The `{id}` of the route.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

/// An id that paths can hold.
pub trait ResourceId: Sized {
    /// The `detail` of the 404 when nothing has this id.
    const ABSENT: &'static str;

    /// Reads the hyphenated form.
    fn from_path(text: &str) -> Option<Self>;
}

macro_rules! resource_id {
    ($id:ident, $absent:literal) => {
        impl ResourceId for $id {
            const ABSENT: &'static str = $absent;

            fn from_path(text: &str) -> Option<Self> {
                Self::parse(text)
            }
        }
    };
}

resource_id!(UserId, "There is no such user.");
resource_id!(PostId, "There is no such post.");
resource_id!(SessionId, "You have no such session.");

/// 404: nothing has this id.
#[must_use]
pub fn no_such<T: ResourceId>() -> Problem {
    Problem::new(ProblemKind::NotFound).with_detail(T::ABSENT)
}

impl<T: ResourceId, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The rejection means bytes that are not UTF-8: no id either.
        let id = RawPathParams::from_request_parts(parts, state)
            .await
            .ok()
            .and_then(|params| params.iter().find(|(name, _)| *name == "id").and_then(|(_, text)| T::from_path(text)));
        id.map(Self).ok_or_else(no_such::<T>)
    }
}
