//! Home pages, put together from cells.
//!
//! ```text
//!   viewer ─▶ following ─▶ timelines of all of them ─▶ merged by id ─▶ the twenty newest ─▶ their posts and authors
//! ```
//!
//! No page is ever cached, so none is ever stale: a rename, an edit or a deletion is one cell, whoever's page shows it,
//! and a popular author is loaded once for all followers. Past what the timelines hold, a page goes on from Postgres.

use bytes::Bytes;
use futures::try_join;
use uuid::Uuid;

use super::{
    cells::{
        Everybody, FollowingLoader, Followings, FrontPageLoader, FrontPages, Posts, Timeline, TimelineLoader,
        Timelines, Users, decode_following, decode_front_page,
    },
    error::RepositoryError,
    fragments::{PageItem, PostFragment, UserFragment, write_page},
    merge::{Candidates, FrontPage, TimelineMerge},
    report::{CacheReport, Cached},
};
use crate::{
    cache::Cache,
    domain::{Cursor, PageSize, PostId, Scope, UserId},
    postgres::{Database, home, posts::AuthoredPost},
};

/// Loading more timelines than this costs more than the page straight from the tables.
const CHEAP_TIMELINES: usize = 5;

/// Home pages over Postgres and its cells.
#[derive(Debug)]
pub struct HomeRepository {
    database: Database,
    cache: Cache,
    users: Users,
    posts: Posts,
    followings: Followings,
    timelines: Timelines,
    front_pages: FrontPages,
}

/// The items of a page, one more than it holds if there are more.
struct Items {
    items: Vec<PageItem>,
    report: CacheReport,
}

impl HomeRepository {
    /// Home pages of these users with these posts.
    #[must_use]
    pub fn new(database: Database, cache: Cache, users: &super::UserRepository, posts: &super::PostRepository) -> Self {
        let (ttl, front_page_ttl) = (cache.ttl(), cache.front_page_ttl());
        Self {
            users: users.cells().clone(),
            posts: posts.cells().clone(),
            followings: Followings::new(cache.clone(), FollowingLoader(database.clone()), ttl),
            timelines: Timelines::new(cache.clone(), TimelineLoader(database.clone()), ttl),
            front_pages: FrontPages::new(cache.clone(), FrontPageLoader(database.clone()), front_page_ttl),
            database,
            cache,
        }
    }

    /// The home page of a user, as JSON: the newest posts of those the user follows and of the user. `None` when there is
    /// no such user.
    pub async fn find_home_of(
        &self,
        viewer: UserId,
        after: Option<Uuid>,
        size: PageSize,
    ) -> Result<Cached<Option<Bytes>>, RepositoryError> {
        let before = after.unwrap_or(Uuid::max());
        let (user, found) = if self.cache.is_available() {
            let (user, following) = try_join!(self.users.get(&viewer), self.followings.get(&viewer))?;
            let report = CacheReport::from_iter([&user, &following]);
            let authors = decode_following(following.value.payload);
            let mut found = self.merge_timelines(viewer, authors, before, size).await?;
            found.report = found.report.and(report);
            (user, found)
        } else {
            let rows =
                self.database.read(home::list_home_of(self.database.pool(), viewer, before, size.rows())).await?;
            (self.users.get(&viewer).await?, Items::bypassed(&rows))
        };
        let names = user.value.payload.and_then(UserFragment::from_payload);
        let value = names.map(|names| {
            let cursor = |last: PostId| Cursor::new(Scope::Home(Some(viewer)), &last.0);
            write_page(Some(Some(&names)), found.items, size, cursor)
        });
        Ok(Cached { value, report: found.report })
    }

    /// The home page of nobody in particular, as JSON: the newest posts of all.
    pub async fn find_home(&self, after: Option<Uuid>, size: PageSize) -> Result<Cached<Bytes>, RepositoryError> {
        let before = after.unwrap_or(Uuid::max());
        let found = if self.cache.is_available() {
            let front = self.front_pages.get(&Everybody).await?;
            let report = CacheReport::from(&front);
            let candidates = FrontPage::new(decode_front_page(front.value.payload), before);
            let mut found = self.collect(candidates, None, before, size).await?;
            found.report = found.report.and(report);
            found
        } else {
            Items::bypassed(&self.database.read(home::list_home(self.database.pool(), before, size.rows())).await?)
        };
        let cursor = |last: PostId| Cursor::new(Scope::Home(None), &last.0);
        Ok(Cached { value: write_page(Some(None), found.items, size, cursor), report: found.report })
    }

    async fn merge_timelines(
        &self,
        viewer: UserId,
        mut authors: Vec<UserId>,
        before: Uuid,
        size: PageSize,
    ) -> Result<Items, RepositoryError> {
        authors.push(viewer);
        let Some(fetched) = self.timelines.get_many_in_pace(&authors, CHEAP_TIMELINES).await? else {
            let rows = home::list_home_of(self.database.pool(), viewer, before, size.rows());
            return Ok(Items::bypassed(&self.database.read(rows).await?));
        };
        let report = CacheReport::from_iter(&fetched);
        let timelines = fetched.into_iter().map(|fetched| Timeline::decode(fetched.value.payload));
        let merge = TimelineMerge::new(authors.into_iter().zip(timelines).collect(), before);
        let mut found = self.collect(merge, Some(viewer), before, size).await?;
        found.report = found.report.and(report);
        Ok(found)
    }

    /// Takes candidates until the page is full. Those that were deleted since their list was read are passed over; where
    /// the cells know no more, Postgres does.
    async fn collect(
        &self,
        mut candidates: impl Candidates,
        viewer: Option<UserId>,
        before: Uuid,
        size: PageSize,
    ) -> Result<Items, RepositoryError> {
        let wanted = size.get() + 1;
        let mut found = Items { items: Vec::with_capacity(wanted), report: CacheReport::default() };
        let mut reached = before;
        while found.items.len() < wanted {
            let batch: Vec<(PostId, UserId)> = candidates.by_ref().take(wanted - found.items.len()).collect();
            let Some((last, _)) = batch.last() else { break };
            reached = last.0;
            self.fill_in(&batch, &mut found).await?;
        }
        if found.items.len() < wanted && !candidates.is_end_of_list() {
            let rows = i64::try_from(wanted - found.items.len()).unwrap_or(i64::MAX);
            let pool = self.database.pool();
            let rest = match viewer {
                Some(viewer) => self.database.read(home::list_home_of(pool, viewer, reached, rows)).await?,
                None => self.database.read(home::list_home(pool, reached, rows)).await?,
            };
            found.items.extend(rest.iter().map(PageItem::from));
            found.report = found.report.with_uncached_part();
        }
        Ok(found)
    }

    /// Adds those of `batch` that are still there, with their authors.
    async fn fill_in(&self, batch: &[(PostId, UserId)], found: &mut Items) -> Result<(), RepositoryError> {
        let (posts, authors): (Vec<PostId>, Vec<UserId>) = batch.iter().copied().unzip();
        let (posts, authors) = try_join!(self.posts.get_many(&posts), self.users.get_many(&authors))?;
        found.report = found.report.and(posts.iter().chain(&authors).collect());
        for (((id, _), post), author) in batch.iter().zip(posts).zip(authors) {
            let post = post.value.payload.and_then(PostFragment::from_payload);
            let author = author.value.payload.and_then(UserFragment::from_payload);
            if let (Some(post), Some(author)) = (post, author) {
                found.items.push(PageItem { id: *id, post, author });
            }
        }
        Ok(())
    }
}

impl Items {
    fn bypassed(rows: &[AuthoredPost]) -> Self {
        Self { items: rows.iter().map(PageItem::from).collect(), report: CacheReport::bypass() }
    }
}
