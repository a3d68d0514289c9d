//! Servers that end or refuse each connection: they are asked seldom, and found soon when they are back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aside::postgres;
use futures::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};

use super::{redis_away::with_own_redis, until};
use crate::{application::Backend, own_redis::OwnRedis};

/// How long a server goes on like that. Two dozen connections would be made in each second without a pause.
const SPELL: Duration = Duration::from_secs(6);

async fn connections_received(redis: &OwnRedis) -> u64 {
    let stats: String = redis::from_redis_value(redis.command(&["INFO", "stats"]).await).expect("a text");
    let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
    line.and_then(|number| number.trim().parse().ok()).expect("a number")
}

#[tokio::test]
async fn a_redis_that_ends_each_connection_is_not_flooded_with_new_ones() {
    let redis = OwnRedis::start().await;
    let (_backend, here) = with_own_redis(&redis).await;
    until(async || here.metric("redis_up", &[]).await > 0.0).await;
    let mut control = redis.control().await;
    let before = connections_received(&redis).await;

    let ends_at = Instant::now() + SPELL;
    while Instant::now() < ends_at {
        for kind in ["normal", "pubsub"] {
            control.run(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]).await;
        }
        sleep(Duration::from_millis(10)).await;
    }

    // The waits of four connections; one more each second asks where the address leads.
    let made = connections_received(&redis).await - before;
    assert!(made < 60, "{made}");
    until(async || here.metric("redis_up", &[]).await > 0.0).await;
}

/// A Postgres without room: it answers each connection with 53300. Counts them.
async fn full_postgres() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("postgres://nobody@{}/nothing", listener.local_addr().expect("it listens"));
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(refuse(client));
        }
    });
    (url, connections)
}

async fn refuse(mut client: TcpStream) -> std::io::Result<()> {
    let mut start = [0; 8];
    client.read_exact(&mut start).await?;
    if start[4..] == 80_877_103_u32.to_be_bytes() {
        // No TLS here; then comes the start message.
        client.write_all(b"N").await?;
        client.read_exact(&mut start).await?;
    }
    let fields = b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0";
    let length = u32::try_from(fields.len() + 4).expect("it is short");
    client.write_all(&[b"E", &length.to_be_bytes()[..], fields].concat()).await
}

#[tokio::test]
async fn a_postgres_without_room_is_not_flooded_with_connections() {
    let (url, connections) = full_postgres().await;
    let backend = Backend::create().await;
    let config = backend.config(&[("DATABASE_URL", &url), ("DATABASE_ACQUIRE_TIMEOUT", "3s")]).database;
    let database = postgres::database(config);
    let watching = tokio::spawn(database.clone().watch());

    let asking = join_all((0..32).map(|_| async {
        loop {
            let _no_room = database.pool().acquire().await;
        }
    }));
    let _for_a_while = timeout(SPELL, asking).await;
    watching.abort();

    let made = connections.load(Ordering::SeqCst);
    assert!(made < 60, "{made}");
}
