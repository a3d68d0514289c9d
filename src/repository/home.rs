//! Home pages, put together from cells.
//!
//! ```text
//!   viewer ─▶ following ─▶ timelines of all of them ─▶ merged by id ─▶ the twenty newest ─▶ their posts and authors
//! ```
//!
//! No page is ever in Redis, so none has to be invalidated: a rename, an edit or a deletion is one entry, on all pages that show
//! it, and a popular author is loaded once for all followers. Past what the timelines hold, a page goes on from Postgres.
//!
//! A first page that was composed of nothing but near entries is kept in the process with its dependencies: it is served as long as
//! none of its hundred entries has changed, which takes less to see than to compose it again. When most of its entries are due for
//! a refresh it is rebuilt in the background, which refreshes them.

use aside_cache::{Cache, ComposedPage, ComposedPages, IdBytes};
use aside_postgres::Database;
use futures::try_join;
use uuid::Uuid;

use super::{
    cells::{
        FollowingLoader, Followings, FrontPageLoader, FrontPages, OneFrontPage, Posts, Timeline, TimelineLoader,
        Timelines, Users, decode_following, decode_front_page,
    },
    error::RepositoryError,
    fragments::{PageItem, PostFragment, UserFragment, write_home_page},
    merge::{Candidates, FrontPage, TimelineMerge},
    report::{CacheReport, Cached},
    used::Used,
};
use crate::config::CacheConfig;
use crate::{
    domain::{AuthoredPost, Cursor, EncodedJson, HomePage, PageSize, PostId, Scope, UserId},
    postgres::home,
};

/// Home pages over Postgres and its cells. Clones are the same.
#[derive(Clone, Debug)]
pub struct HomeRepository {
    database: Database,
    cache: Cache,
    users: Users,
    posts: Posts,
    followings: Followings,
    timelines: Timelines,
    front_pages: FrontPages,
    pages: ComposedPages,
}

/// The items of a page, one more than it holds if there are more, and what they were made of.
struct Items {
    items: Vec<PageItem>,
    used: Used,
}

impl HomeRepository {
    /// Home pages of these users with these posts.
    #[must_use]
    pub fn new(
        database: Database,
        cache: Cache,
        config: &CacheConfig,
        users: &super::UserRepository,
        posts: &super::PostRepository,
    ) -> Self {
        Self {
            users: users.cells().clone(),
            posts: posts.cells().clone(),
            followings: cache.entity(FollowingLoader(database.clone()), config.ttl),
            timelines: cache.entity(TimelineLoader(database.clone()), config.ttl),
            front_pages: cache.entity(FrontPageLoader(database.clone()), config.front_page_ttl),
            pages: cache.composed("home"),
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
    ) -> Result<Cached<Option<EncodedJson<HomePage>>>, RepositoryError> {
        let name = page_name(Some(viewer), after, size);
        let rebuild = |home: Self| async move { home.make_home_of(viewer, None, size).await.map(drop) };
        if let Some(page) = self.find_composed(name, rebuild).await {
            return Ok(page.map(Some));
        }
        Box::pin(self.make_home_of(viewer, after, size)).await
    }

    async fn make_home_of(
        &self,
        viewer: UserId,
        after: Option<Uuid>,
        size: PageSize,
    ) -> Result<Cached<Option<EncodedJson<HomePage>>>, RepositoryError> {
        let name = page_name(Some(viewer), after, size);
        let before = after.unwrap_or(Uuid::max());
        let (user, found) = if self.cache.is_available() {
            let (user, following) = try_join!(self.users.get(&viewer), self.followings.get(&viewer))?;
            let used = Used::from_iter([&user, &following]);
            let authors = decode_following(following.value.payload);
            (user, self.merge_timelines(viewer, authors, before, size, used).await?)
        } else {
            let rows =
                self.database.read(home::list_home_of(self.database.pool(), viewer, before, size.rows())).await?;
            (self.users.get(&viewer).await?, Items::bypassed(rows))
        };
        let Some(names) = user.value.payload.and_then(UserFragment::from_payload) else {
            return Ok(Cached { value: None, report: found.used.report });
        };
        let cursor = |last: PostId| Cursor::new(Scope::Home(Some(viewer)), &last.0);
        Ok(self.kept(name, write_home_page(Some(&names), found.items, size, cursor), found.used).map(Some))
    }

    /// The home page without a viewer, as JSON: the newest posts of all.
    pub async fn find_home(
        &self,
        after: Option<Uuid>,
        size: PageSize,
    ) -> Result<Cached<EncodedJson<HomePage>>, RepositoryError> {
        let name = page_name(None, after, size);
        let rebuild = |home: Self| async move { home.make_home(None, size).await.map(drop) };
        if let Some(page) = self.find_composed(name, rebuild).await {
            return Ok(page);
        }
        Box::pin(self.make_home(after, size)).await
    }

    async fn make_home(
        &self,
        after: Option<Uuid>,
        size: PageSize,
    ) -> Result<Cached<EncodedJson<HomePage>>, RepositoryError> {
        let name = page_name(None, after, size);
        let before = after.unwrap_or(Uuid::max());
        let found = if self.cache.is_available() {
            let front = self.front_pages.get(&OneFrontPage).await?;
            let used = Used::from_iter([&front]);
            let candidates = FrontPage::new(decode_front_page(front.value.payload), before);
            self.collect(candidates, None, before, size, used).await?
        } else {
            Items::bypassed(self.database.read(home::list_home(self.database.pool(), before, size.rows())).await?)
        };
        let cursor = |last: PostId| Cursor::new(Scope::Home(None), &last.0);
        Ok(self.kept(name, write_home_page(None, found.items, size, cursor), found.used))
    }

    /// The page of this name, if it would be composed the same now. One that is due is rebuilt, in the background, while it is
    /// served.
    async fn find_composed<F>(
        &self,
        name: Option<IdBytes>,
        compose: impl FnOnce(Self) -> F,
    ) -> Option<Cached<EncodedJson<HomePage>>>
    where
        F: Future<Output = Result<(), RepositoryError>> + Send + 'static,
    {
        let ComposedPage { value, entries, expires_at_ms, rebuild } = self.pages.find(name?).await?;
        if let Some(rebuild) = rebuild {
            let making = compose(self.clone());
            rebuild.spawn(async move {
                // The page is served all the same; the next reader tries again.
                if let Err(error) = making.await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "a page was not rebuilt");
                }
            });
        }
        let value = EncodedJson::from_bytes(value);
        Some(Cached { value, report: CacheReport::near(entries, expires_at_ms) })
    }

    /// The page, kept under its name if it may be.
    fn kept(&self, name: Option<IdBytes>, page: EncodedJson<HomePage>, used: Used) -> Cached<EncodedJson<HomePage>> {
        if let Some(name) = name {
            self.pages.keep(name, &page.clone().into_bytes(), used.dependencies);
        }
        Cached { value: page, report: used.report }
    }

    async fn merge_timelines(
        &self,
        viewer: UserId,
        mut authors: Vec<UserId>,
        before: Uuid,
        size: PageSize,
        mut used: Used,
    ) -> Result<Items, RepositoryError> {
        authors.push(viewer);
        let fetched = self.timelines.get_many(&authors).await?;
        used.add(&fetched);
        let timelines = fetched.into_iter().map(|fetched| Timeline::decode(fetched.value.payload));
        let merge = TimelineMerge::new(authors.into_iter().zip(timelines).collect(), before);
        self.collect(merge, Some(viewer), before, size, used).await
    }

    /// Takes candidates until the page is full. Those that were deleted since their list was read are passed over; where
    /// the cells know no more, Postgres does.
    async fn collect(
        &self,
        mut candidates: impl Candidates,
        viewer: Option<UserId>,
        before: Uuid,
        size: PageSize,
        used: Used,
    ) -> Result<Items, RepositoryError> {
        let wanted = size.get() + 1;
        let mut found = Items { items: Vec::with_capacity(wanted), used };
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
            found.items.extend(rest.into_iter().map(PageItem::from));
            found.used.add_uncached_part();
        }
        Ok(found)
    }

    /// Adds those of `batch` that are still there, with their authors.
    async fn fill_in(&self, batch: &[(PostId, UserId)], found: &mut Items) -> Result<(), RepositoryError> {
        let (posts, authors): (Vec<PostId>, Vec<UserId>) = batch.iter().copied().unzip();
        let (posts, authors) = try_join!(self.posts.get_many(&posts), self.users.get_many(&authors))?;
        found.used.add(posts.iter().chain(&authors));
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
    fn bypassed(rows: Vec<AuthoredPost>) -> Self {
        Self { items: rows.into_iter().map(PageItem::from).collect(), used: Used::bypass() }
    }
}

/// What a first page is kept under; others are not.
fn page_name(viewer: Option<UserId>, after: Option<Uuid>, size: PageSize) -> Option<IdBytes> {
    if after.is_some() {
        return None;
    }
    let mut name = [0; 32];
    if let Some(viewer) = viewer {
        name[..16].copy_from_slice(viewer.0.as_bytes());
        name[16] = 1;
    }
    name[17] = u8::try_from(size.get()).ok()?;
    Some(name)
}
