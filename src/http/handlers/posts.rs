//! `/posts` and `/users/{id}/posts`.

use std::sync::Arc;

use aside_runtime::clock::Clock;
use axum::extract::State;
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{failures::user_is_gone, paging::PageQuery};
use crate::{
    domain::{AuthoredPost, EncodedJson, FieldErrors, Page, Patch, PostBody, PostId, PostPatch, Scope, UserId},
    http::{
        cache_status::CacheStatus,
        conditions::{IfMatch, IfNoneMatch, Tagged},
        documentation::responses,
        extract::{Json, PathId, Query, no_such},
        identity::CurrentUser,
        problem::{Problem, ProblemKind},
    },
    repository::{PostChange, PostRefusal, PostRepository},
};

/// A new post.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePostRequest {
    /// The text.
    #[schema(value_type = PostBody)]
    body: String,
}

/// A change of a post (JSON merge patch, RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdatePostRequest {
    /// The new text.
    #[serde(default)]
    #[schema(value_type = PostBody, required = false)]
    body: Patch<String>,
}

/// Create a post
#[utoipa::path(post, path = "/posts", tag = "posts", request_body = CreatePostRequest,
    responses((status = CREATED, description = "The new post", body = AuthoredPost,
        headers(("Location" = String, description = "The path of the new post")))),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn create_post(
    State(posts): State<Arc<PostRepository>>,
    user: CurrentUser,
    Json(request): Json<CreatePostRequest>,
) -> Result<([(header::HeaderName, String); 1], Tagged<AuthoredPost>), Problem> {
    let body = PostBody::parse(request.body).map_err(|error| FieldErrors::one("/body", error))?;
    let post = posts.create_post(user.id(), body).await?.ok_or_else(user_is_gone)?;
    let location = [(header::LOCATION, format!("/posts/{}", post.id))];
    Ok((location, Tagged::new(StatusCode::CREATED, post.etag, post.json)))
}

/// Get a post
#[utoipa::path(get, path = "/posts/{id}", tag = "posts", params(("id" = PostId, Path, description = "The id of the post."), IfNoneMatch),
    responses((status = OK, description = "The post", body = AuthoredPost, headers(("Cache-Status"))),
        responses::NotModified),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn get_post(
    State(posts): State<Arc<PostRepository>>,
    State(clock): State<Clock>,
    PathId(id): PathId<PostId>,
    if_none_match: IfNoneMatch,
) -> Result<(CacheStatus, Result<Tagged<AuthoredPost>, Problem>), Problem> {
    let found = posts.find_post(id).await?;
    let status = CacheStatus::new(found.report, clock.now_ms());
    let post = found.value.map(|post| if_none_match.tagged(post.etag, post.json));
    // Absence is cached, too.
    Ok((status, post.ok_or_else(no_such::<PostId>)))
}

/// Update a post
///
/// Only the author of the post can do this. An update that changes nothing answers 200 with the same version.
#[utoipa::path(patch, path = "/posts/{id}", tag = "posts", params(("id" = PostId, Path, description = "The id of the post."), IfMatch),
    request_body(content((UpdatePostRequest = "application/merge-patch+json"), (UpdatePostRequest = "application/json"))),
    responses((status = OK, description = "The updated post", body = AuthoredPost), responses::NotAllowed),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn update_post(
    State(posts): State<Arc<PostRepository>>,
    user: CurrentUser,
    PathId(id): PathId<PostId>,
    IfMatch(if_match): IfMatch,
    Json(request): Json<UpdatePostRequest>,
) -> Result<Tagged<AuthoredPost>, Problem> {
    let patch = PostPatch::parse(request.body)?;
    match posts.update_post(id, user.id(), if_match, patch).await? {
        PostChange::Done(post) => Ok(Tagged::new(StatusCode::OK, post.etag, post.json)),
        PostChange::Refused(refusal) => Err(refused(refusal)),
    }
}

/// Delete a post
///
/// Only the author of the post can do this.
#[utoipa::path(delete, path = "/posts/{id}", tag = "posts", params(("id" = PostId, Path, description = "The id of the post."), IfMatch),
    responses((status = NO_CONTENT, description = "The post is deleted"), responses::NotAllowed),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn delete_post(
    State(posts): State<Arc<PostRepository>>,
    user: CurrentUser,
    PathId(id): PathId<PostId>,
    IfMatch(if_match): IfMatch,
) -> Result<StatusCode, Problem> {
    match posts.delete_post(id, user.id(), if_match).await? {
        PostChange::Done(()) => Ok(StatusCode::NO_CONTENT),
        PostChange::Refused(refusal) => Err(refused(refusal)),
    }
}

/// List the posts of a user
///
/// Newest first.
#[utoipa::path(get, path = "/users/{id}/posts", tag = "posts", params(("id" = UserId, Path, description = "The id of the user."), PageQuery),
    responses((status = OK, description = "One page of posts", body = Page<AuthoredPost>)),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn list_posts_of_user(
    State(posts): State<Arc<PostRepository>>,
    PathId(id): PathId<UserId>,
    Query(query): Query<PageQuery>,
) -> Result<EncodedJson<Page<AuthoredPost>>, Problem> {
    let (after, size) = query.parse(Scope::PostsOf(id))?;
    posts.list_posts_of(id, after, size).await?.ok_or_else(no_such::<UserId>)
}

fn refused(refusal: PostRefusal) -> Problem {
    match refusal {
        PostRefusal::NotFound => no_such::<PostId>(),
        PostRefusal::NotTheAuthor => Problem::new(ProblemKind::NotAllowed),
        PostRefusal::PreconditionFailed => Problem::new(ProblemKind::PreconditionFailed),
    }
}
