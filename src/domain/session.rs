//! Sessions, as their owner sees them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{SessionId, UserAgent};

/// A session of the current user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Session {
    /// The id for `DELETE /sessions/{id}`. It is not the token.
    pub id: SessionId,
    /// Time of the sign-in, UTC, in microseconds.
    pub created_at: DateTime<Utc>,
    /// Time of the last request; may lag by 60 s.
    pub last_seen_at: DateTime<Utc>,
    /// End of the session unless a request comes before.
    pub idle_expires_at: DateTime<Utc>,
    /// Latest end of the session.
    pub expires_at: DateTime<Utc>,
    /// The client's address at sign-in.
    #[schema(examples("192.0.2.7"))]
    pub address: String,
    /// The client's `User-Agent` at sign-in.
    #[schema(required = true)]
    pub user_agent: Option<UserAgent>,
    /// Whether this request belongs to this session.
    pub current: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_the_documented_json_form() {
        let at = DateTime::from_timestamp_micros(1_795_000_000_000_000).unwrap();
        let session = Session {
            id: SessionId::from_bytes([2; 16]),
            created_at: at,
            last_seen_at: at,
            idle_expires_at: at,
            expires_at: at,
            address: "192.0.2.7".into(),
            user_agent: UserAgent::from_header(b"curl/8"),
            current: true,
        };

        assert_eq!(
            serde_json::to_string(&session).unwrap(),
            "{\"id\":\"02020202-0202-0202-0202-020202020202\",\"created_at\":\"2026-11-18T11:06:40Z\",\
             \"last_seen_at\":\"2026-11-18T11:06:40Z\",\"idle_expires_at\":\"2026-11-18T11:06:40Z\",\
             \"expires_at\":\"2026-11-18T11:06:40Z\",\"address\":\"192.0.2.7\",\"user_agent\":\"curl/8\",\
             \"current\":true}"
        );
    }
}
