//! Loads that do not happen, and loads that end in the middle.

use std::future;

use aside::cli::seed::{self, Progress};
use sqlx::{Executor, PgPool};
use tempfile::tempdir;

use super::{UNTIL, arguments, config, loaded, migrated, number, row_count, run, schema};
use crate::test_database::TestDatabase;

/// Loads with a tokens file, which must fail, and leave the database and the folder as they were. Gives the message.
async fn failure(database: &TestDatabase, pool: &PgPool, interrupt: impl Future<Output = ()>) -> String {
    let (folder, before) = (tempdir().expect("a folder"), schema(pool).await);
    let mut arguments = arguments(&format!("--users 800 --until {UNTIL}"));
    arguments.tokens = Some(folder.path().join("tokens"));

    let failed = seed::run(&arguments, &config(database.url.as_str()), Progress::Hidden, interrupt).await;

    assert_eq!(row_count(pool).await, 0);
    assert_eq!(schema(pool).await, before);
    assert!(folder.path().read_dir().is_ok_and(|mut entries| entries.next().is_none()));
    format!("{:#}", failed.expect_err("the load fails"))
}

#[tokio::test]
async fn a_row_that_postgres_refuses_rolls_everything_back() {
    let (database, pool) = migrated().await;
    // The fourth table is the last, and every row of the other three is there by then.
    pool.execute("ALTER TABLE sessions ADD CONSTRAINT no_seeds CHECK (user_agent <> 'aside seed')").await.unwrap();

    let message = failure(&database, &pool, future::pending()).await;

    assert!(message.starts_with("cannot load sessions: "), "{message}");
    assert!(message.contains("no_seeds"), "{message}");
}

#[tokio::test]
async fn an_index_that_cannot_be_made_again_rolls_everything_back() {
    let (database, pool) = migrated().await;
    pool.execute("CREATE UNIQUE INDEX one_post_each ON posts (author_id)").await.unwrap();

    let message = failure(&database, &pool, future::pending()).await;

    assert!(message.starts_with("cannot restore one_post_each: "), "{message}");
}

#[tokio::test]
async fn an_interrupt_rolls_back_at_once_even_while_an_index_is_made() {
    let (database, pool) = migrated().await;
    // An index that takes an hour over its first row.
    pool.execute(
        "CREATE FUNCTION slowly(id uuid) RETURNS uuid LANGUAGE plpgsql IMMUTABLE
         AS $$ BEGIN PERFORM pg_sleep(3600); RETURN id; END $$;
         CREATE INDEX slow ON users (slowly(id))",
    )
    .await
    .unwrap();
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let interrupt = async { while number(&pool, sleeping).await == 0 {} };

    let message = failure(&database, &pool, interrupt).await;

    assert_eq!(message, "interrupted; nothing was loaded");
}

#[tokio::test]
async fn a_database_with_rows_is_refused_and_left_alone() {
    let (database, pool) = migrated().await;
    loaded(&database, "--users 20").await;
    let before = row_count(&pool).await;

    let refusal = run(&database, "--users 10").await.unwrap_err().to_string();

    assert!(refusal.starts_with("there are rows in users, and only an empty database is loaded: "), "{refusal}");
    assert!(refusal.contains("TRUNCATE users, posts, follows, sessions"), "{refusal}");
    assert_eq!(row_count(&pool).await, before);
}

#[tokio::test]
async fn tables_in_use_are_waited_for() {
    let (database, pool) = migrated().await;
    let mut user = pool.begin().await.unwrap();
    user.execute("SELECT count(*) FROM posts").await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())";

    let (loaded, ()) = tokio::join!(run(&database, "--users 10"), async {
        while number(&pool, waiting).await == 0 {}
        user.commit().await.unwrap();
    });

    loaded.unwrap();
    assert_eq!(number(&pool, "SELECT count(*) FROM users").await, 10);
}

#[tokio::test]
async fn another_machine_is_refused_before_it_is_reached() {
    let elsewhere = config("postgres://aside@db.example.invalid/aside");

    let refused = seed::run(&arguments("--users 10"), &elsewhere, Progress::Hidden, future::pending()).await;
    let tried = seed::run(&arguments("--users 10 --yes"), &elsewhere, Progress::Hidden, future::pending()).await;

    let refusal = refused.unwrap_err().to_string();
    assert!(refusal.starts_with("DATABASE_URL names db.example.invalid:5432, which is not this machine"), "{refusal}");
    assert!(refusal.contains("--yes"), "{refusal}");
    assert_eq!(tried.unwrap_err().to_string(), "cannot migrate the database");
}

#[tokio::test]
async fn triggers_sleep_during_a_load_and_wake_up_as_they_were() {
    let (database, pool) = migrated().await;
    pool.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger fired'; END $$;
         CREATE TRIGGER often AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION refuse();
         CREATE TRIGGER always AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION refuse();
         ALTER TABLE users ENABLE ALWAYS TRIGGER always;
         CREATE TRIGGER never AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION refuse();
         ALTER TABLE users DISABLE TRIGGER never",
    )
    .await
    .unwrap();
    let before = schema(&pool).await;

    loaded(&database, "--users 10").await;

    assert_eq!(schema(&pool).await, before);
}
