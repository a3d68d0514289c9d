//! The numbers of rows of a load.

use anyhow::{Result, ensure};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Of a user, by the rules of the service.
const MAX_FOLLOWS: u32 = 2_000;
/// Ids count from 1970 on, and users register two years before the end.
const YEAR_2000: i64 = 946_684_800;
/// The end of the sample's made-up times, which are in its ids: 2026-01-01, before any compiler that builds this.
const SAMPLE_UNTIL: i64 = 1_767_225_600;
const DEFAULT_POSTS_PER_USER: u64 = 5;
const DEFAULT_FOLLOWS_PER_USER: u32 = 20;

/// The numbers of rows, and the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) users: u64,
    pub(super) posts: u64,
    pub(super) follows_per_user: u32,
    pub(super) sessions: u64,
    pub(super) seed: u64,
    /// The latest time of a row.
    pub(super) until: DateTime<Utc>,
}

/// The requested numbers; `None` follows from the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) users: u64,
    pub(super) posts: Option<u64>,
    pub(super) follows_per_user: Option<u32>,
    pub(super) sessions: Option<u64>,
    pub(super) seed: u64,
    pub(super) until: Option<DateTime<Utc>>,
}

impl Plan {
    /// Completes and checks a request.
    pub(super) fn new(request: &Request, now: DateTime<Utc>) -> Result<Self> {
        let Request { users, posts, follows_per_user, sessions, seed, until } = *request;
        ensure!(users > 0, "--users must be at least 1");
        let most = most_follows(users);
        // The full hour: the same command gives the same rows within it.
        let until = until.or_else(|| now.duration_trunc(TimeDelta::hours(1)).ok()).unwrap_or(now);
        let plan = Self {
            users,
            posts: posts.unwrap_or(users * DEFAULT_POSTS_PER_USER),
            follows_per_user: follows_per_user.unwrap_or(DEFAULT_FOLLOWS_PER_USER.min(most)),
            sessions: sessions.unwrap_or(users),
            seed,
            until,
        };
        ensure!(
            plan.follows_per_user <= most,
            "--follows-per-user is {} on average, but nobody can follow more than {most} of {users} users; give {most} or less",
            plan.follows_per_user,
        );
        ensure!(
            plan.sessions <= users,
            "--sessions is {}, but each belongs to another user; give --users {0} or more, or fewer sessions",
            plan.sessions,
        );
        ensure!(
            plan.until.timestamp() >= YEAR_2000 && plan.until <= now,
            "--until must be a time in the past, after 1999"
        );
        Ok(plan)
    }

    /// The sample of `make run`: small, and the same at any time.
    pub(super) fn sample(seed: u64, until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<Self> {
        let (users, posts, follows_per_user, sessions) = (300, Some(4_000), Some(24), Some(0));
        let until = until.or_else(|| DateTime::from_timestamp_secs(SAMPLE_UNTIL));
        Self::new(&Request { users, posts, follows_per_user, sessions, seed, until }, now)
    }

    /// All follows.
    pub(super) fn follows(&self) -> u64 {
        self.users * u64::from(self.follows_per_user)
    }

    /// The most that one user can follow.
    pub(super) fn most_follows(&self) -> u32 {
        most_follows(self.users)
    }
}

/// All others, up to the limit of the service.
fn most_follows(users: u64) -> u32 {
    u32::try_from(users - 1).map_or(MAX_FOLLOWS, |others| others.min(MAX_FOLLOWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-23T17:45:10Z".parse().unwrap()
    }

    fn request(users: u64) -> Request {
        Request { users, posts: None, follows_per_user: None, sessions: None, seed: 1, until: None }
    }

    fn refusal(request: &Request) -> String {
        Plan::new(request, now()).unwrap_err().to_string()
    }

    #[test]
    fn a_million_users_have_five_million_posts_twenty_million_follows_and_a_million_sessions() {
        let plan = Plan::new(&request(1_000_000), now()).unwrap();

        assert_eq!((plan.posts, plan.follows(), plan.sessions), (5_000_000, 20_000_000, 1_000_000));
        assert_eq!(plan.until, "2026-11-23T17:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn the_sample_is_the_same_at_any_hour() {
        let sample = |hours| Plan::sample(1, None, now() + TimeDelta::hours(hours)).unwrap();

        assert_eq!(sample(0), sample(1));
        assert_eq!(sample(0), sample(24 * 365));
    }

    #[test]
    fn the_few_follow_all_others_unless_asked_for_less() {
        assert_eq!(Plan::new(&request(5), now()).unwrap().follows_per_user, 4);
        assert_eq!(Plan::new(&request(1), now()).unwrap().follows(), 0);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused_with_what_to_do() {
        let follows = Request { follows_per_user: Some(5), ..request(5) };
        let sessions = Request { sessions: Some(6), ..request(5) };
        let future = Request { until: Some(now() + TimeDelta::seconds(1)), ..request(5) };

        assert!(refusal(&follows).contains("give 4 or less"), "{}", refusal(&follows));
        assert!(refusal(&sessions).contains("--users 6 or more"), "{}", refusal(&sessions));
        assert!(refusal(&future).contains("in the past"), "{}", refusal(&future));
        assert!(refusal(&request(0)).contains("at least 1"));
        assert!(Plan::new(&Request { follows_per_user: Some(2_001), ..request(9_999) }, now()).is_err());
    }
}
