//! What `make run` shows, and what people sign in with.

use aside::{
    auth::{Caller, PasswordHasher},
    cli::seed::LOCAL_PASSWORD,
};
use sqlx::Executor;

use super::{config, loaded, migrated, number, row_count, run};

/// In every sample, so that instructions may name them.
const DEMO: &str = "018cccde-90db-76e9-acf6-3afcc21a470a";
const NEWEST: &str = "019b76a4-e7b5-752f-a7d9-58078344566c";

#[tokio::test]
async fn the_demo_account_signs_in_and_has_a_full_home_page() {
    let (database, pool) = migrated().await;

    let report = loaded(&database, "--sample").await;

    let stored: String =
        sqlx::query_scalar("SELECT password_hash FROM users WHERE username = 'demo'").fetch_one(&pool).await.unwrap();
    let hasher = PasswordHasher::new(&config(database.url.as_str()).session).unwrap();
    assert!(hasher.verify(report.password().into(), Some(&stored), Caller::Stranger).await.unwrap());
    let home = "SELECT count(*) FROM posts WHERE author_id IN (SELECT followee_id FROM follows JOIN users
        ON users.id = follower_id WHERE username = 'demo')";
    let own = "SELECT count(*) FROM posts JOIN users ON users.id = author_id WHERE username = 'demo'";
    assert!(number(&pool, home).await > 500);
    assert!(number(&pool, own).await > 0);
    assert!(report.to_string().ends_with(&format!("\ndemo account: demo {LOCAL_PASSWORD}")), "{report}");
}

#[tokio::test]
async fn the_ids_of_the_sample_are_those_of_every_other() {
    let (database, pool) = migrated().await;

    loaded(&database, "--sample").await;

    let demo: String =
        sqlx::query_scalar("SELECT id::text FROM users WHERE username = 'demo'").fetch_one(&pool).await.unwrap();
    let newest: String =
        sqlx::query_scalar("SELECT id::text FROM posts ORDER BY id DESC LIMIT 1").fetch_one(&pool).await.unwrap();
    assert_eq!((demo.as_str(), newest.as_str()), (DEMO, NEWEST));
}

#[tokio::test]
async fn a_sample_is_not_needed_where_there_are_users() {
    let (database, pool) = migrated().await;
    loaded(&database, "--sample").await;
    let before = row_count(&pool).await;

    let again = run(&database, "--sample").await.unwrap().to_string();
    pool.execute("UPDATE users SET password_hash = 'changed' WHERE username = 'demo'").await.unwrap();
    let without_demo = run(&database, "--sample").await.unwrap().to_string();

    let expected = "there are users already, nothing was loaded";
    assert_eq!(again, format!("{expected}; demo account: demo {LOCAL_PASSWORD}"));
    assert_eq!(without_demo, expected);
    assert_eq!(row_count(&pool).await, before);
}
