//! Posts and their changes.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{FieldErrors, Patch, PostBody, PostId, UserId, UserSummary, fields::Fields};

/// A post as its row has it, without the names of its author. Its JSON form is the beginning of that of an [`AuthoredPost`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Post {
    /// Never changes; orders posts by time.
    pub id: PostId,
    /// The author.
    #[serde(skip)]
    pub author_id: UserId,
    /// The text.
    pub body: PostBody,
    /// Counts the changes of this post; half of the entity tag.
    pub version: i64,
    /// Creation time, UTC, in microseconds.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// A post with its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Post)]
pub struct AuthoredPost {
    /// Never changes.
    pub id: PostId,
    /// The text.
    pub body: PostBody,
    /// Incremented by every change of the post.
    pub version: i64,
    /// Creation time, UTC, in microseconds.
    pub created_at: DateTime<Utc>,
    /// Time of the last change.
    pub updated_at: DateTime<Utc>,
    /// The author as of now: later changes of the names show here.
    pub author: UserSummary,
}

impl AuthoredPost {
    /// The post without the author's names, and these names.
    #[must_use]
    pub fn split(self) -> (Post, UserSummary) {
        let Self { id, body, version, created_at, updated_at, author } = self;
        (Post { id, author_id: author.id, body, version, created_at, updated_at }, author)
    }
}

/// A checked change of a post.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostPatch {
    /// The new text; `None` leaves it.
    pub body: Option<PostBody>,
}

impl PostPatch {
    /// Checks the fields of `PATCH /posts/{id}`.
    pub fn parse(body: Patch<String>) -> Result<Self, FieldErrors> {
        let mut fields = Fields::default();
        let body = fields.check_set("/body", body, PostBody::parse);
        fields.finish(Some(Self { body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_body_leaves_the_post() {
        assert_eq!(PostPatch::parse(Patch::Keep), Ok(PostPatch { body: None }));
    }

    #[test]
    fn a_body_is_checked_and_null_is_refused() {
        let body = PostBody::parse("new").unwrap();

        assert_eq!(PostPatch::parse(Patch::Set("new".into())), Ok(PostPatch { body: Some(body) }));
        assert_eq!(PostPatch::parse(Patch::Clear), Err(FieldErrors::one("/body", "must not be null")));
        assert_eq!(
            PostPatch::parse(Patch::Set(String::new())),
            Err(FieldErrors::one("/body", "must be 1 to 2000 characters long"))
        );
    }
}
