//! `/users`.

use std::sync::Arc;

use aside_runtime::clock::Clock;
use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    editor::{Editor, wrong_current_password},
    failures::user_is_gone,
    paging::PageQuery,
    sessions::signed_out,
};
use crate::{
    auth::{Caller, PasswordHasher},
    domain::{
        Bio, Cursor, DisplayName, ETag, EncodedJson, NewUser, Page, Patch, Scope, User, UserId, UserPatch, Username,
    },
    http::{
        cache_status::CacheStatus,
        conditions::{IfMatch, IfNoneMatch, Tagged},
        cookie::SessionCookie,
        documentation::responses,
        extract::{Json, PathId, Query, no_such},
        identity::CurrentUser,
        problem::{Problem, ProblemKind},
    },
    repository::{Created, Registration, UserChange, UserRepository, UserUpdate},
};

/// A user to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUserRequest {
    /// The name to sign in with. Cannot be changed later.
    #[schema(value_type = Username)]
    username: String,
    /// The name shown to other users.
    #[schema(value_type = DisplayName)]
    display_name: String,
    /// 12 to 256 characters; common passwords are refused.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 256,
        pattern = r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$", example = "correct horse battery staple")]
    password: SecretString,
    /// A text about the user.
    #[schema(value_type = Option<Bio>)]
    bio: Option<String>,
}

/// A change of the current user (JSON merge patch, RFC 7396).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateUserRequest {
    /// The new display name.
    #[serde(default)]
    #[schema(value_type = DisplayName, required = false)]
    display_name: Patch<String>,
    /// The new bio; null removes it.
    #[serde(default)]
    #[schema(value_type = Option<Bio>, required = false)]
    bio: Patch<String>,
    /// The new password. Needs `current_password`, and ends all other sessions.
    #[serde(default)]
    #[schema(value_type = String, required = false, format = Password, min_length = 12, max_length = 256,
        pattern = r"^[^\u0000-\u0009\u000B-\u001F\u007F-\u009F]*$")]
    password: Patch<SecretString>,
    /// The current password. Needed for a new one.
    #[serde(default)]
    #[schema(value_type = String, required = false, format = Password)]
    current_password: Patch<SecretString>,
}

/// The requested users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UsersQuery {
    /// Only the user with this username, in any case.
    #[param(min_length = 3, max_length = 30, pattern = "^[A-Za-z0-9_]+$")]
    username: Option<String>,
    /// The number of items on a page, 1 to 100.
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 20)]
    limit: Option<String>,
    /// The `next_cursor` of the previous page.
    #[param(value_type = Option<Cursor>)]
    cursor: Option<String>,
}

/// Register a user
///
/// Credentials that the request carries are ignored.
#[utoipa::path(post, path = "/users", tag = "users", request_body = CreateUserRequest,
    responses((status = CREATED, description = "The new user", body = User,
        headers(("Location" = String, description = "The path of the new user"))), responses::NameTaken),
    security(()))]
pub(super) async fn create_user(
    State(users): State<Arc<UserRepository>>,
    State(hasher): State<PasswordHasher>,
    Json(request): Json<CreateUserRequest>,
) -> Result<([(header::HeaderName, String); 1], Tagged<User>), Problem> {
    let CreateUserRequest { username, display_name, password, bio } = request;
    let NewUser { username, display_name, password, bio } = NewUser::parse(username, &display_name, password, bio)?;
    let password_hash = hasher.hash(password, Caller::Stranger).await?;
    match users.create_user(Registration { username, display_name, bio, password_hash }).await? {
        Created::User(user) => {
            let location = [(header::LOCATION, format!("/users/{}", user.id))];
            Ok((location, tagged(StatusCode::CREATED, &user)))
        }
        Created::NameTaken => Err(Problem::new(ProblemKind::NameTaken)),
    }
}

/// List users
///
/// Newest first. With `username`, the page has the one user with this name, or none.
#[utoipa::path(get, path = "/users", tag = "users", params(UsersQuery),
    responses((status = OK, description = "One page of users", body = Page<User>)),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn list_users(
    State(users): State<Arc<UserRepository>>,
    Query(query): Query<UsersQuery>,
) -> Result<Json<Page<User>>, Problem> {
    let (after, size) = PageQuery::new(query.limit, query.cursor).parse(Scope::Users)?;
    let page = match query.username {
        Some(name) => {
            let name = Username::parse(name).map_err(|error| Problem::invalid_query("username", error.to_string()))?;
            let items = users.find_user_by_name(&name).await?.into_iter().collect();
            Page { items, next_cursor: None }
        }
        None => users.list_users(after, size).await?,
    };
    Ok(Json(page))
}

/// Get a user
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The id of the user."), IfNoneMatch),
    responses((status = OK, description = "The user", body = User, headers(("Cache-Status"))),
        responses::NotModified),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn get_user(
    State(users): State<Arc<UserRepository>>,
    State(clock): State<Clock>,
    PathId(id): PathId<UserId>,
    if_none_match: IfNoneMatch,
) -> Result<(CacheStatus, Result<Tagged<User>, Problem>), Problem> {
    find(&users, &clock, id, &if_none_match, no_such::<UserId>).await
}

/// Get the current user
#[utoipa::path(get, path = "/users/me", tag = "users", params(IfNoneMatch),
    responses((status = OK, description = "The current user", body = User, headers(("Cache-Status"))),
        responses::NotModified),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn get_current_user(
    State(users): State<Arc<UserRepository>>,
    State(clock): State<Clock>,
    user: CurrentUser,
    if_none_match: IfNoneMatch,
) -> Result<(CacheStatus, Result<Tagged<User>, Problem>), Problem> {
    find(&users, &clock, user.id(), &if_none_match, user_is_gone).await
}

/// Update the current user
///
/// The `id` must be that of the current user. A new password needs `current_password` and ends all other sessions. An update that
/// changes nothing answers 200 with the same version.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The id of the user."), IfMatch),
    request_body(content((UpdateUserRequest = "application/merge-patch+json"), (UpdateUserRequest = "application/json"))),
    responses((status = OK, description = "The updated user", body = User), responses::NotAllowed),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn update_user(
    State(users): State<Arc<UserRepository>>,
    State(hasher): State<PasswordHasher>,
    editor: Editor,
    PathId(id): PathId<UserId>,
    IfMatch(if_match): IfMatch,
    request: Result<Json<UpdateUserRequest>, Problem>,
) -> Result<Tagged<User>, Problem> {
    let Editor { user, meter, .. } = &editor;
    let tries_password = matches!(&request, Ok(Json(UpdateUserRequest { current_password: Patch::Set(_), .. })));
    if tries_password && id == user.id() {
        meter.charge(editor.password_charges()).await?;
    } else {
        meter.charge([]).await?;
    }
    only_current_user(&users, id, *user).await?;
    let Json(UpdateUserRequest { display_name, bio, password, current_password }) = request?;
    let patch = UserPatch::parse(display_name, bio, password, current_password);
    if !matches!(&patch, Ok(UserPatch { password: Some(_), .. })) {
        // No password is verified: this is no guess.
        meter.forgive().await;
    }
    let UserPatch { display_name, bio, password } = patch?;

    // A concurrent sign-in may renew the hash without a change of the password: verify against the new hash, once.
    for _attempt in 0..2 {
        let password = match &password {
            Some(change) => Some(editor.new_password(&users, &hasher, change.clone()).await?),
            None => None,
        };
        let (session, if_match) = (user.session.id, if_match.clone());
        let (display_name, bio) = (display_name.clone(), bio.clone());
        match users.update_user(UserUpdate { id, session, if_match, display_name, bio, password }).await? {
            UserChange::Done(user) => return Ok(tagged(StatusCode::OK, &user)),
            UserChange::NotFound => return Err(user_is_gone()),
            UserChange::PreconditionFailed => return Err(Problem::new(ProblemKind::PreconditionFailed)),
            UserChange::PasswordChanged => {}
        }
    }
    Err(wrong_current_password())
}

/// Delete the current user
///
/// The posts, follows and sessions of the user are deleted too. The `id` must be that of the current user.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", params(("id" = UserId, Path, description = "The id of the user."), IfMatch),
    responses((status = NO_CONTENT, description = "The user is deleted"), responses::NotAllowed),
    security(("bearer" = []), ("cookie" = [])))]
pub(super) async fn delete_user(
    State(users): State<Arc<UserRepository>>,
    State(cookie): State<SessionCookie>,
    user: CurrentUser,
    PathId(id): PathId<UserId>,
    IfMatch(if_match): IfMatch,
) -> Result<impl IntoResponse, Problem> {
    only_current_user(&users, id, user).await?;
    match users.delete_user(id, if_match).await? {
        UserChange::Done(()) => Ok(signed_out(cookie, user)),
        UserChange::PreconditionFailed => Err(Problem::new(ProblemKind::PreconditionFailed)),
        UserChange::NotFound | UserChange::PasswordChanged => Err(user_is_gone()),
    }
}

async fn find(
    users: &UserRepository,
    clock: &Clock,
    id: UserId,
    if_none_match: &IfNoneMatch,
    absent: fn() -> Problem,
) -> Result<(CacheStatus, Result<Tagged<User>, Problem>), Problem> {
    let found = users.find_user(id).await?;
    let status = CacheStatus::new(found.report, clock.now_ms());
    let user = found.value.map(|user| if_none_match.tagged(user.etag, user.fragment.json()));
    // Absence is cached, too.
    Ok((status, user.ok_or_else(absent)))
}

fn tagged(status: StatusCode, user: &User) -> Tagged<User> {
    Tagged::new(status, ETag::of_user(user.version), EncodedJson::from(user))
}

/// 404 for an absent user, 403 for any other than the current one.
async fn only_current_user(users: &UserRepository, id: UserId, user: CurrentUser) -> Result<(), Problem> {
    if id == user.id() {
        return Ok(());
    }
    match users.find_user(id).await?.value {
        Some(_other) => Err(Problem::new(ProblemKind::NotAllowed)),
        None => Err(no_such::<UserId>()),
    }
}
