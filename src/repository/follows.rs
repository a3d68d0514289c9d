//! Who follows whom.

use aside_cache::{Cache, Changed};
use aside_postgres::Database;
use aside_runtime::clock::Clock;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    cells::{Followings, Users},
    error::RepositoryError,
};
use crate::{
    domain::{Cursor, Page, PageSize, Scope, User, UserId},
    postgres::{
        follows::{self, FollowEntry},
        users,
    },
};

/// How many a user may follow: bounds the `following` cell and the work behind a home page.
const MAX_FOLLOWS: i64 = 2_000;

/// A place in a list of followers or followees: since when, and who.
type Since = (DateTime<Utc>, Uuid);

/// What became of a wish to follow, or to follow no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowOutcome {
    /// It is so now, and may have been before.
    Done,
    /// There is no such user.
    NotFound,
    /// The one who asks is gone.
    FollowerGone,
    /// A user cannot follow itself.
    Itself,
    /// The most that one may follow are followed already.
    TooMany,
}

/// Follows in Postgres; the entries of the followers.
#[derive(Debug)]
pub struct FollowRepository {
    database: Database,
    cache: Cache,
    clock: Clock,
    users: Users,
}

impl FollowRepository {
    /// Follows in this database, among these users.
    #[must_use]
    pub fn new(database: Database, cache: Cache, clock: Clock, users: &super::UserRepository) -> Self {
        Self { database, cache, clock, users: users.cells().clone() }
    }

    /// Makes `follower` follow `followee`. Idempotent.
    pub async fn create_follow(&self, follower: UserId, followee: UserId) -> Result<FollowOutcome, RepositoryError> {
        if follower == followee {
            return Ok(FollowOutcome::Itself);
        }
        let now = self.clock.now();
        let outcome = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    // The lock makes the count exact, and owns the `following` cell.
                    if users::lock_user(&mut *connection, follower).await?.is_none() {
                        return Ok(Changed::nothing(FollowOutcome::FollowerGone));
                    }
                    if !follows::insert_follow(&mut *connection, follower, followee, now).await? {
                        return Ok(Changed::nothing(unchanged(&mut *connection, followee).await?));
                    }
                    if follows::count_follows(&mut *connection, follower).await? > MAX_FOLLOWS {
                        follows::delete_follow(&mut *connection, follower, followee).await?;
                        return Ok(Changed::nothing(FollowOutcome::TooMany));
                    }
                    Ok(Changed { value: FollowOutcome::Done, entries: vec![Followings::entry(&follower)] })
                })
            })
            .await?;
        Ok(outcome)
    }

    /// Makes `follower` follow `followee` no longer. Idempotent.
    pub async fn delete_follow(&self, follower: UserId, followee: UserId) -> Result<FollowOutcome, RepositoryError> {
        let unfollowed = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    if users::lock_user(&mut *connection, follower).await?.is_none() {
                        return Ok(Changed::nothing(FollowOutcome::FollowerGone));
                    }
                    if follows::delete_follow(&mut *connection, follower, followee).await? {
                        return Ok(Changed { value: FollowOutcome::Done, entries: vec![Followings::entry(&follower)] });
                    }
                    Ok(Changed::nothing(unchanged(&mut *connection, followee).await?))
                })
            })
            .await?;
        Ok(unfollowed)
    }

    /// Who follows this user, the latest first; `None` when there is no such user. Straight from Postgres.
    pub async fn list_followers(
        &self,
        of: UserId,
        after: Option<Since>,
        size: PageSize,
    ) -> Result<Option<Page<User>>, RepositoryError> {
        let before = after.unwrap_or(latest());
        let rows = follows::list_followers(self.database.pool(), of, before, size.rows());
        let rows = self.database.read(rows).await?;
        self.page(of, rows, size, Scope::Followers(of)).await
    }

    /// Whom this user follows, the latest first; `None` when there is no such user. Straight from Postgres.
    pub async fn list_following(
        &self,
        of: UserId,
        after: Option<Since>,
        size: PageSize,
    ) -> Result<Option<Page<User>>, RepositoryError> {
        let before = after.unwrap_or(latest());
        let rows = follows::list_following(self.database.pool(), of, before, size.rows());
        let rows = self.database.read(rows).await?;
        self.page(of, rows, size, Scope::Following(of)).await
    }

    async fn page(
        &self,
        of: UserId,
        rows: Vec<FollowEntry>,
        size: PageSize,
        scope: Scope,
    ) -> Result<Option<Page<User>>, RepositoryError> {
        if rows.is_empty() && self.users.get(&of).await?.value.payload.is_none() {
            return Ok(None);
        }
        let page = Page::from_rows(rows, size, |entry| Cursor::new(scope, &(entry.since, entry.user.id.0)));
        Ok(Some(page.map(|entry| entry.user)))
    }
}

/// After every follow.
fn latest() -> Since {
    (DateTime::<Utc>::MAX_UTC, Uuid::max())
}

/// What a write that has changed nothing comes to.
async fn unchanged(connection: &mut sqlx::PgConnection, followee: UserId) -> Result<FollowOutcome, sqlx::Error> {
    let is_known = !users::find_users(connection, &[followee.0]).await?.is_empty();
    Ok(if is_known { FollowOutcome::Done } else { FollowOutcome::NotFound })
}
