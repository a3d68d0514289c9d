//! Users: their pages, their changes, their end.

use std::time::Duration;

use aside_cache::{Cache, Changed};
use aside_postgres::Database;
use aside_runtime::clock::Clock;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    cells::{Followings, Timelines, UserLoader, Users},
    error::RepositoryError,
    fragments::UserFragment,
    report::{CacheReport, Cached},
    sessions::session_cells,
};
use crate::{
    domain::{
        Bio, Condition, Cursor, DisplayName, ETag, Page, PageSize, Patch, Scope, SessionId, User, UserId, Username,
    },
    postgres::{sessions, users},
};

/// A registration, with its password hashed.
#[derive(Debug)]
pub struct Registration {
    /// The name to sign in with.
    pub username: Username,
    /// The name others see.
    pub display_name: DisplayName,
    /// What they say about themselves.
    pub bio: Option<Bio>,
    /// A PHC string.
    pub password_hash: String,
}

/// What became of a registration.
#[derive(Debug)]
pub enum Created {
    /// There is a user more.
    User(User),
    /// Another user has that name.
    NameTaken,
}

/// A change of a user, with its passwords hashed.
#[derive(Clone, Debug)]
pub struct UserUpdate {
    /// Whom it is about.
    pub id: UserId,
    /// The session that asks for it: the one that a new password leaves.
    pub session: SessionId,
    /// Holds against the user's entity tag, if there is one.
    pub if_match: Option<Condition>,
    /// The new name; `None` leaves it.
    pub display_name: Option<DisplayName>,
    /// What becomes of the biography.
    pub bio: Patch<Bio>,
    /// The hash that the current password was verified against, and the hash of the new one.
    pub password: Option<NewPassword>,
}

/// A new password hash and the one it takes the place of.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// The hash that the current password was verified against.
    pub verified: String,
    /// The hash to be.
    pub hash: String,
}

/// What became of a change or deletion.
#[derive(Debug)]
pub enum UserChange<T> {
    /// It was done, or asked for nothing.
    Done(T),
    /// There is no such user (any more).
    NotFound,
    /// `If-Match` does not hold.
    PreconditionFailed,
    /// The password was changed by another request since it was verified.
    PasswordChanged,
}

/// Users in Postgres, behind their cells.
#[derive(Debug)]
pub struct UserRepository {
    database: Database,
    cache: Cache,
    clock: Clock,
    users: Users,
}

impl UserRepository {
    /// Users of this database, behind this cache.
    #[must_use]
    pub fn new(database: Database, cache: Cache, ttl: Duration, clock: Clock) -> Self {
        let users = cache.entity(UserLoader(database.clone()), ttl);
        Self { database, cache, clock, users }
    }

    /// The cells of users, for pages that show them.
    pub(super) fn cells(&self) -> &Users {
        &self.users
    }

    /// One user.
    pub async fn find_user(&self, id: UserId) -> Result<Cached<Option<UserView>>, RepositoryError> {
        let fetched = self.users.get(&id).await?;
        let report = CacheReport::from(&fetched);
        let version = i64::try_from(fetched.value.version).unwrap_or_default();
        let value = fetched
            .value
            .payload
            .and_then(UserFragment::from_payload)
            .map(|fragment| UserView { fragment, etag: ETag::of_user(version) });
        Ok(Cached { value, report })
    }

    /// The user of this name, in whatever case. Straight from Postgres.
    pub async fn find_user_by_name(&self, name: &Username) -> Result<Option<User>, RepositoryError> {
        let folded = name.folded();
        Ok(self.database.read(users::find_user_by_name(self.database.pool(), &folded)).await?)
    }

    /// All users, newest first. Straight from Postgres.
    pub async fn list_users(&self, after: Option<Uuid>, size: PageSize) -> Result<Page<User>, RepositoryError> {
        let before = after.unwrap_or(Uuid::max());
        let rows = self.database.read(users::list_users(self.database.pool(), before, size.rows())).await?;
        Ok(Page::from_rows(rows, size, |user| Cursor::new(Scope::Users, &user.id.0)))
    }

    /// The hash that a user's password is verified against.
    pub async fn find_password_hash(&self, id: UserId) -> Result<Option<String>, RepositoryError> {
        Ok(self.database.read(users::find_password_hash(self.database.pool(), id)).await?)
    }

    /// Makes a user.
    pub async fn create_user(&self, registration: Registration) -> Result<Created, RepositoryError> {
        let now = self.clock.now();
        let Registration { username, display_name, bio, password_hash } = registration;
        let user =
            User { id: UserId::new(), username, display_name, bio, version: 1, created_at: now, updated_at: now };
        let created = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    users::insert_user(connection, &user, &password_hash).await?;
                    Ok(Changed { entries: vec![Users::entry(&user.id)], value: user })
                })
            })
            .await;
        match created {
            Ok(user) => Ok(Created::User(user)),
            Err(error) if error.is_constraint("users_username_key") => Ok(Created::NameTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes a user. A new password ends all other sessions; a change that changes nothing leaves the version.
    pub async fn update_user(&self, update: UserUpdate) -> Result<UserChange<User>, RepositoryError> {
        let now = self.clock.now();
        let change = self.cache.write(move |connection| Box::pin(apply_update(connection, update, now))).await?;
        Ok(change)
    }

    /// Deletes a user and the user's sessions. Posts and follows disappear with the row and are deleted later, however many
    /// there are.
    pub async fn delete_user(
        &self,
        id: UserId,
        if_match: Option<Condition>,
    ) -> Result<UserChange<()>, RepositoryError> {
        let change = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    let Some(user) = users::lock_user_for_deletion(&mut *connection, id).await? else {
                        return Ok(Changed::nothing(UserChange::NotFound));
                    };
                    if !holds(if_match.as_ref(), &user) {
                        return Ok(Changed::nothing(UserChange::PreconditionFailed));
                    }
                    let hashes = sessions::delete_sessions(&mut *connection, id, None).await?;
                    users::delete_user(&mut *connection, id).await?;
                    // Others' `following` cells stay, and the posts' own cells are left to the relay: a page that shows a post looks
                    // at its author.
                    let mut cells = vec![Users::entry(&id), Timelines::entry(&id), Followings::entry(&id)];
                    cells.extend(session_cells(&hashes));
                    Ok(Changed { value: UserChange::Done(()), entries: cells })
                })
            })
            .await?;
        Ok(change)
    }
}

/// A user as it goes on the wire, and its entity tag.
#[derive(Clone, Debug)]
pub struct UserView {
    /// The user.
    pub fragment: UserFragment,
    /// Of this representation.
    pub etag: ETag,
}

async fn apply_update(
    connection: &mut sqlx::PgConnection,
    update: UserUpdate,
    now: DateTime<Utc>,
) -> Result<Changed<UserChange<User>>, sqlx::Error> {
    let Some(before) = users::lock_user(&mut *connection, update.id).await? else {
        return Ok(Changed::nothing(UserChange::NotFound));
    };
    if !holds(update.if_match.as_ref(), &before) {
        return Ok(Changed::nothing(UserChange::PreconditionFailed));
    }
    let mut user = User {
        display_name: update.display_name.unwrap_or_else(|| before.display_name.clone()),
        bio: update.bio.apply(before.bio.clone()),
        ..before.clone()
    };
    let new_hash = match update.password {
        Some(password) => {
            let stored = users::find_password_hash(&mut *connection, user.id).await?;
            if stored.as_deref() != Some(&password.verified) {
                return Ok(Changed::nothing(UserChange::PasswordChanged));
            }
            Some(password.hash)
        }
        None => None,
    };
    if user == before && new_hash.is_none() {
        return Ok(Changed::nothing(UserChange::Done(user)));
    }
    user.version += 1;
    user.updated_at = now.max(before.updated_at);
    users::update_user(&mut *connection, &user, new_hash.as_deref()).await?;

    let mut cells = vec![Users::entry(&user.id)];
    if new_hash.is_some() {
        let ended = sessions::delete_sessions(&mut *connection, user.id, Some(update.session)).await?;
        cells.extend(session_cells(&ended));
    }
    Ok(Changed { value: UserChange::Done(user), entries: cells })
}

fn holds(if_match: Option<&Condition>, user: &User) -> bool {
    if_match.is_none_or(|condition| condition.matches_strong(&ETag::of_user(user.version)))
}
