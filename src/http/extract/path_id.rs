//! The id in a path. What is no id names nothing: 404, the same as an id that nobody has.

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

impl ResourceId for UserId {
    const ABSENT: &'static str = "There is no such user.";

    fn from_path(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl ResourceId for PostId {
    const ABSENT: &'static str = "There is no such post.";

    fn from_path(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl ResourceId for SessionId {
    const ABSENT: &'static str = "You have no such session.";

    fn from_path(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// 404: nothing has this id.
#[must_use]
pub fn no_such<T: ResourceId>() -> Problem {
    Problem::new(ProblemKind::NotFound).with_detail(T::ABSENT)
}

impl<T: ResourceId, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // The rejection is bytes that are not UTF-8 once decoded: no id either.
        let id = RawPathParams::from_request_parts(parts, state)
            .await
            .ok()
            .and_then(|params| params.iter().find(|(name, _)| *name == "id").and_then(|(_, text)| T::from_path(text)));
        id.map(Self).ok_or_else(no_such::<T>)
    }
}
