//! Holds transactions of the application from outside: a trigger in the test's own database waits for a lock that the test
//! has.

use sqlx::{Connection, Executor, PgConnection, PgPool};

use super::eventually;
use crate::test_database::TestDatabase;

/// Transactions of writers wait at it until it is opened or dropped.
pub(super) struct PausePoint {
    /// Holds the advisory lock.
    keeper: PgConnection,
    pool: PgPool,
}

impl PausePoint {
    /// Whoever changed a row of `table` waits within COMMIT, before anything is committed.
    pub(super) async fn at_commit(database: &TestDatabase, table: &str) -> Self {
        let trigger = format!(
            "CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT OR UPDATE OR DELETE ON {table}
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_gate('1')"
        );
        Self::close(database, 1, trigger).await
    }

    /// Whoever changed a row of `table` waits within that statement, its row lock held.
    pub(super) async fn after_change(database: &TestDatabase, table: &str) -> Self {
        let trigger = format!(
            "CREATE TRIGGER wait_after_change AFTER INSERT OR UPDATE OR DELETE ON {table}
             FOR EACH ROW EXECUTE FUNCTION wait_at_gate('2')"
        );
        Self::close(database, 2, trigger).await
    }

    async fn close(database: &TestDatabase, lock: i64, trigger: String) -> Self {
        let (pool, keeper) = (database.pool().await, PgConnection::connect(database.url.as_str()).await);
        let mut keeper = keeper.expect("the test's database answers");
        sqlx::query("SELECT pg_advisory_lock($1)").bind(lock).execute(&mut keeper).await.expect("the lock is free");
        let wait = "CREATE OR REPLACE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::bigint); RETURN NULL; END $$";
        pool.execute(wait).await.expect("functions can be made");
        pool.execute(sqlx::AssertSqlSafe(trigger)).await.expect("triggers can be made");
        Self { keeper, pool }
    }

    /// Waits until a transaction waits at some pause point of this database.
    pub(super) async fn reached(&self) {
        let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
                       WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted";
        eventually("a transaction waits at the pause point", async || {
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&self.pool).await.expect("locks can be listed");
            waiting > 0
        })
        .await;
    }

    /// Lets all transactions pass from now on.
    pub(super) async fn open(self) {
        self.keeper.close().await.expect("the session ends");
    }
}
