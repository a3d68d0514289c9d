//! The bytes of a `session` cell.

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};

use crate::{
    domain::{SessionId, UserId},
    postgres::sessions::LiveSession,
};

/// What a request needs to know of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SessionCell {
    pub(super) id: SessionId,
    pub(super) user_id: UserId,
    pub(super) last_seen_at: DateTime<Utc>,
    pub(super) idle_expires_at: DateTime<Utc>,
}

impl From<&LiveSession> for SessionCell {
    fn from(session: &LiveSession) -> Self {
        let LiveSession { id, user_id, last_seen_at, idle_expires_at, .. } = *session;
        Self { id, user_id, last_seen_at, idle_expires_at }
    }
}

impl SessionCell {
    /// The payload of its cell.
    pub(super) fn encode(&self) -> Bytes {
        let mut payload = BytesMut::with_capacity(48);
        payload.put_slice(self.id.0.as_bytes());
        payload.put_slice(self.user_id.0.as_bytes());
        payload.put_i64(self.last_seen_at.timestamp_micros());
        payload.put_i64(self.idle_expires_at.timestamp_micros());
        payload.freeze()
    }

    /// Reads a cell's payload; one that cannot be read is no session.
    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let (id, rest) = payload.split_first_chunk()?;
        let (user_id, rest) = rest.split_first_chunk()?;
        let (last_seen_at, idle_expires_at) = rest.split_first_chunk()?;
        let moment = |micros: &[u8; 8]| DateTime::from_timestamp_micros(i64::from_be_bytes(*micros));
        Some(Self {
            id: SessionId::from_bytes(*id),
            user_id: UserId::from_bytes(*user_id),
            last_seen_at: moment(last_seen_at)?,
            idle_expires_at: moment(idle_expires_at.try_into().ok()?)?,
        })
    }

    /// Whether a payload that was in a cell says what was loaded since, at `now`. A use moves a session on without its cell, so
    /// the cell may know an earlier one; and a cell whose session is over is about to run out.
    pub(super) fn agree(held: Option<&[u8]>, loaded: Option<&[u8]>, now: DateTime<Utc>) -> bool {
        let loaded = loaded.and_then(Self::decode);
        let Some(held) = held else { return loaded.is_none() };
        match (Self::decode(held), loaded) {
            (None, _) => false,
            (Some(held), None) => held.idle_expires_at <= now,
            (Some(held), Some(loaded)) => {
                let is_the_same = held.id == loaded.id && held.user_id == loaded.user_id;
                held == loaded || is_the_same && held.last_seen_at < loaded.last_seen_at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn session(last_seen_at: DateTime<Utc>) -> SessionCell {
        let idle_expires_at = last_seen_at + TimeDelta::hours(24);
        let (id, user_id) = (SessionId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        SessionCell { id, user_id, last_seen_at, idle_expires_at }
    }

    fn agree(held: Option<SessionCell>, loaded: Option<SessionCell>, now: DateTime<Utc>) -> bool {
        let [held, loaded] = [held, loaded].map(|cell| cell.map(|cell| cell.encode()));
        SessionCell::agree(held.as_deref(), loaded.as_deref(), now)
    }

    #[test]
    fn a_cell_may_know_an_earlier_use_and_nothing_else_may_differ() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let (earlier, later) = (session(now - TimeDelta::minutes(1)), session(now));
        let somebody_else = SessionCell { user_id: UserId::from_bytes([3; 16]), ..earlier };
        let prolonged = SessionCell { idle_expires_at: now + TimeDelta::days(30), ..later };

        assert!(agree(Some(later), Some(later), now));
        assert!(agree(Some(earlier), Some(later), now));
        assert!(!agree(Some(later), Some(earlier), now));
        assert!(!agree(Some(somebody_else), Some(later), now));
        assert!(!agree(Some(prolonged), Some(later), now));
    }

    #[test]
    fn a_cell_without_its_row_agrees_only_once_the_session_is_over() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        let over = session(now - TimeDelta::hours(24));

        assert!(agree(None, None, now));
        assert!(agree(Some(over), None, now));
        assert!(!agree(Some(session(now)), None, now), "it was signed out");
        assert!(!agree(None, Some(session(now)), now), "a user who is not signed out is said to be");
        assert!(!SessionCell::agree(Some(b"garbage"), None, now));
    }
}
