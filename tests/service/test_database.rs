//! A database for each test, dropped with it.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, postgres::PgPoolOptions};
use url::Url;

/// An empty database that no other test sees.
pub(crate) struct TestDatabase {
    /// Its URL.
    pub(crate) url: Url,
    server: Url,
    name: String,
}

impl TestDatabase {
    /// Creates it on the server of `DATABASE_URL`.
    pub(crate) async fn create() -> Self {
        Self::create_with("").await
    }

    /// Creates it with these options of `CREATE DATABASE`.
    pub(crate) async fn create_with(options: &str) -> Self {
        let server: Url = std::env::var("DATABASE_URL")
            .expect("DATABASE_URL is not set: run the tests with `make test`, or name a PostgreSQL")
            .parse()
            .expect("DATABASE_URL is a URL");
        let name = format!("aside_test_{:016x}", rand::random::<u64>());
        execute(&server, format!("CREATE DATABASE {name} {options}")).await;
        let mut url = server.clone();
        url.set_path(&name);
        Self { url, server, name }
    }

    /// A connection pool of the test's own, past the application.
    pub(crate) async fn pool(&self) -> PgPool {
        let options = PgPoolOptions::new().max_connections(4);
        options.connect(self.url.as_str()).await.expect("the test's database answers")
    }
}

impl Drop for TestDatabase {
    /// On a thread of its own, since a test's runtime cannot wait for itself.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(execute(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        });
        let dropped = dropping.join();
        assert!(dropped.is_ok() || std::thread::panicking(), "the test's database was not dropped");
    }
}

async fn execute(server: &Url, statement: String) {
    let mut connection = PgConnection::connect(server.as_str()).await.expect("the PostgreSQL of DATABASE_URL answers");
    connection.execute(AssertSqlSafe(statement)).await.expect("databases can be created and dropped");
}

/// Whether no write has left anything for a relay to do.
pub(crate) async fn outbox_is_empty(pool: &PgPool) -> bool {
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM invalidation_outbox").fetch_one(pool).await.expect("a count");
    rows == 0
}
