//! `/users/{id}/follow`, `/followers`, `/following`.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::{failures::user_is_gone, paging::PageQuery};
use crate::{
    domain::{Page, Scope, User, UserId},
    http::{
        documentation::responses,
        extract::{Json, PathId, Query, no_such},
        identity::CurrentUser,
        problem::{InvalidPart, Problem},
    },
    repository::{FollowOutcome, FollowRepository},
};

/// List the followers of a user
///
/// The most recent follow comes first.
#[utoipa::path(get, path = "/users/{id}/followers", tag = "follows", params(("id" = UserId, Path, description = "The id of the user."), PageQuery),
    responses((status = OK, description = "One page of users", body = Page<User>)),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn list_followers(
    State(follows): State<Arc<FollowRepository>>,
    PathId(id): PathId<UserId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let (after, size) = query.parse(Scope::Followers(id))?;
    follows.list_followers(id, after, size).await?.map(Json).ok_or_else(no_such::<UserId>)
}

/// List the users that a user follows
///
/// The most recent follow comes first.
#[utoipa::path(get, path = "/users/{id}/following", tag = "follows", params(("id" = UserId, Path, description = "The id of the user."), PageQuery),
    responses((status = OK, description = "One page of users", body = Page<User>)),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn list_following(
    State(follows): State<Arc<FollowRepository>>,
    PathId(id): PathId<UserId>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let (after, size) = query.parse(Scope::Following(id))?;
    follows.list_following(id, after, size).await?.map(Json).ok_or_else(no_such::<UserId>)
}

/// Follow a user
///
/// Idempotent. A user can follow at most 2,000 users.
#[utoipa::path(put, path = "/users/{id}/follow", tag = "follows", params(("id" = UserId, Path, description = "The id of the user.")),
    responses((status = NO_CONTENT, description = "The current user follows this user"), responses::InvalidBody),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn create_follow(
    State(follows): State<Arc<FollowRepository>>,
    user: CurrentUser,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, Problem> {
    answer(follows.create_follow(user.id(), id).await?)
}

/// Unfollow a user
///
/// Idempotent.
#[utoipa::path(delete, path = "/users/{id}/follow", tag = "follows", params(("id" = UserId, Path, description = "The id of the user.")),
    responses((status = NO_CONTENT, description = "The current user does not follow this user")),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn delete_follow(
    State(follows): State<Arc<FollowRepository>>,
    user: CurrentUser,
    PathId(id): PathId<UserId>,
) -> Result<StatusCode, Problem> {
    answer(follows.delete_follow(user.id(), id).await?)
}

fn answer(outcome: FollowOutcome) -> Result<StatusCode, Problem> {
    let refused = |detail| Err(Problem::invalid_body([InvalidPart::body("", detail)]).with_detail(detail));
    match outcome {
        FollowOutcome::Done => Ok(StatusCode::NO_CONTENT),
        FollowOutcome::NotFound => Err(no_such::<UserId>()),
        FollowOutcome::FollowerGone => Err(user_is_gone()),
        FollowOutcome::Itself => refused("A user cannot follow themselves."),
        FollowOutcome::TooMany => refused("At most 2,000 users can be followed."),
    }
}
