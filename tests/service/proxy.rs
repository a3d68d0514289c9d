//! A proxy in front of a server, to lose it in the middle of a test. Carries bytes, so it does for Redis and for Postgres.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
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
    /// Connections are taken and kept, and nothing passes in either direction until the way is open.
    Frozen,
    /// Every connection is closed, and so is each new one.
    Cut,
}

/// Catches connections by what they say; the others go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snare {
    /// A connection that sends these bytes gets no reply any more, from the reply to them on.
    Request(&'static str),
    /// A connection that was replied these bytes is silent from then on, in both directions.
    Reply(&'static str),
}

/// What a proxy does to one of the server's replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meddling {
    /// Puts the second of these in front of one that has the first in it.
    ExtraReply(&'static str, &'static [u8]),
    /// Changes a bit of the byte behind these bytes.
    FlippedBit(&'static str),
    /// Sends these bytes in its place, and then the others again and again, until the connection ends, or [`MOST_FLOOD`].
    Flood(&'static [u8], &'static [u8]),
}

/// Bytes of a flood, at most.
pub(crate) const MOST_FLOOD: usize = 256 << 20;

/// Runs until it is dropped.
pub(crate) struct Proxy {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// New connections take turns among these.
    servers: watch::Sender<Vec<String>>,
    accepted: watch::Sender<usize>,
    /// How often all connections of the moment were moved, and closed.
    moves: watch::Sender<usize>,
    cuts: watch::Sender<usize>,
    way: watch::Sender<Way>,
    delay: watch::Sender<Duration>,
    snare: watch::Sender<Option<Snare>>,
    /// How often all connections of the moment were silenced.
    silences: watch::Sender<usize>,
    caught: watch::Sender<usize>,
    script_calls: AtomicUsize,
    meddling: Mutex<Option<Meddling>>,
    meddled: watch::Sender<usize>,
    /// Bytes of the largest flood so far.
    flooded: AtomicUsize,
}

impl Proxy {
    /// Listens on a free port and leads to the host and port of `server`.
    pub(crate) async fn start(server: &Url) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port is free"), server)
    }

    /// Leads whoever comes to `listener` to the host and port of `server`.
    pub(crate) fn on(listener: TcpListener, server: &Url) -> Self {
        let address = listener.local_addr().expect("it listens").to_string();
        let shared = Arc::new(Shared {
            servers: watch::Sender::new(vec![host_and_port(server)]),
            accepted: watch::Sender::new(0),
            moves: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            way: watch::Sender::new(Way::Open),
            delay: watch::Sender::new(Duration::ZERO),
            snare: watch::Sender::new(None),
            silences: watch::Sender::new(0),
            caught: watch::Sender::new(0),
            script_calls: AtomicUsize::new(0),
            meddling: Mutex::default(),
            meddled: watch::Sender::new(0),
            flooded: AtomicUsize::new(0),
        });
        let of_connections = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, Arc::clone(&of_connections)));
            }
        });
        Self { address, shared }
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
        self.shared.way.send_replace(way);
    }

    /// Leads new connections to these servers, in turns.
    pub(crate) fn lead_to(&self, servers: &[&Url]) {
        self.shared.servers.send_replace(servers.iter().map(|server| host_and_port(server)).collect());
    }

    /// Leads the connections that there are to where new ones are led. Whoever is at their other end is not told.
    pub(crate) fn move_connections(&self) {
        self.shared.moves.send_modify(|moves| *moves += 1);
    }

    /// Closes the connections that there are.
    pub(crate) fn cut_connections(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Waits until so many connections were taken in all.
    pub(crate) async fn until_accepted(&self, connections: usize) {
        let mut accepted = self.shared.accepted.subscribe();
        accepted.wait_for(|accepted| *accepted >= connections).await.expect("the proxy runs");
    }

    /// Every reply comes later by so much.
    pub(crate) fn delay_replies(&self, by: Duration) {
        self.shared.delay.send_replace(by);
    }

    /// Nothing passes through the connections that there are, for ever, and nobody is told. New ones are not concerned.
    pub(crate) fn silence(&self) {
        self.shared.silences.send_modify(|silences| *silences += 1);
    }

    /// Lays a snare, in place of the one there was.
    pub(crate) fn lay(&self, snare: Option<Snare>) {
        self.shared.snare.send_replace(snare);
    }

    /// Meddles with one reply, the first that comes, and waits until that is done.
    pub(crate) async fn meddle(&self, meddling: Meddling) {
        let mut meddled = self.shared.meddled.subscribe();
        let so_far = *meddled.borrow_and_update();
        *self.shared.meddling.lock().expect("no panic") = Some(meddling);
        meddled.wait_for(|meddled| *meddled > so_far).await.expect("the proxy runs");
    }

    /// How many bytes of the largest flood were taken.
    pub(crate) fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::SeqCst)
    }

    /// Waits until snares have caught so many connections.
    pub(crate) async fn until_caught(&self, connections: usize) {
        let mut caught = self.shared.caught.subscribe();
        caught.wait_for(|caught| *caught >= connections).await.expect("the proxy runs");
    }

    /// Calls of scripts that went to the server so far, without those that only ask whether it is there.
    pub(crate) fn script_calls(&self) -> usize {
        self.shared.script_calls.load(Ordering::SeqCst)
    }
}

fn host_and_port(server: &Url) -> String {
    let usual_port = if server.scheme().starts_with("redis") { 6379 } else { 5432 };
    let port = server.port().unwrap_or(usual_port);
    format!("{}:{port}", server.host_str().unwrap_or("127.0.0.1"))
}

impl Shared {
    fn next_server(&self) -> String {
        let mut turn = 0;
        self.accepted.send_modify(|accepted| {
            turn = *accepted;
            *accepted += 1;
        });
        let servers = self.servers.borrow();
        servers[turn % servers.len()].clone()
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let (mut from_client, mut to_client) = client.into_split();
    let connection = Connection {
        born: *shared.silences.borrow(),
        own_way: watch::Sender::new(Way::Open),
        shared: Arc::clone(&shared),
    };
    let (mut way, mut moves, mut cuts) = (shared.way.subscribe(), shared.moves.subscribe(), shared.cuts.subscribe());
    loop {
        let Ok(server) = TcpStream::connect(shared.next_server()).await else { return };
        let (mut from_server, mut to_server) = server.into_split();
        tokio::select! {
            _ended = connection.requests(&mut from_client, &mut to_server) => return,
            _ended = connection.replies(&mut from_server, &mut to_client) => return,
            _cut = way.wait_for(|way| *way == Way::Cut) => return,
            _cut = cuts.changed() => return,
            _moved = moves.changed() => {}
        }
    }
}

/// One connection through the proxy.
struct Connection {
    born: usize,
    /// What a snare has made of this connection.
    own_way: watch::Sender<Way>,
    shared: Arc<Shared>,
}

impl Connection {
    async fn requests(&self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> io::Result<()> {
        let mut buffer = vec![0; 65_536];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            self.until_way_is_none_of(&[Way::Frozen]).await;
            let calls = count(&buffer[..read], "EVALSHA").saturating_sub(count(&buffer[..read], ":probes"));
            self.shared.script_calls.fetch_add(calls, Ordering::SeqCst);
            if let Some(Snare::Request(word)) = *self.shared.snare.borrow()
                && count(&buffer[..read], word) > 0
            {
                self.catch(Way::RepliesHeld);
            }
            to.write_all(&buffer[..read]).await?;
        }
    }

    async fn replies(&self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> io::Result<()> {
        let mut buffer = vec![0; 65_536];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            let delay = *self.shared.delay.borrow();
            tokio::time::sleep(delay).await;
            self.until_way_is_none_of(&[Way::Frozen, Way::RepliesHeld]).await;
            match self.meddles_with(&mut buffer[..read]) {
                Some(Meddling::ExtraReply(_, extra)) => to.write_all(extra).await?,
                Some(Meddling::Flood(begin, again)) => return self.flood(to, begin, again).await,
                Some(Meddling::FlippedBit(_)) | None => {}
            }
            to.write_all(&buffer[..read]).await?;
            if let Some(Snare::Reply(word)) = *self.shared.snare.borrow()
                && count(&buffer[..read], word) > 0
            {
                self.catch(Way::Frozen);
            }
        }
    }

    async fn flood(&self, to: &mut OwnedWriteHalf, begin: &[u8], again: &[u8]) -> io::Result<()> {
        let again = again.repeat(65_536 / again.len());
        let _told_at_its_end = Flooding(&self.shared);
        to.write_all(begin).await?;
        for sent in (0..MOST_FLOOD).step_by(again.len()) {
            self.shared.flooded.fetch_max(sent, Ordering::SeqCst);
            to.write_all(&again).await?;
        }
        Ok(())
    }

    /// Meddles with these replies, if that is wanted; what is to be done besides.
    fn meddles_with(&self, replies: &mut [u8]) -> Option<Meddling> {
        // Replies that fit the buffer begin where it does.
        let is_begin = b"$*:+->".contains(&replies[0]);
        let mut wanted = self.shared.meddling.lock().expect("no panic");
        let meddling = (*wanted)?;
        match meddling {
            Meddling::ExtraReply(..) | Meddling::Flood(..) if !is_begin => return None,
            Meddling::ExtraReply(word, _) if count(replies, word) == 0 => return None,
            Meddling::ExtraReply(..) => {}
            Meddling::FlippedBit(word) => {
                let at = replies.windows(word.len()).position(|window| window == word.as_bytes())?;
                *replies.get_mut(at + word.len())? ^= 1;
            }
            Meddling::Flood(..) => return wanted.take(),
        }
        self.shared.meddled.send_modify(|meddled| *meddled += 1);
        wanted.take()
    }

    fn catch(&self, way: Way) {
        self.own_way.send_replace(way);
        self.shared.caught.send_modify(|caught| *caught += 1);
    }

    async fn until_way_is_none_of(&self, closed: &[Way]) {
        let mut ways = [self.shared.way.subscribe(), self.own_way.subscribe()];
        let mut silences = self.shared.silences.subscribe();
        loop {
            if *silences.borrow_and_update() > self.born {
                std::future::pending::<()>().await;
            }
            if ways.iter_mut().all(|way| !closed.contains(&way.borrow_and_update())) {
                return;
            }
            let [common, own] = &mut ways;
            tokio::select! {
                _changed = common.changed() => {}
                _changed = own.changed() => {}
                _changed = silences.changed() => {}
            }
        }
    }
}

/// A flood; ends when the connection does.
struct Flooding<'a>(&'a Shared);

impl Drop for Flooding<'_> {
    fn drop(&mut self) {
        self.0.meddled.send_modify(|meddled| *meddled += 1);
    }
}

fn count(bytes: &[u8], word: &str) -> usize {
    bytes.windows(word.len()).filter(|window| *window == word.as_bytes()).count()
}
