//! Posts, as they are stored, made and changed.

use chrono::{DateTime, Utc};

use super::{FieldErrors, Patch, PostBody, PostId, UserId, fields::Fields};

/// A post without its author's names: those are the author's, and change with the author. The JSON form that clients see is
/// put together where both are at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Never changes; orders posts by time.
    pub id: PostId,
    /// Who wrote it.
    pub author_id: UserId,
    /// What it says.
    pub body: PostBody,
    /// Counts the changes of this post; half of the entity tag.
    pub version: i64,
    /// When it was written, UTC, to the microsecond.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A change of one's own post, checked.
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
