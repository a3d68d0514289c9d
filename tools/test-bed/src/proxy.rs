//! A proxy on the way between a server of ours and one behind it, to make that way slow or lose it.

use std::{io, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, watch},
    task::JoinHandle,
    time,
};
use url::Url;

/// How the way to the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As if there were no proxy.
    Open,
    /// Whatever passes is late by so much, in each direction.
    Slow(Duration),
    /// Replies are late by so much.
    RepliesSlow(Duration),
    /// Requests reach the server; its replies wait until the way is another one.
    RepliesHeld,
    /// Connections are taken and kept, and nothing passes until the way is another one.
    Frozen,
    /// Every connection is closed, and so is each new one.
    Cut,
}

/// Runs until it is dropped.
pub struct Proxy {
    url: Url,
    way: Arc<watch::Sender<Way>>,
    accepting: JoinHandle<()>,
    /// Held by whoever has made the way another one than [`Way::Open`].
    pub obstruction: Mutex<()>,
}

impl Proxy {
    /// Listens on a free port and leads to the host and port of `server`.
    pub async fn start(server: &Url) -> Result<Self> {
        let usual_port = if server.scheme().starts_with("redis") { 6379 } else { 5432 };
        let target = (server.host_str().unwrap_or("127.0.0.1").to_owned(), server.port().unwrap_or(usual_port));
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no port is free")?;
        let address = listener.local_addr()?;
        let mut url = server.clone();
        url.set_host(Some(&address.ip().to_string())).context("a server's URL has a host")?;
        url.set_port(Some(address.port())).ok().context("a server's URL has a port")?;
        let way = Arc::new(watch::Sender::new(Way::Open));
        let of_connections = Arc::clone(&way);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, way) = (target.clone(), of_connections.subscribe());
                tokio::spawn(async move {
                    let _broken = carry(client, target, way).await;
                });
            }
        });
        Ok(Self { url, way, accepting, obstruction: Mutex::new(()) })
    }

    /// The server's URL by way of this proxy.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Changes the way, for connections that there are too.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.way.send_replace(Way::Cut);
    }
}

async fn carry(client: TcpStream, target: (String, u16), mut way: watch::Receiver<Way>) -> io::Result<()> {
    if *way.borrow_and_update() == Way::Cut {
        return Ok(());
    }
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let (there, back) = (way.clone(), way.clone());
    tokio::select! {
        ended = pass(from_client, to_server, there, Direction::There) => ended,
        ended = pass(from_server, to_client, back, Direction::Back) => ended,
        () = async { drop(way.wait_for(|way| *way == Way::Cut).await) } => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    There,
    Back,
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    direction: Direction,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let now = *way.borrow_and_update();
        match now {
            Way::Slow(by) => time::sleep(by).await,
            Way::RepliesSlow(by) if direction == Direction::Back => time::sleep(by).await,
            Way::RepliesSlow(_) | Way::Open | Way::RepliesHeld | Way::Frozen | Way::Cut => {}
        }
        let is_held = |way: &Way| *way == Way::Frozen || (*way == Way::RepliesHeld && direction == Direction::Back);
        drop(way.wait_for(|way| !is_held(way)).await);
        to.write_all(&buffer[..read]).await?;
    }
}
