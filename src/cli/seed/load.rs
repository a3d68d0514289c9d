//! The transaction of a load, from BEGIN to COMMIT, which the caller sends.

use anyhow::{Context, Result, bail};
use sqlx::PgConnection;

use super::{
    copy::copy,
    plan::Plan,
    progress::Progress,
    schema::SetAside,
    society::{Period, Society},
    statement::execute,
    tables::{self, FOLLOWS, POSTS, SESSIONS, USERS},
    token_file::TokenWriter,
};
use crate::config::SessionConfig;

/// For this transaction only: no time-outs (whichever this version of Postgres has), room for sorting, and a bound on the
/// wait for the tables. `synchronous_commit` stays: a single commit costs nothing, and a reported load is durable.
const SETTINGS: &str = "
    SELECT set_config(name, '0', true) FROM pg_settings
    WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
  UNION ALL
    SELECT set_config('lock_timeout', '10s', true)
  UNION ALL
    SELECT set_config(name, greatest(setting::bigint, 256 * 1024)::text, true) FROM pg_settings
    WHERE name = 'maintenance_work_mem'";

/// The first table with rows.
const POPULATED: &str = "
    SELECT 'users' WHERE EXISTS (SELECT FROM users)
  UNION ALL
    SELECT 'posts' WHERE EXISTS (SELECT FROM posts)
  UNION ALL
    SELECT 'follows' WHERE EXISTS (SELECT FROM follows)
  UNION ALL
    SELECT 'sessions' WHERE EXISTS (SELECT FROM sessions)
    LIMIT 1";

const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A table that holds rows, if there is one.
pub(super) async fn populated_table(connection: &mut PgConnection) -> Result<Option<String>> {
    sqlx::query_scalar(POPULATED).fetch_optional(connection).await.context("cannot look into the tables")
}

/// The error for a table with rows, and the remedy.
pub(super) fn refuse_data(table: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "there are rows in {table}, and only an empty database is loaded: name another in DATABASE_URL, or empty this one \
         (TRUNCATE {})",
        tables::NAMES.join(", ")
    )
}

/// The inputs of the rows.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) plan: Plan,
    /// Of all users.
    pub(super) password_hash: String,
    /// Of the sessions.
    pub(super) lives: SessionConfig,
    pub(super) tokens: Option<TokenWriter>,
    pub(super) progress: Progress,
}

impl Load {
    /// Begins a transaction and loads everything in it. The caller sends COMMIT.
    ///
    /// # Cancel safety
    ///
    /// As [`copy`]; nothing is stored without the COMMIT.
    pub(super) async fn run(self, connection: &mut PgConnection) -> Result<()> {
        begin_with_empty_tables(connection).await?;
        let progress = self.progress;
        let set_aside = SetAside::take(connection, &tables::NAMES).await?;
        self.copy_all(connection).await?;
        set_aside.restore(connection, progress).await?;
        analyze(connection).await
    }

    async fn copy_all(self, connection: &mut PgConnection) -> Result<()> {
        let Self { plan, password_hash, lives, tokens, progress } = self;
        let society = Society::new(plan.seed, plan.users, plan.posts, Period::until(plan.until));

        let people = society.clone();
        let users = move |rows| tables::write_users(&plan, &people, &password_hash, rows);
        copy(connection, USERS, progress.rows(USERS.name, plan.users), users).await?;

        let people = society.clone();
        let posts = move |rows| tables::write_posts(&plan, &people, rows);
        copy(connection, POSTS, progress.rows(POSTS.name, plan.posts), posts).await?;

        let people = society.clone();
        let follows = move |rows| tables::write_follows(&plan, &people, rows);
        copy(connection, FOLLOWS, progress.rows(FOLLOWS.name, plan.follows()), follows).await?;

        let sessions = move |rows| tables::write_sessions(&plan, &society, &lives, tokens, rows);
        copy(connection, SESSIONS, progress.rows(SESSIONS.name, plan.sessions), sessions).await
    }
}

/// Locks the tables, checks again that they are empty, and truncates them: FREEZE needs tables that the same transaction created
/// or truncated.
async fn begin_with_empty_tables(connection: &mut PgConnection) -> Result<()> {
    let tables = tables::NAMES.join(", ");
    execute(connection, "BEGIN").await.context("cannot begin a transaction")?;
    execute(connection, SETTINGS).await.context("cannot change the settings of the session")?;
    if let Err(error) = execute(connection, &format!("LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")).await {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.is_some_and(|code| code == LOCK_NOT_AVAILABLE) {
            bail!("the tables are in use; stop what uses them (a running `aside serve`?) and try again");
        }
        return Err(error).context("cannot lock the tables");
    }
    if let Some(table) = populated_table(connection).await? {
        return Err(refuse_data(&table));
    }
    execute(connection, &format!("TRUNCATE {tables}")).await.context("cannot empty the tables")
}

/// Statistics for the first query after the commit.
async fn analyze(connection: &mut PgConnection) -> Result<()> {
    execute(connection, &format!("ANALYZE {}", tables::NAMES.join(", "))).await.context("cannot analyze the tables")
}

/// After the commit: sets the visibility map for index-only scans. Autovacuum would do it later.
pub(super) async fn vacuum(connection: &mut PgConnection) -> Result<()> {
    let vacuum = format!("VACUUM (FREEZE, ANALYZE) {}", tables::NAMES.join(", "));
    execute(connection, &vacuum).await.context("cannot vacuum the tables")
}
