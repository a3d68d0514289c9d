//! `GET /home`.

use std::sync::Arc;

use aside_runtime::clock::Clock;
use axum::{extract::State, response::Response};
use utoipa::ToSchema;

use super::{failures::user_is_gone, paging::PageQuery, posts::PostResponse};
use crate::{
    domain::{Cursor, Scope, UserSummary},
    http::{cache_status::CacheStatus, conditions::json, extract::Query, identity::MaybeCurrentUser, problem::Problem},
    repository::HomeRepository,
};

/// A home page. Written by the repository, out of cells; this is its documentation.
#[derive(ToSchema)]
#[schema(description = "One page of the home page.")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct HomeResponse {
    /// The current user; null for an anonymous request.
    #[schema(required = true)]
    viewer: Option<UserSummary>,
    /// The posts, newest first.
    items: Vec<PostResponse>,
    /// The `cursor` of the next page; null on the last page, and only there.
    #[schema(required = true)]
    next_cursor: Option<Cursor>,
}

/// Get the home page
///
/// With credentials: the newest posts of the current user and of the users they follow. Without: the newest posts of all users,
/// and `viewer` is null.
#[utoipa::path(get, path = "/home", tag = "home", params(PageQuery),
    responses((status = OK, description = "One page of posts, newest first", body = HomeResponse,
        headers(("Cache-Status")))),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn get_home(
    State(home): State<Arc<HomeRepository>>,
    State(clock): State<Clock>,
    MaybeCurrentUser(viewer): MaybeCurrentUser,
    Query(query): Query<PageQuery>,
) -> Result<(CacheStatus, Response), Problem> {
    let viewer = viewer.map(|viewer| viewer.id());
    let (after, size) = query.parse(Scope::Home(viewer))?;
    let (page, report) = if let Some(viewer) = viewer {
        let page = home.find_home_of(viewer, after, size).await?;
        (page.value.ok_or_else(user_is_gone)?, page.report)
    } else {
        let page = home.find_home(after, size).await?;
        (page.value, page.report)
    };
    Ok((CacheStatus::new(report, clock.now_ms()), json(page)))
}
