//! Posts: one at a time, an author's, and their changes.

use std::time::Duration;

use aside_cache::{Cache, Changed};
use aside_postgres::Database;
use aside_runtime::clock::Clock;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    cells::{PostLoader, Posts, Timelines, Users},
    error::RepositoryError,
    fragments::{PageItem, PostFragment, UserFragment, write_page},
    report::{CacheReport, Cached},
};
use crate::{
    domain::{
        AuthoredPost, Condition, Cursor, ETag, EncodedJson, Page, PageSize, Post, PostBody, PostId, PostPatch, Scope,
        User, UserId,
    },
    postgres::{posts, users},
};

/// A post as it goes on the wire, and its entity tag.
#[derive(Clone, Debug)]
pub struct PostView {
    /// Which post.
    pub id: PostId,
    /// The post with its author.
    pub json: EncodedJson<AuthoredPost>,
    /// Changes with the author's names too.
    pub etag: ETag,
}

impl PostView {
    fn new(post: &Post, author: &User) -> Self {
        let json = PostFragment::from(post).json(&UserFragment::from(author));
        Self { id: post.id, json, etag: ETag::of_post(post.version, author.version) }
    }
}

/// What became of a change or deletion.
#[derive(Debug)]
pub enum PostChange<T> {
    /// It was done, or asked for nothing.
    Done(T),
    /// It was not, for this reason.
    Refused(PostRefusal),
}

/// Why a post was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostRefusal {
    /// There is no such post (any more).
    NotFound,
    /// It is another user's.
    NotTheAuthor,
    /// `If-Match` does not hold.
    PreconditionFailed,
}

impl<T> From<PostRefusal> for PostChange<T> {
    fn from(refusal: PostRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Posts in Postgres, behind their cells.
#[derive(Debug)]
pub struct PostRepository {
    database: Database,
    cache: Cache,
    clock: Clock,
    posts: Posts,
    users: Users,
}

impl PostRepository {
    /// Posts of this database, by these users, behind this cache.
    #[must_use]
    pub fn new(database: Database, cache: Cache, ttl: Duration, clock: Clock, users: &super::UserRepository) -> Self {
        let posts = cache.entity(PostLoader(database.clone()), ttl);
        Self { database, cache, clock, posts, users: users.cells().clone() }
    }

    /// The cells of posts, for pages that show them.
    pub(super) fn cells(&self) -> &Posts {
        &self.posts
    }

    /// One post. A post whose author is gone is gone.
    pub async fn find_post(&self, id: PostId) -> Result<Cached<Option<PostView>>, RepositoryError> {
        let post = self.posts.get(&id).await?;
        let mut report = CacheReport::from(&post);
        let Some(fragment) = post.value.payload.and_then(PostFragment::from_payload) else {
            return Ok(Cached { value: None, report });
        };
        let author = self.users.get(&fragment.author()).await?;
        report = report.and(CacheReport::from(&author));
        let value = author.value.payload.and_then(UserFragment::from_payload).map(|names| {
            let version = |version| i64::try_from(version).unwrap_or_default();
            let etag = ETag::of_post(version(post.value.version), version(author.value.version));
            PostView { id, json: fragment.json(&names), etag }
        });
        Ok(Cached { value, report })
    }

    /// An author's posts, newest first, as JSON; `None` when there is no such author. Straight from Postgres.
    pub async fn list_posts_of(
        &self,
        author: UserId,
        after: Option<Uuid>,
        size: PageSize,
    ) -> Result<Option<EncodedJson<Page<AuthoredPost>>>, RepositoryError> {
        let before = after.unwrap_or(Uuid::max());
        let rows = posts::list_posts_of(self.database.pool(), author, before, size.rows());
        let rows = self.database.read(rows).await?;
        if rows.is_empty() && self.users.get(&author).await?.value.payload.is_none() {
            return Ok(None);
        }
        let items = rows.into_iter().map(PageItem::from).collect();
        let cursor = |last: PostId| Cursor::new(Scope::PostsOf(author), &last.0);
        Ok(Some(write_page(items, size, cursor)))
    }

    /// Makes a post; `None` when its author is gone.
    pub async fn create_post(&self, author: UserId, body: PostBody) -> Result<Option<PostView>, RepositoryError> {
        let now = self.clock.now();
        let created = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    // The author's row owns the timeline. The id is made under its lock, so that an author's posts appear
                    // in the order of their ids.
                    let Some(author) = users::lock_user(&mut *connection, author).await? else {
                        return Ok(Changed::nothing(None));
                    };
                    let id = PostId::new();
                    let post = Post { id, author_id: author.id, body, version: 1, created_at: now, updated_at: now };
                    posts::insert_post(&mut *connection, &post).await?;
                    let cells = vec![Posts::entry(&id), Timelines::entry(&author.id)];
                    Ok(Changed { value: Some(PostView::new(&post, &author)), entries: cells })
                })
            })
            .await?;
        Ok(created)
    }

    /// Changes a post of `editor`'s; a change that changes nothing leaves the version.
    pub async fn update_post(
        &self,
        id: PostId,
        editor: UserId,
        if_match: Option<Condition>,
        patch: PostPatch,
    ) -> Result<PostChange<PostView>, RepositoryError> {
        let now = self.clock.now();
        let changed = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    let (before, author) = match lock_own(&mut *connection, id, editor, if_match.as_ref()).await? {
                        Ok(locked) => locked,
                        Err(refusal) => return Ok(Changed::nothing(refusal.into())),
                    };
                    let post = edited(before.clone(), patch, now);
                    let view = PostChange::Done(PostView::new(&post, &author));
                    if post == before {
                        return Ok(Changed::nothing(view));
                    }
                    posts::update_post(&mut *connection, &post).await?;
                    Ok(Changed { value: view, entries: vec![Posts::entry(&id)] })
                })
            })
            .await?;
        Ok(changed)
    }

    /// Deletes a post of `editor`'s.
    pub async fn delete_post(
        &self,
        id: PostId,
        editor: UserId,
        if_match: Option<Condition>,
    ) -> Result<PostChange<()>, RepositoryError> {
        let deleted = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    let (post, _) = match lock_own(&mut *connection, id, editor, if_match.as_ref()).await? {
                        Ok(locked) => locked,
                        Err(refusal) => return Ok(Changed::nothing(refusal.into())),
                    };
                    posts::delete_post(&mut *connection, id).await?;
                    let cells = vec![Posts::entry(&id), Timelines::entry(&post.author_id)];
                    Ok(Changed { value: PostChange::Done(()), entries: cells })
                })
            })
            .await?;
        Ok(deleted)
    }
}

/// Locks the author's row and the post, in this order, for a change by `editor`.
async fn lock_own(
    connection: &mut PgConnection,
    id: PostId,
    editor: UserId,
    if_match: Option<&Condition>,
) -> Result<Result<(Post, User), PostRefusal>, sqlx::Error> {
    let Some(author) = posts::find_author(&mut *connection, id).await? else {
        return Ok(Err(PostRefusal::NotFound));
    };
    if author != editor {
        return Ok(Err(PostRefusal::NotTheAuthor));
    }
    let Some(author) = users::lock_user(&mut *connection, author).await? else {
        return Ok(Err(PostRefusal::NotFound));
    };
    let Some(post) = posts::lock_post(&mut *connection, id).await? else {
        return Ok(Err(PostRefusal::NotFound));
    };
    let etag = ETag::of_post(post.version, author.version);
    if if_match.is_some_and(|condition| !condition.matches_strong(&etag)) {
        return Ok(Err(PostRefusal::PreconditionFailed));
    }
    Ok(Ok((post, author)))
}

fn edited(before: Post, patch: PostPatch, now: DateTime<Utc>) -> Post {
    match patch.body {
        Some(body) if body != before.body => {
            Post { body, version: before.version + 1, updated_at: now.max(before.updated_at), ..before }
        }
        _same => before,
    }
}
