//! What the rows promise.

use std::{collections::HashSet, fs, os::unix::fs::PermissionsExt};

use aside::{
    auth::TokenHash,
    domain::{Bio, DisplayName, PostBody, Username},
};
use tempfile::tempdir;

use super::{UNTIL, arguments, loaded, migrated, number, schema};
use crate::test_database::TestDatabase;

/// Each counts what must not be there.
const NEVER: &[&str] = &[
    "SELECT count(*) FROM users WHERE created_at <> updated_at OR version <> 1",
    "SELECT count(*) FROM posts WHERE created_at <> updated_at OR version <> 1",
    "SELECT count(*) FROM users WHERE created_at > '2026-06-01T12:00Z' OR created_at < '2024-06-01T12:00Z'",
    "SELECT count(*) FROM posts WHERE created_at > '2026-06-01T12:00Z'",
    "SELECT count(*) FROM follows WHERE created_at > '2026-06-01T12:00Z'",
    "SELECT count(*) FROM sessions WHERE created_at > now() OR idle_expires_at < now() OR last_seen_at > now()",
    // Before both were there.
    "SELECT count(*) FROM posts JOIN users ON users.id = author_id WHERE posts.created_at < users.created_at",
    "SELECT count(*) FROM follows JOIN users ON users.id IN (follower_id, followee_id)
     WHERE follows.created_at < users.created_at",
    // An id that is no UUIDv7 of the row's millisecond.
    "WITH ids AS (SELECT id, created_at FROM users UNION ALL SELECT id, created_at FROM posts)
     SELECT count(*) FROM ids WHERE substr(id::text, 15, 1) <> '7' OR substr(id::text, 20, 1) NOT IN ('8', '9', 'a', 'b')
        OR replace(left(id::text, 13), '-', '') <> lpad(to_hex(floor(extract(epoch FROM created_at) * 1000)::bigint), 12, '0')",
    // Newest first by id is not newest first by time.
    "SELECT count(*) FROM (SELECT created_at < lag(created_at) OVER (ORDER BY id) AS wrong FROM posts) AS p WHERE wrong",
    "SELECT count(*) FROM (SELECT created_at < lag(created_at) OVER (ORDER BY id) AS wrong FROM users) AS u WHERE wrong",
    "SELECT count(*) FROM (SELECT count(*) AS many FROM follows GROUP BY follower_id) AS f WHERE many > 2000",
    "SELECT count(*) FROM (SELECT user_id FROM sessions GROUP BY user_id HAVING count(*) > 1) AS s",
    "SELECT count(*) - 1 FROM (SELECT DISTINCT password_hash FROM users) AS hashes",
];

#[tokio::test]
async fn seeded_rows_keep_every_promise() {
    let (database, pool) = migrated().await;

    let report =
        loaded(&database, &format!("--users 3000 --posts 9000 --follows-per-user 15 --sessions 700 --until {UNTIL}"))
            .await;

    for query in NEVER {
        assert_eq!(number(&pool, query).await, 0, "{query}");
    }
    assert_eq!(number(&pool, "SELECT count(*) FROM users").await, 3_000);
    assert_eq!(number(&pool, "SELECT count(*) FROM posts").await, 9_000);
    assert_eq!(number(&pool, "SELECT count(*) FROM follows").await, 45_000);
    assert_eq!(number(&pool, "SELECT count(*) FROM sessions").await, 700);
    assert_eq!(report.rows(), 57_700);
    // The newest are recent.
    assert!(number(&pool, "SELECT count(*) FROM posts WHERE created_at > '2026-05-25T00:00Z'").await > 0);
    // Pages that are all visible are what an index-only scan needs.
    let hidden = "SELECT sum(relpages - relallvisible) FROM pg_class WHERE relname IN ('users', 'posts', 'follows')";
    assert_eq!(number(&pool, hidden).await, 0);
}

#[tokio::test]
async fn names_and_texts_keep_the_rules_of_the_service() {
    let (database, pool) = migrated().await;
    loaded(&database, &format!("--users 2000 --posts 2000 --until {UNTIL}")).await;

    let users: Vec<(String, String, Option<String>)> =
        sqlx::query_as("SELECT username, display_name, bio FROM users").fetch_all(&pool).await.unwrap();
    let posts: Vec<String> = sqlx::query_scalar("SELECT body FROM posts").fetch_all(&pool).await.unwrap();

    for (username, display_name, bio) in users {
        Username::parse(username).unwrap();
        assert_eq!(DisplayName::parse(&display_name).unwrap().as_str(), display_name);
        bio.map(Bio::parse).transpose().unwrap();
    }
    for post in posts {
        PostBody::parse(post).unwrap();
    }
}

#[tokio::test]
async fn few_have_most_of_the_posts_and_followers() {
    let (database, pool) = migrated().await;

    loaded(&database, &format!("--users 5000 --posts 25000 --follows-per-user 20 --until {UNTIL}")).await;

    // Of a hundred things, how many belong to the tenth of the users who has most?
    let followers = "SELECT (100 * sum(many) / 100000)::bigint FROM (
        SELECT count(*) AS many FROM follows GROUP BY followee_id ORDER BY many DESC LIMIT 500) AS popular";
    let posts = "SELECT (100 * sum(many) / 25000)::bigint FROM (
        SELECT count(*) AS many FROM posts GROUP BY author_id ORDER BY many DESC LIMIT 500) AS busy";
    let followed = "SELECT max(many) FROM (SELECT count(*) AS many FROM follows GROUP BY follower_id) AS curious";
    assert!((40..80).contains(&number(&pool, followers).await));
    assert!((35..80).contains(&number(&pool, posts).await));
    assert!((100..=2_000).contains(&number(&pool, followed).await));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_rows_and_another_others() {
    let rows = "SELECT hashtextextended(string_agg(line, '' ORDER BY line), 0) FROM (
        SELECT (id, username, display_name, bio, version, created_at, updated_at)::text AS line FROM users
        UNION ALL SELECT posts::text FROM posts
        UNION ALL SELECT follows::text FROM follows
        UNION ALL SELECT user_id::text FROM sessions) AS lines";
    let mut hashes = Vec::new();

    for seed in [7, 7, 8] {
        let (database, pool) = migrated().await;
        loaded(&database, &format!("--users 500 --sessions 50 --seed {seed} --until {UNTIL}")).await;
        hashes.push(number(&pool, rows).await);
    }

    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

#[tokio::test]
async fn each_token_opens_a_session_of_another_user_and_is_for_its_owners_eyes() {
    let (database, pool) = migrated().await;
    let folder = tempdir().unwrap();
    let mut arguments = arguments(&format!("--users 400 --sessions 300 --until {UNTIL}"));
    arguments.tokens = Some(folder.path().join("tokens"));

    let config = super::config(database.url.as_str());
    aside::cli::seed::run(&arguments, &config, aside::cli::seed::Progress::Hidden, std::future::pending())
        .await
        .unwrap();

    let path = arguments.tokens.unwrap();
    let tokens = fs::read_to_string(&path).unwrap();
    let hashes: HashSet<_> =
        tokens.lines().map(|token| TokenHash::of_token(token).unwrap().as_bytes().to_vec()).collect();
    let stored: Vec<Vec<u8>> = sqlx::query_scalar("SELECT token_hash FROM sessions").fetch_all(&pool).await.unwrap();
    assert_eq!(hashes, stored.into_iter().collect());
    assert_eq!((hashes.len(), tokens.lines().count()), (300, 300));
    assert_eq!(number(&pool, "SELECT count(DISTINCT user_id) FROM sessions").await, 300);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn afterwards_the_schema_is_that_of_the_migrations() {
    let (_untouched, fresh) = migrated().await;
    let (database, pool) = migrated().await;

    loaded(&database, "--users 100").await;

    assert_eq!(schema(&pool).await, schema(&fresh).await);
}

#[tokio::test]
async fn an_empty_database_is_migrated_first() {
    let database = TestDatabase::create().await;

    loaded(&database, "--users 1 --posts 3").await;

    assert_eq!(number(&database.pool().await, "SELECT count(*) FROM posts").await, 3);
}

#[tokio::test]
async fn everybody_follows_everybody_if_asked_to() {
    let (database, pool) = migrated().await;

    loaded(&database, "--users 60 --follows-per-user 59").await;

    assert_eq!(number(&pool, "SELECT count(*) FROM follows").await, 60 * 59);
}
