//! Interruption of a load, and the end of its transaction at the server.

use anyhow::Result;
use aside_postgres::Connector;
use sqlx::Connection;
use tokio::signal::unix::{SignalKind, signal};

/// Resolves at SIGINT or SIGTERM; never, if the process cannot listen for signals.
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
/// Postgres notices a closed connection only when it reads or writes. A running CREATE INDEX keeps all tables locked for minutes.
pub(super) async fn end_backend(connector: &Connector, backend: i32) -> Result<()> {
    let mut connection = connector.connect().await?;
    sqlx::query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE pid = $1")
        .bind(backend)
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}
