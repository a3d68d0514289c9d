//! Plans: that Postgres makes those of the look-ups behind every miss once, and not for each.

use aside::postgres::{self, follows, posts, sessions, users};

use crate::{application::Backend, seed};

/// Postgres plans a statement for its values five times before it asks itself whether a plan for any would do.
const OFTEN: usize = 8;

#[tokio::test]
async fn looking_up_a_single_row_is_not_planned_each_time() {
    let backend = Backend::create().await;
    // In a table of a few pages every plan is as good as every other.
    seed::loaded(&backend.database, "--users 5000 --sessions 5000").await;
    let database = postgres::database(backend.config(&[]).database);
    let mut connection = database.pool().acquire().await.expect("a connection");
    let user: uuid::Uuid =
        sqlx::query_scalar("SELECT max(id::text)::uuid FROM users").fetch_one(&mut *connection).await.expect("an id");

    for _ in 0..OFTEN {
        sessions::find_live_sessions(&mut *connection, &[vec![7; 32]]).await.expect("an answer");
        users::find_users(&mut *connection, &[user]).await.expect("an answer");
        posts::find_posts(&mut *connection, &[user]).await.expect("an answer");
        posts::list_timelines(&mut *connection, &[user], 32).await.expect("an answer");
        follows::list_followees(&mut *connection, &[user]).await.expect("an answer");
    }

    let plans = "SELECT statement, generic_plans FROM pg_prepared_statements WHERE custom_plans > 1";
    let plans: Vec<(String, i64)> = sqlx::query_as(plans).fetch_all(&mut *connection).await.expect("the plans");
    assert_eq!(plans.len(), 5, "{plans:?}");
    assert!(plans.iter().all(|(_, of_any_values)| *of_any_values > 0), "{plans:?}");
}
