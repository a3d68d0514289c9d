//! A self-test of what may be between here and Postgres: what a pooler does with prepared statements, and with sessions.
//!
//! A pooler in transaction mode lends a server connection for one transaction. sqlx prepares a statement and runs it in two
//! batches, and names the first statement of each connection `sqlx_s_1`. A pooler that knows nothing of prepared statements
//! passes the name on: one client then runs what another one has prepared, without an error. A lookup may run a DELETE.

use sqlx::{Connection, Error, Executor, PgConnection};

use super::{
    connector::Connector,
    error::{Refusal, is_of_another_statement},
};

/// How often both connections run their statements again: other clients of a pooler may be in the way of one round.
const ROUNDS: usize = 4;

/// What a session lasts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The connection, as without a pooler.
    Session,
    /// A transaction: what is set for a session is another client's afterwards.
    Transaction,
}

/// Tests by two connections, and gives one of them. Each prepares its first statement, and runs it again later, in
/// transactions of their own. One after the other: a client that kept a server connection and waited for a second could wait
/// for other clients that do the same.
///
/// Where the pooler lends first what came back last, both come upon the same server connection. Where it lends in turn, the
/// second one is a server connection further when it comes again.
///
/// # Errors
///
/// [`Refusal::MixesStatements`] within an [`Error::Io`].
pub(crate) async fn self_test(connector: &Connector) -> Result<(PgConnection, Pooling), Error> {
    let mut first = Client::connect(connector, "first", "SELECT 'first', pg_backend_pid()").await?;
    let mut second = Client::connect(connector, "second", "SELECT 'second', pg_backend_pid()").await?;
    let (of_first, of_second) = (first.run().await?, second.run().await?);
    let mut is_kept = of_first != of_second;
    for _ in 0..ROUNDS {
        let again = (second.run().await?, first.run().await?);
        is_kept &= again == (of_second, of_first);
    }
    let _best_effort = second.connection.close().await;
    Ok((first.connection, if is_kept { Pooling::Session } else { Pooling::Transaction }))
}

#[derive(Debug)]
struct Client {
    connection: PgConnection,
    name: &'static str,
    /// Gives the name, and the server's session.
    statement: &'static str,
}

impl Client {
    async fn connect(connector: &Connector, name: &'static str, statement: &'static str) -> Result<Self, Error> {
        Ok(Self { connection: connector.connect_as_it_is().await?, name, statement })
    }

    /// Runs its statement; gives the server's session.
    async fn run(&mut self) -> Result<i32, Error> {
        // What another client has prepared can do no harm then.
        self.connection.execute("BEGIN READ ONLY").await?;
        let answer = sqlx::query_as::<_, (String, i32)>(self.statement).fetch_one(&mut self.connection).await;
        let session = match answer {
            Ok((name, session)) if name == self.name => session,
            Err(error) if !is_of_another_statement(&error) => return Err(error),
            _of_another => return Err(Refusal::MixesStatements.into()),
        };
        self.connection.execute("END").await?;
        Ok(session)
    }
}
