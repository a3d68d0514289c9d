//! The handlers. Each turns a request into values, calls a repository, and returns the response.

mod editor;
mod failures;
mod follows;
mod home;
mod paging;
mod posts;
mod sessions;
mod users;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::state::ApiState;

/// Every route of the API, with its documentation.
pub(super) fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(users::create_user, users::list_users))
        .routes(routes!(users::get_current_user))
        .routes(routes!(users::get_user, users::update_user, users::delete_user))
        .routes(routes!(posts::list_posts_of_user))
        .routes(routes!(follows::list_followers))
        .routes(routes!(follows::list_following))
        .routes(routes!(follows::create_follow, follows::delete_follow))
        .routes(routes!(sessions::create_session, sessions::list_sessions, sessions::delete_sessions))
        .routes(routes!(sessions::delete_current_session))
        .routes(routes!(sessions::delete_session))
        .routes(routes!(posts::create_post))
        .routes(routes!(posts::get_post, posts::update_post, posts::delete_post))
        .routes(routes!(home::get_home))
}
