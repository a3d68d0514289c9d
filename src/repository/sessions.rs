//! Sessions: signing in, being recognised, signing out.
//!
//! Postgres holds the truth, so a Redis that lost its data signs no user out. Signing out is a write like any other: its
//! fence refuses every fill that began before it, so no racing reader brings a session back.

use std::{net::IpAddr, time::Duration};

use aside_cache::{Cache, Changed, EntryName, Fetched};
use aside_postgres::Database;
use aside_runtime::clock::Clock;
use chrono::TimeDelta;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    cells::{SessionLoader, Sessions, Users},
    error::RepositoryError,
    recent_sessions::RecentSessions,
    session_cell::SessionCell,
    session_upkeep::{SessionUpkeep, delta},
};
use crate::{
    auth::{Caller, HashError, PasswordHasher, SessionToken, TokenHash},
    config::SessionConfig,
    domain::{Cursor, Page, PageSize, Scope, Session, SessionId, UserAgent, UserId, Username, network_of},
    postgres::{
        sessions::{self, SessionRow},
        users,
    },
};

/// Live sessions a user may have; a sign-in beyond that ends the oldest.
const MAX_SESSIONS: i64 = 100;

/// Who asks: the session behind a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveSession {
    /// Names the session.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
}

/// A session that was just begun; its token is never to be seen again.
#[derive(Debug)]
pub struct NewSession {
    /// For its owner.
    pub token: SessionToken,
    /// As its owner sees it.
    pub session: Session,
}

/// Where a sign-in comes from.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// What the client calls itself.
    pub user_agent: Option<UserAgent>,
}

/// What became of a sign-in.
#[derive(Debug)]
pub enum SignIn {
    /// Name and password are right.
    Session(Box<NewSession>),
    /// Name or password is wrong; the client is not told which.
    Refused,
    /// Too many passwords are being hashed.
    Busy,
}

/// Sessions in Postgres, behind their cells.
#[derive(Debug)]
pub struct SessionRepository {
    database: Database,
    cache: Cache,
    clock: Clock,
    config: SessionConfig,
    hasher: PasswordHasher,
    sessions: Sessions,
    recent: RecentSessions,
    upkeep: SessionUpkeep,
}

impl SessionRepository {
    /// Sessions of this database, behind this cache.
    #[must_use]
    pub fn new(
        database: Database,
        cache: Cache,
        ttl: Duration,
        clock: Clock,
        config: SessionConfig,
        hasher: PasswordHasher,
        upkeep: SessionUpkeep,
    ) -> Self {
        let sessions = cache.entity(SessionLoader { database: database.clone(), clock: clock.clone() }, ttl);
        Self { database, cache, clock, config, hasher, sessions, recent: RecentSessions::new(), upkeep }
    }

    /// Whose token this is, by a near entry: no work but a freshness check. `None` when [`authenticate`](Self::authenticate) has
    /// to look it up.
    pub async fn authenticate_near(&self, token: &TokenHash) -> Result<Option<ActiveSession>, RepositoryError> {
        match self.sessions.get_near(token).await {
            Some(fetched) => self.session_of(token, &fetched).await,
            None => Ok(None),
        }
    }

    /// Whose token this is; `None` for one that was never given out, was signed out, or has expired. Counts as a use.
    pub async fn authenticate(&self, token: &TokenHash) -> Result<Option<ActiveSession>, RepositoryError> {
        let fetched = self.sessions.get(token).await?;
        let session = self.session_of(token, &fetched).await?;
        match session {
            Some(session) if !self.is_recent(token) => self.recent.insert(*token, session.user_id),
            Some(_known) => {}
            None => self.recent.remove(token),
        }
        Ok(session)
    }

    async fn session_of(&self, token: &TokenHash, fetched: &Fetched) -> Result<Option<ActiveSession>, RepositoryError> {
        let now = self.clock.now();
        let cell = match fetched.value.payload.as_deref().and_then(SessionCell::decode) {
            // By a clock that differs from Redis's. A use elsewhere may have moved the end on, which the cell does not
            // know; the row does.
            Some(cell) if cell.idle_expires_at <= now => {
                Box::pin(self.find_in_postgres(token)).await?.filter(|cell| cell.idle_expires_at > now)
            }
            found => found,
        };
        let Some(cell) = cell else { return Ok(None) };
        self.upkeep.note_use(&cell, now).await?;
        Ok(Some(ActiveSession { id: cell.id, user_id: cell.user_id }))
    }

    /// Whether this process has seen this token as good. It may have ended since.
    #[must_use]
    pub fn is_recent(&self, token: &TokenHash) -> bool {
        self.recent.owner(token).is_some()
    }

    /// The owner of this session as this process last knew it, perhaps from before its end. Good enough to refuse a request, and for
    /// nothing else. Asks neither Redis nor Postgres.
    #[must_use]
    pub fn last_known_owner(&self, token: &TokenHash) -> Option<UserId> {
        if !self.sessions.has_near() {
            return self.recent.owner(token);
        }
        let cell = self.sessions.get_near_unchecked(token)?;
        Some(SessionCell::decode(&cell.payload?)?.user_id)
    }

    async fn find_in_postgres(&self, hash: &TokenHash) -> Result<Option<SessionCell>, RepositoryError> {
        let hashes = [hash.as_bytes().to_vec()];
        let live = self.database.read(sessions::find_live_sessions(self.database.pool(), &hashes)).await?;
        Ok(live.first().map(SessionCell::from))
    }

    /// Begins a session if name and password are right. A wrong name takes as long as a wrong password.
    pub async fn sign_in(
        &self,
        name: Option<&Username>,
        password: SecretString,
        client: Client,
    ) -> Result<SignIn, RepositoryError> {
        // A concurrent sign-in may renew the hash: it is verified against the new one, once.
        for _attempt in 0..2 {
            if let Some(outcome) = self.try_sign_in(name, &password, &client).await? {
                return Ok(outcome);
            }
        }
        Ok(SignIn::Refused)
    }

    /// `None` when the password hash was replaced since it was verified against.
    async fn try_sign_in(
        &self,
        name: Option<&Username>,
        password: &SecretString,
        client: &Client,
    ) -> Result<Option<SignIn>, RepositoryError> {
        let credentials = match name {
            Some(name) => self.find_credentials(name).await?,
            // A name that no user can have. It is checked all the same, for as long.
            None => None,
        };
        let is_known = credentials.as_ref().is_some_and(|credentials| knows(credentials, client.address));
        let caller = if is_known { Caller::Known } else { Caller::Stranger };
        let stored = credentials.as_ref().map(|credentials| credentials.password_hash.as_str());
        match self.hasher.verify(password.clone(), stored, caller).await {
            Ok(true) => {}
            Ok(false) => return Ok(Some(SignIn::Refused)),
            Err(HashError::Busy) => return Ok(Some(SignIn::Busy)),
            Err(error) => return Err(RepositoryError::Failed(Box::new(error))),
        }
        let Some(credentials) = credentials else { return Ok(Some(SignIn::Refused)) };
        // Another sign-in will do it, if this one cannot.
        let renewed = self.hasher.renew(password.clone(), &credentials.password_hash).await.ok().flatten();
        self.create_session(credentials, renewed, client.clone()).await
    }

    /// Whether a client of this address has signed in to this account, and one of its sessions is left.
    pub async fn is_known_address(&self, name: &Username, address: IpAddr) -> Result<bool, RepositoryError> {
        Ok(self.find_credentials(name).await?.is_some_and(|credentials| knows(&credentials, address)))
    }

    async fn find_credentials(&self, name: &Username) -> Result<Option<users::Credentials>, RepositoryError> {
        let folded = name.folded();
        Ok(self.database.read(users::find_credentials(self.database.pool(), &folded)).await?)
    }

    /// `None` when the password hash is not the one that was verified against any more.
    async fn create_session(
        &self,
        credentials: users::Credentials,
        renewed: Option<String>,
        client: Client,
    ) -> Result<Option<SignIn>, RepositoryError> {
        let now = self.clock.now();
        let expires_at = now + delta(self.config.absolute);
        let row = SessionRow {
            id: SessionId::new(),
            user_id: credentials.user_id,
            created_at: now,
            last_seen_at: now,
            idle_expires_at: expires_at.min(now + idle(&self.config)),
            expires_at,
            address: client.address.to_string(),
            user_agent: client.user_agent,
        };
        let user_id = credentials.user_id;
        let token = SessionToken::generate();
        let hash = token.hash();
        let session = as_session(row.clone(), row.id);
        let begun = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    // The lock orders this sign-in against a password change, which ends all sessions: it is either ended
                    // by it, or sees the new password's hash and begins nothing.
                    users::lock_user(&mut *connection, row.user_id).await?;
                    let stored = users::find_password_hash(&mut *connection, row.user_id).await?;
                    if stored.as_ref() != Some(&credentials.password_hash) {
                        return Ok(Changed::nothing(false));
                    }
                    let keep = MAX_SESSIONS - 1;
                    let ended = sessions::delete_surplus_sessions(&mut *connection, row.user_id, keep).await?;
                    sessions::insert_session(&mut *connection, &row, hash.as_bytes()).await?;
                    let mut cells = vec![Sessions::entry(&hash)];
                    cells.extend(session_cells(&ended));
                    if let Some(renewed) = renewed {
                        users::renew_password_hash(&mut *connection, row.user_id, &renewed).await?;
                        // Shows nothing of the hash; but the trigger names it.
                        cells.push(Users::entry(&row.user_id));
                    }
                    Ok(Changed { value: true, entries: cells })
                })
            })
            .await?;
        if !begun {
            return Ok(None);
        }
        self.recent.insert(hash, user_id);
        Ok(Some(SignIn::Session(Box::new(NewSession { token, session }))))
    }

    /// A user's live sessions, newest first. Straight from Postgres.
    pub async fn list_sessions(
        &self,
        of: ActiveSession,
        after: Option<Uuid>,
        size: PageSize,
    ) -> Result<Page<Session>, RepositoryError> {
        let (before, now) = (after.unwrap_or(Uuid::max()), self.clock.now());
        let rows = sessions::list_sessions(self.database.pool(), of.user_id, before, now, size.rows());
        let rows = self.database.read(rows).await?;
        let cursor = |row: &SessionRow| Cursor::new(Scope::Sessions(of.user_id), &row.id.0);
        Ok(Page::from_rows(rows, size, cursor).map(|row| as_session(row, of.id)))
    }

    /// Ends one session of this user; false when the user has no such session.
    pub async fn delete_session(&self, user: UserId, id: SessionId) -> Result<bool, RepositoryError> {
        let deleted = self
            .cache
            .write(move |connection| {
                Box::pin(async move {
                    let hash = sessions::delete_session(connection, user, id).await?;
                    let cells: Vec<EntryName> = session_cells(hash.as_slice()).collect();
                    Ok(Changed { value: !cells.is_empty(), entries: cells })
                })
            })
            .await?;
        Ok(deleted)
    }

    /// Ends all sessions of this user.
    pub async fn delete_sessions(&self, user: UserId) -> Result<(), RepositoryError> {
        self.cache
            .write(move |connection| {
                Box::pin(async move {
                    // Orders this against a sign-in that is under way.
                    users::lock_user(&mut *connection, user).await?;
                    let hashes = sessions::delete_sessions(&mut *connection, user, None).await?;
                    Ok(Changed { value: (), entries: session_cells(&hashes).collect() })
                })
            })
            .await?;
        Ok(())
    }
}

/// Whether a session of this user began in the network of this address.
fn knows(credentials: &users::Credentials, address: IpAddr) -> bool {
    let addresses = credentials.addresses.iter().filter_map(|known| known.parse().ok());
    addresses.map(network_of).any(|known| known == network_of(address))
}

/// The cells of the sessions with these token hashes.
pub(super) fn session_cells(hashes: &[Vec<u8>]) -> impl Iterator<Item = EntryName> {
    hashes.iter().filter_map(|hash| {
        let hash = hash.as_slice().try_into().ok()?;
        Some(Sessions::entry(&TokenHash::from_bytes(hash)))
    })
}

fn as_session(row: SessionRow, current: SessionId) -> Session {
    Session {
        id: row.id,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        idle_expires_at: row.idle_expires_at,
        expires_at: row.expires_at,
        address: row.address,
        user_agent: row.user_agent,
        current: row.id == current,
    }
}

fn idle(config: &SessionConfig) -> TimeDelta {
    delta(config.idle)
}
