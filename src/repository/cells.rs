//! The six kinds of cells: how each is loaded from Postgres, and what its bytes are.
//!
//! | cell | bytes | owned by the row |
//! |---|---|---|
//! | `user` | [`UserFragment`] | `users` |
//! | `post` | [`PostFragment`] | `posts` |
//! | `session` | [`SessionCell`], fixed width | `sessions` |
//! | `timeline` | whether it is complete, then ids of an author's newest posts | the author's `users` row |
//! | `following` | ids of those a user follows | the follower's `users` row |
//! | `front_page` | post and author ids of the newest posts of all | none: short-lived instead of fenced |

use std::{collections::HashMap, fmt, hash::Hash, time::Duration};

use aside_cache::{EntryId, EntryValue, IdBytes, LoadError, Loaded, Loader, ReadThrough};
use aside_postgres::Database;
use aside_runtime::clock::Clock;
use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

use super::{
    fragments::{PostFragment, UserFragment},
    session_cell::SessionCell,
};
use crate::{
    auth::TokenHash,
    domain::{PostId, UserId},
    postgres::{follows, posts, sessions, users},
};

/// Ids in a timeline: more than the first page of a home page can take from one author, and one look at a hundred
/// timelines stays at some 50 KB.
pub(super) const TIMELINE_LENGTH: i64 = 32;

/// Ids in the front page.
const FRONT_PAGE_LENGTH: i64 = 128;

pub(super) type Users = ReadThrough<UserLoader>;
pub(super) type Posts = ReadThrough<PostLoader>;
pub(super) type Sessions = ReadThrough<SessionLoader>;
pub(super) type Timelines = ReadThrough<TimelineLoader>;
pub(super) type Followings = ReadThrough<FollowingLoader>;
pub(super) type FrontPages = ReadThrough<FrontPageLoader>;

impl EntryId for UserId {
    fn to_bytes(&self) -> IdBytes {
        self.0.to_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl EntryId for PostId {
    fn to_bytes(&self) -> IdBytes {
        self.0.to_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl EntryId for TokenHash {
    fn to_bytes(&self) -> IdBytes {
        *self.as_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl EntryId for OneFrontPage {
    fn to_bytes(&self) -> IdBytes {
        [0; 32]
    }

    fn parse(text: &str) -> Option<Self> {
        (text == OneFrontPage.to_string()).then_some(OneFrontPage)
    }
}

fn version(version: i64) -> u64 {
    u64::try_from(version).unwrap_or_default()
}

/// Loads `user` cells.
#[derive(Clone, Debug)]
pub(super) struct UserLoader(pub(super) Database);

impl Loader for UserLoader {
    const ENTITY: &'static str = "user";
    type Id = UserId;

    async fn load(&self, ids: &[UserId]) -> Result<Vec<Loaded>, LoadError> {
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = self.0.run(users::find_users(self.0.pool(), &uuids)).await.map_err(LoadError::source)?;
        let rows = rows
            .iter()
            .map(|user| (user.id, Loaded::present(UserFragment::from(user).into_payload(), version(user.version))));
        Ok(Loaded::in_order(ids, rows))
    }
}

/// Loads `post` cells.
#[derive(Clone, Debug)]
pub(super) struct PostLoader(pub(super) Database);

impl Loader for PostLoader {
    const ENTITY: &'static str = "post";
    type Id = PostId;

    async fn load(&self, ids: &[PostId]) -> Result<Vec<Loaded>, LoadError> {
        let uuids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = self.0.run(posts::find_posts(self.0.pool(), &uuids)).await.map_err(LoadError::source)?;
        let rows = rows
            .iter()
            .map(|post| (post.id, Loaded::present(PostFragment::from(post).into_payload(), version(post.version))));
        Ok(Loaded::in_order(ids, rows))
    }
}

/// Loads `timeline` cells.
#[derive(Clone, Debug)]
pub(super) struct TimelineLoader(pub(super) Database);

impl Loader for TimelineLoader {
    const ENTITY: &'static str = "timeline";
    type Id = UserId;

    async fn load(&self, ids: &[UserId]) -> Result<Vec<Loaded>, LoadError> {
        let authors: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let timelines = posts::list_timelines(self.0.pool(), &authors, TIMELINE_LENGTH);
        let rows = self.0.run(timelines).await.map_err(LoadError::source)?;
        // That of an author without posts is empty: true until the author's row is locked for a first post.
        let timeline = |(author, posts): (UserId, Vec<Uuid>)| (author, Loaded::present(Timeline::encode(&posts), 0));
        Ok(Loaded::in_order(ids, rows.into_iter().map(timeline)))
    }
}

/// An author's newest posts, out of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Timeline {
    /// Whether there are no older ones.
    pub(super) is_complete: bool,
    ids: Bytes,
}

impl Timeline {
    fn encode(ids: &[Uuid]) -> Bytes {
        let is_complete = i64::try_from(ids.len()).is_ok_and(|length| length < TIMELINE_LENGTH);
        let mut payload = BytesMut::with_capacity(1 + ids.len() * 16);
        payload.put_u8(u8::from(is_complete));
        for id in ids {
            payload.put_slice(id.as_bytes());
        }
        payload.freeze()
    }

    /// Reads a cell's payload; one that cannot be read knows nothing.
    pub(super) fn decode(payload: Option<Bytes>) -> Self {
        match payload {
            Some(payload) if payload.len() % 16 == 1 => Self { is_complete: payload[0] == 1, ids: payload.slice(1..) },
            _unreadable => Self { is_complete: false, ids: Bytes::new() },
        }
    }

    #[cfg(test)]
    pub(super) fn of(ids: &[Uuid]) -> Self {
        Self::decode(Some(Self::encode(ids)))
    }

    /// The ids, newest first.
    pub(super) fn ids(&self) -> &[[u8; 16]] {
        self.ids.as_chunks().0
    }
}

/// Loads `following` cells.
#[derive(Clone, Debug)]
pub(super) struct FollowingLoader(pub(super) Database);

impl Loader for FollowingLoader {
    const ENTITY: &'static str = "following";
    type Id = UserId;

    async fn load(&self, ids: &[UserId]) -> Result<Vec<Loaded>, LoadError> {
        let followers: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let followees = follows::list_followees(self.0.pool(), &followers);
        let rows = self.0.run(followees).await.map_err(LoadError::source)?;
        let mut rows: HashMap<UserId, Vec<Uuid>> = rows.into_iter().collect();
        let cell = |id| {
            let followees = rows.remove(id).unwrap_or_default();
            Loaded::present(followees.iter().flat_map(|id| *id.as_bytes()).collect(), 0)
        };
        Ok(ids.iter().map(cell).collect())
    }

    fn agrees(&self, held: &EntryValue, loaded: &Loaded) -> bool {
        followings_agree(held.payload.as_deref(), loaded.payload.as_deref())
    }
}

/// Whether two payloads of `following` cells name the same: they come in whatever order Postgres finds them.
fn followings_agree(held: Option<&[u8]>, loaded: Option<&[u8]>) -> bool {
    let sorted = |payload: &[u8]| {
        let (followees, rest) = payload.as_chunks::<16>();
        let mut followees = followees.to_vec();
        followees.sort_unstable();
        rest.is_empty().then_some(followees)
    };
    held.is_some_and(|held| sorted(held).is_some() && sorted(held) == loaded.and_then(sorted))
}

/// The users of a `following` cell.
pub(super) fn decode_following(payload: Option<Bytes>) -> Vec<UserId> {
    payload.unwrap_or_default().as_chunks().0.iter().copied().map(UserId::from_bytes).collect()
}

/// The one front page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OneFrontPage;

impl fmt::Display for OneFrontPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("everybody")
    }
}

/// Loads the `front_page` cell.
#[derive(Clone, Debug)]
pub(super) struct FrontPageLoader(pub(super) Database);

impl Loader for FrontPageLoader {
    const ENTITY: &'static str = "front_page";
    // It lags by its TTL.
    const IS_CHECKED: bool = false;
    type Id = OneFrontPage;

    async fn load(&self, ids: &[OneFrontPage]) -> Result<Vec<Loaded>, LoadError> {
        let newest = posts::list_newest(self.0.pool(), FRONT_PAGE_LENGTH);
        let rows = self.0.run(newest).await.map_err(LoadError::source)?;
        let payload: Bytes =
            rows.iter().flat_map(|(post, author)| [*post.0.as_bytes(), *author.0.as_bytes()].concat()).collect();
        Ok(ids.iter().map(|_| Loaded::present(payload.clone(), 0)).collect())
    }
}

/// The posts of the front page and their authors, newest first, and whether there are no older ones.
pub(super) fn decode_front_page(payload: Option<Bytes>) -> (Vec<(PostId, UserId)>, bool) {
    let payload = payload.unwrap_or_default();
    let entries: Vec<_> = payload
        .as_chunks::<32>()
        .0
        .iter()
        .map(|entry| {
            let (post, author) = entry.split_at(16);
            let id = |bytes: &[u8]| bytes.try_into().expect("half of 32 bytes");
            (PostId::from_bytes(id(post)), UserId::from_bytes(id(author)))
        })
        .collect();
    let is_complete = i64::try_from(entries.len()).is_ok_and(|length| length < FRONT_PAGE_LENGTH);
    (entries, is_complete)
}

/// Loads `session` cells.
#[derive(Clone, Debug)]
pub(super) struct SessionLoader {
    pub(super) database: Database,
    /// Judges what the self-check finds, and nothing that other replicas see.
    pub(super) clock: Clock,
}

impl Loader for SessionLoader {
    const ENTITY: &'static str = "session";
    type Id = TokenHash;

    async fn load(&self, ids: &[TokenHash]) -> Result<Vec<Loaded>, LoadError> {
        let hashes: Vec<Vec<u8>> = ids.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        let live = sessions::find_live_sessions(self.database.pool(), &hashes);
        let rows = self.database.run(live).await.map_err(LoadError::source)?;
        let rows = rows.into_iter().map(|session| {
            let cell = SessionCell::from(&session);
            // A cell outlives neither end of its session; the idle one is never later than the absolute one.
            let lives_until_ms = Some(session.idle_expires_at.timestamp_millis());
            (
                TokenHash::from_bytes(session.token_hash.try_into().unwrap_or_default()),
                Loaded { payload: Some(cell.encode()), version: 0, lives_until_ms },
            )
        });
        Ok(Loaded::in_order(ids, rows))
    }

    /// It ends with its session.
    fn grace(_ttl: Duration) -> Duration {
        Duration::ZERO
    }

    fn agrees(&self, held: &EntryValue, loaded: &Loaded) -> bool {
        SessionCell::agree(held.payload.as_deref(), loaded.payload.as_deref(), self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn followings_agree_in_any_order_and_not_when_somebody_is_missing() {
        let [one, two, three] = [[1; 16], [2; 16], [3; 16]];
        let following = |ids: &[[u8; 16]]| ids.concat();
        let agree = |held: &[u8], loaded: &[u8]| followings_agree(Some(held), Some(loaded));

        assert!(agree(&following(&[one, two]), &following(&[two, one])));
        assert!(agree(&[], &[]));
        assert!(!agree(&following(&[one, two]), &following(&[one])));
        assert!(!agree(&following(&[one, two]), &following(&[one, three])));
        assert!(!agree(&[7], &[7]), "no list of ids");
        assert!(!followings_agree(None, Some(&[])));
    }
}
