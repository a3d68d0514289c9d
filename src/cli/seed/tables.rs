//! The four tables: their columns, in the order of the migrations, and the making of their rows.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    plan::Plan,
    rows::RowWriter,
    society::{Degrees, Followees, Purpose, Random, Shuffle, Society, Time},
    token_file::TokenWriter,
    words::{Grammar, Names},
};
use crate::{
    auth::SessionToken,
    config::SessionConfig,
    domain::{SessionId, UserId},
};

/// A table to load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

pub(super) const USERS: Table = Table {
    name: "users",
    columns: &["id", "username", "display_name", "bio", "password_hash", "version", "created_at", "updated_at"],
};
pub(super) const POSTS: Table =
    Table { name: "posts", columns: &["id", "author_id", "body", "version", "created_at", "updated_at"] };
pub(super) const FOLLOWS: Table = Table { name: "follows", columns: &["follower_id", "followee_id", "created_at"] };
pub(super) const SESSIONS: Table = Table {
    name: "sessions",
    columns: &[
        "id",
        "user_id",
        "token_hash",
        "created_at",
        "last_seen_at",
        "idle_expires_at",
        "expires_at",
        "address",
        "user_agent",
    ],
};

/// All of them, the referenced one first.
pub(super) const NAMES: [&str; 4] = [USERS.name, POSTS.name, FOLLOWS.name, SESSIONS.name];

/// The version of a row that was never changed.
const FIRST_VERSION: i64 = 1;

/// Writes the users, all with the same password.
pub(super) fn write_users(
    plan: &Plan,
    society: &Society,
    password_hash: &str,
    mut rows: RowWriter,
) -> anyhow::Result<()> {
    let (grammar, names) = (Grammar::new(), Names::new(plan.seed));
    let (mut username, mut display_name, mut bio) = (String::new(), String::new(), String::new());
    for user in 0..plan.users {
        let mut random = Random::new(plan.seed, Purpose::Profile, user);
        let member = society.member(user);
        names.write(user, &mut random, &mut username, &mut display_name);
        grammar.write_bio(&mut random, &mut bio);
        let has_bio = random.below(4) > 0;
        rows.row(|row| {
            row.uuid(member.id);
            row.text(&username);
            row.text(&display_name);
            row.optional_text(has_bio.then_some(bio.as_str()));
            row.text(password_hash);
            row.bigint(FIRST_VERSION);
            row.timestamptz(member.registered);
            row.timestamptz(member.registered);
        })?;
    }
    rows.finish()
}

/// Writes the posts, in the order of their time.
pub(super) fn write_posts(plan: &Plan, society: &Society, mut rows: RowWriter) -> anyhow::Result<()> {
    let grammar = Grammar::new();
    let mut body = String::new();
    for post in 0..plan.posts {
        let mut random = Random::new(plan.seed, Purpose::Post, post);
        let written = society.authorship(post, &mut random);
        grammar.write_post(&mut random, &mut body);
        rows.row(|row| {
            row.uuid(written.id);
            row.uuid(written.author);
            row.text(&body);
            row.bigint(FIRST_VERSION);
            row.timestamptz(written.at);
            row.timestamptz(written.at);
        })?;
    }
    rows.finish()
}

/// Writes the follows, in the order of the primary key.
pub(super) fn write_follows(plan: &Plan, society: &Society, mut rows: RowWriter) -> anyhow::Result<()> {
    let mut degrees = Degrees::new(plan.users, plan.follows(), plan.most_follows());
    let mut followees = Followees::default();
    for user in 0..plan.users {
        let mut random = Random::new(plan.seed, Purpose::Follows, user);
        let member = society.member(user);
        let many = degrees.next(society.curiosity(user));
        society.choose_followees(user, many, &mut random, &mut followees);
        for other in followees.as_slice() {
            let other = society.member(*other);
            let since = society.following_since(member, other, &mut random);
            rows.row(|row| {
                row.uuid(member.id);
                row.uuid(other.id);
                row.timestamptz(since);
            })?;
        }
    }
    rows.finish()
}

/// Writes a session that began just now for each of some distinct users at random, and its token into `tokens`.
///
/// Which users is as the seed says; the tokens are secrets from the operating system like any other.
pub(super) fn write_sessions(
    plan: &Plan,
    society: &Society,
    lives: &SessionConfig,
    mut tokens: Option<TokenWriter>,
    mut rows: RowWriter,
) -> anyhow::Result<()> {
    let chosen = Shuffle::new(plan.seed, Purpose::Sessions, plan.users);
    for session in 0..plan.sessions {
        let user = UserId(society.member(chosen.place(session)).id);
        let token = SessionToken::generate();
        let id = SessionId::new();
        let began = Utc::now();
        if let Some(tokens) = &mut tokens {
            tokens.add(&token)?;
        }
        rows.row(|row| {
            row.uuid(id.0);
            row.uuid(user.0);
            row.bytea(token.hash().as_bytes());
            row.timestamptz(time(began));
            row.timestamptz(time(began));
            row.timestamptz(time(began + life(lives.idle.min(lives.absolute))));
            row.timestamptz(time(began + life(lives.absolute)));
            row.text("127.0.0.1");
            row.text("aside seed");
        })?;
    }
    tokens.map_or(Ok(()), TokenWriter::finish)?;
    rows.finish()
}

fn time(time: DateTime<Utc>) -> Time {
    Time(time.timestamp_micros())
}

fn life(life: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(life).unwrap_or(TimeDelta::MAX)
}
