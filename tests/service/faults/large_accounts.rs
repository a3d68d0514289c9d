//! An account with many rows: gone at once when its user is deleted, and its rows in batches, whoever dies meanwhile.

use nix::sys::signal::Signal;
use reqwest::StatusCode;
use serde_json::json;
use sqlx::{Executor, PgPool};

use super::{soon, until};
use crate::{api::SignedIn, application::Backend, replica::Replica};

const POSTS: i64 = 30_000;

/// Rows that are left of deleted accounts, and the accounts.
async fn rows_left(outside: &PgPool) -> (i64, i64) {
    let rows = "SELECT (SELECT count(*) FROM posts) + (SELECT count(*) FROM follows),
                       (SELECT count(*) FROM account_deletions)";
    sqlx::query_as(rows).fetch_one(outside).await.expect("counts")
}

async fn assert_gone(ada: &SignedIn, bob: &SignedIn, replica: &Replica) {
    let (ada, bob) = (ada.at(replica.public), bob.at(replica.public));
    assert_eq!(soon(ada.api.get("/users/me")).await.status(), StatusCode::UNAUTHORIZED);
    for path in ["", "/posts", "/followers", "/following"] {
        let answer = soon(replica.api().get(&format!("/users/{}{path}", ada.id))).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["/home", &format!("/users/{}/following", bob.id), &format!("/users/{}/followers", bob.id)] {
        let page = soon(bob.api.get_json(path)).await;
        assert_eq!((&page["items"], &page["next_cursor"]), (&json!([]), &json!(null)), "{path}");
    }
    assert_eq!(soon(replica.api().get_json("/home")).await["items"], json!([]));
}

#[tokio::test]
async fn a_large_account_is_gone_at_once_and_its_rows_in_batches_whoever_is_killed() {
    let backend = Backend::create().await;
    let (here, there) = (Replica::start(backend.variables(&[])).await, Replica::start(backend.variables(&[])).await);
    let outside = backend.database.pool().await;
    let (ada, bob) = (here.api().register("ada").await, there.api().register("bob").await);
    bob.follow(&ada).await;
    ada.follow(&bob).await;
    sqlx::query(
        "INSERT INTO posts (id, author_id, body, created_at, updated_at)
         SELECT gen_random_uuid(), users.id, 'again', now(), now() FROM users, generate_series(1, $1)
         WHERE username = 'ada'",
    )
    .bind(POSTS)
    .execute(&outside)
    .await
    .expect("posts");
    // A row that no deletion can pass, however fast the machine is.
    let mut holder = outside.begin().await.expect("a transaction");
    holder.execute("SELECT FROM posts ORDER BY id LIMIT 1 FOR UPDATE").await.expect("a lock");

    let deleted = soon(here.api().with_token(&ada.token).delete(&format!("/users/{}", ada.id))).await;

    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_gone(&ada, &bob, &here).await;
    assert_gone(&ada, &bob, &there).await;
    let namesake = there.api().register("ada").await;
    assert_ne!(namesake.id, ada.id);

    until(async || rows_left(&outside).await.0 < POSTS).await;
    here.signal(Signal::SIGKILL);
    holder.commit().await.expect("the row is free");
    until(async || rows_left(&outside).await == (0, 0)).await;
    assert_gone(&ada, &bob, &there).await;
}

#[tokio::test]
async fn a_user_deleted_by_another_program_takes_posts_and_follows_along() {
    let backend = Backend::create().await;
    let here = backend.start().await;
    let outside = backend.database.pool().await;
    let (ada, bob) = (here.api().register("ada").await, here.api().register("bob").await);
    ada.post("hello").await;
    bob.follow(&ada).await;
    assert_eq!(bob.home().await, ["hello"]);

    outside.execute("DELETE FROM users WHERE username = 'ada'").await.expect("a deletion");

    until(async || rows_left(&outside).await == (0, 0)).await;
    until(async || bob.home().await.is_empty()).await;
}
