//! `GET /home`.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use utoipa::ToSchema;

use super::{failures::user_is_gone, paging::PageQuery, posts::PostResponse};
use crate::{
    clock::Clock,
    domain::{Cursor, Scope, UserSummary},
    http::{cache_status::CacheStatus, conditions::json, extract::Query, identity::MaybeCurrentUser, problem::Problem},
    repository::HomeRepository,
};

/// A home page. Written by the repository, out of cells; this is its documentation.
#[derive(ToSchema)]
#[schema(description = "A page of somebody's home page, or of everybody's.")]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct HomeResponse {
    /// Who is signed in; null for nobody.
    #[schema(required = true)]
    viewer: Option<UserSummary>,
    /// Newest first.
    items: Vec<PostResponse>,
    /// Where the next page begins; null at the end, and only there.
    #[schema(required = true)]
    next_cursor: Option<Cursor>,
}

/// The home page: the newest posts of those one follows and one's own; of all, for who is not signed in.
#[utoipa::path(get, path = "/home", tag = "home", params(PageQuery),
    responses((status = OK, description = "A page of the home page", body = HomeResponse)),
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
