//! Which Postgres is used, and how: whatever it has for defaults, while its tables are altered, behind which
//! pooler, and not as a standby.

mod altered_tables;
mod defaults;
mod poolers;

use std::{future::Future, time::Duration};

use sqlx::{AssertSqlSafe, Executor, PgPool};

use crate::{api::Api, application::TestApplication};

/// How long what must happen may take on a busy machine; far above every time-out that the tests configure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits for what must happen.
async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("it happens soon")
}

/// Asks again and again until it is so.
async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    soon(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// What a replica says that it has to do without.
async fn missing(replica: &TestApplication) -> Vec<String> {
    let health = Api::new(replica.admin).get_json("/readyz").await;
    serde_json::from_value(health["missing"].clone()).expect("names")
}

/// Changes what connections of the test's database find from now on: `SET …` or `RESET …`.
async fn alter_database(outside: &PgPool, setting: &str) {
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(outside).await.expect("a name of a database");
    let statement = format!("ALTER DATABASE {name} {setting}");
    outside.execute(AssertSqlSafe(statement)).await.expect("the test owns its database");
}

/// Ends all connections that replicas have.
async fn kill_sessions(outside: &PgPool) {
    sqlx::query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'aside'")
        .execute(outside)
        .await
        .expect("the test's database answers");
}
