//! `GET /home`.

use std::sync::Arc;

use aside_runtime::clock::Clock;
use axum::extract::State;

use super::{failures::user_is_gone, paging::PageQuery};
use crate::{
    domain::{EncodedJson, HomePage, Scope},
    http::{cache_status::CacheStatus, extract::Query, identity::CurrentUser, problem::Problem},
    repository::HomeRepository,
};

/// Get the home page
///
/// With credentials: the newest posts of the current user and of the users they follow. Without: the newest posts of all users,
/// and `viewer` is null.
#[utoipa::path(get, path = "/home", tag = "home", params(PageQuery),
    responses((status = OK, description = "One page of posts, newest first", body = HomePage,
        headers(("Cache-Status")))),
    security((), ("bearer" = []), ("cookie" = [])))]
pub(super) async fn get_home(
    State(home): State<Arc<HomeRepository>>,
    State(clock): State<Clock>,
    viewer: Option<CurrentUser>,
    Query(query): Query<PageQuery>,
) -> Result<(CacheStatus, EncodedJson<HomePage>), Problem> {
    let viewer = viewer.map(|viewer| viewer.id());
    let (after, size) = query.parse(Scope::Home(viewer))?;
    let (page, report) = if let Some(viewer) = viewer {
        let page = home.find_home_of(viewer, after, size).await?;
        (page.value.ok_or_else(user_is_gone)?, page.report)
    } else {
        let page = home.find_home(after, size).await?;
        (page.value, page.report)
    };
    Ok((CacheStatus::new(report, clock.now_ms()), page))
}
