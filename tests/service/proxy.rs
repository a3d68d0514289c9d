//! A proxy in front of a server, to lose it in the middle of a test.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use url::Url;

/// How the way to the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As if there were no proxy.
    Open,
    /// Requests reach the server; its replies stay in the proxy until the way is open.
    RepliesHeld,
    /// Every connection is closed, and so is each new one.
    Cut,
}

/// Runs until it is dropped.
pub(crate) struct Proxy {
    address: String,
    way: watch::Sender<Way>,
    script_calls: Arc<AtomicUsize>,
}

impl Proxy {
    /// Listens on a free port and leads to the host and port of `server`.
    pub(crate) async fn start(server: &Url) -> Self {
        let usual_port = if server.scheme().starts_with("redis") { 6379 } else { 5432 };
        let port = server.port().unwrap_or(usual_port);
        let target = format!("{}:{port}", server.host_str().unwrap_or("127.0.0.1"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let (way, watched) = watch::channel(Way::Open);
        let script_calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&script_calls);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target.clone(), watched.clone(), Arc::clone(&counted)));
            }
        });
        Self { address, way, script_calls }
    }

    /// `server` by way of this proxy.
    pub(crate) fn url(&self, server: &Url) -> Url {
        let mut url = server.clone();
        let (host, port) = self.address.split_once(':').expect("an address has a port");
        url.set_host(Some(host)).expect("a host is valid");
        url.set_port(port.parse().ok()).expect("a port is valid");
        url
    }

    /// Changes the way, for connections that there are too.
    pub(crate) fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Calls of scripts that went to the server so far.
    pub(crate) fn script_calls(&self) -> usize {
        self.script_calls.load(Ordering::SeqCst)
    }
}

async fn carry(client: TcpStream, target: String, mut way: watch::Receiver<Way>, calls: Arc<AtomicUsize>) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let replies = way.clone();
    tokio::select! {
        _ended = requests(from_client, to_server, calls) => {}
        _ended = held_replies(from_server, to_client, replies) => {}
        _cut = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, calls: Arc<AtomicUsize>) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        calls.fetch_add(buffer[..read].windows(7).filter(|word| word == b"EVALSHA").count(), Ordering::SeqCst);
        to.write_all(&buffer[..read]).await?;
    }
}

async fn held_replies(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if way.wait_for(|way| *way != Way::RepliesHeld).await.is_err() {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}
