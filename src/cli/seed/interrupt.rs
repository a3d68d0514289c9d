//! The ways out of a load: a signal to stop, and what is left of it at the server.

use anyhow::Result;
use aside_postgres::Connector;
use sqlx::Connection;
use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is asked to end: Ctrl-C, or a polite kill. Never, if signals cannot be listened for.
pub(super) async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Ends the server's side of a closed connection and waits for its rollback, up to ten seconds.
///
/// Postgres notices a closed connection only when it reads or writes again; while it builds an index it goes on, with every
/// table locked, for minutes.
pub(super) async fn end_backend(connector: &Connector, backend: i32) -> Result<()> {
    let mut connection = connector.connect().await?;
    sqlx::query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid = $1")
        .bind(backend)
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}
