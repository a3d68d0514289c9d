//! A connection that listens: subscribed to one channel of its Redis process, and made anew when it broke.
//!
//! Commands may be sent through it too. Redis puts messages and replies into one stream, in the order in which it carried
//! out what they are about, and what listens here is called before the next reply is handed out: when a command is answered,
//! all messages of what was carried out before it have been heard.

use std::{sync::Arc, time::Instant};

use arc_swap::ArcSwapOption;
use aside_runtime::{backoff::Backoff, shutdown::Shutdown};
use redis::{AsyncConnectionConfig, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, Value, aio::SendError};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{
    agreement::Place,
    connection::{RedisClient, Shared},
    connector::{Wire, connect},
    error::{RedisError, Refusal},
    handle::{Handle, Link},
    probe::{PROBES, probe_on},
};

/// What a listening connection tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The connection is subscribed: whatever is published from now on is heard.
    Subscribed,
    /// A message.
    Message(&'a [u8]),
    /// The connection is gone. What was published since its last message was not heard.
    Lost,
}

/// Hears what the connection of this number tells; numbers rise. Called from the connection's own task, so it must not block.
trait Ear: Fn(u64, Heard<'_>) + Send + Sync + 'static {}

impl<F: Fn(u64, Heard<'_>) + Send + Sync + 'static> Ear for F {}

/// Whatever connection listens at the moment. Clones are the same.
#[derive(Clone, Debug)]
pub struct Listener {
    up: Arc<ArcSwapOption<Listening>>,
}

/// A connection that listens.
#[derive(Debug)]
pub struct Listening {
    /// Its number.
    pub number: u64,
    /// For commands whose replies come after the messages.
    pub handle: Handle,
}

impl Listener {
    /// The connection that listens, if there is one.
    #[must_use]
    pub fn listening(&self) -> Option<Arc<Listening>> {
        self.up.load_full()
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.up.load().as_ref().map(|listening| listening.number)
    }

    /// Whether it listens to the mastership that commands go to.
    #[must_use]
    pub fn hears(&self, redis: &RedisClient) -> bool {
        self.up.load().as_ref().is_some_and(|listening| redis.leads_to(listening.handle.identity()))
    }
}

impl RedisClient {
    /// Listens to the channel of this name in whatever Redis process there is, until `shutdown`. Does not wait for a
    /// connection.
    pub fn listen(
        &self,
        channel: &'static str,
        hear: impl Fn(u64, Heard<'_>) + Send + Sync + 'static,
        shutdown: &Shutdown,
    ) -> Listener {
        let listener = Listener { up: Arc::default() };
        let shared = Arc::clone(&self.shared);
        let place = shared.agreement.add_place();
        let keeper = Keeper { shared, place, channel, hear: Arc::new(hear), up: Arc::clone(&listener.up) };
        shutdown.spawn_until_drained(async move { keeper.run().await });
        listener
    }
}

/// Keeps a connection listening.
struct Keeper<E> {
    shared: Arc<Shared>,
    place: Place,
    channel: &'static str,
    hear: Arc<E>,
    up: Arc<ArcSwapOption<Listening>>,
}

/// A connection that is not subscribed to its channel yet.
struct Opened {
    wire: Wire,
    /// Cancelled when it is gone.
    closed: CancellationToken,
    /// Cancelled when a message came on the channel of probes of this name.
    probe_heard: CancellationToken,
    probes: String,
}

impl<E: Ear> Keeper<E> {
    async fn run(&self) {
        let mut backoff = Backoff::default();
        for number in 1.. {
            let wait = match self.connect(number).await {
                Ok((link, opened)) => {
                    let made_at = Instant::now();
                    (self.hear)(number, Heard::Subscribed);
                    self.up.store(Some(Arc::new(Listening { number, handle: Handle::new(Arc::clone(&link)) })));
                    tokio::select! {
                        () = self.shared.keep(self.place, &link) => {}
                        () = opened.closed.cancelled() => self.shared.leave(self.place, &link),
                    }
                    self.up.store(None);
                    (self.hear)(number, Heard::Lost);
                    tracing::warn!("redis is not listened to any more");
                    backoff.ended(made_at.elapsed())
                }
                Err(error) => {
                    self.shared.report(&error);
                    backoff.failed()
                }
            };
            time::sleep(wait).await;
        }
    }

    async fn connect(&self, number: u64) -> Result<(Arc<Link>, Opened), RedisError> {
        self.shared.binder.database().await;
        let config = &self.shared.config;
        let made = time::timeout(config.connect_timeout, self.open(number)).await;
        let opened = made.map_err(|_elapsed| RedisError::Unavailable)??;
        let link = self.shared.binder.bind(opened.wire.clone()).await?;
        self.probe_messages(&link, &opened).await?;
        let channel = [link.namespace.as_str(), self.channel].concat();
        link.wire.connection.clone().subscribe(channel).await.map_err(refused)?;
        // The confirmation says nothing of its command; a reply that is in step does.
        probe_on(&link, PROBES).await?;
        self.shared.join(self.place, &link)?;
        Ok((link, opened))
    }

    /// Whether what a script publishes is heard here. The channel is this connection's alone, and stays: to leave it would take
    /// one right more.
    async fn probe_messages(&self, link: &Arc<Link>, opened: &Opened) -> Result<(), RedisError> {
        let channel = [link.namespace.as_str(), &opened.probes].concat();
        link.wire.connection.clone().subscribe(channel).await.map_err(refused)?;
        probe_on(link, &opened.probes).await?;
        let heard = time::timeout(self.shared.config.command_timeout, opened.probe_heard.cancelled()).await;
        heard.map_err(|_elapsed| Refusal::NoMessages.into())
    }

    async fn open(&self, number: u64) -> Result<Opened, RedisError> {
        let config = &self.shared.config;
        // Messages and replies share a connection from RESP3 on.
        let info = config.url.expose_secret().into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_redis_settings(settings);
        let (closed, probe_heard) = (CancellationToken::new(), CancellationToken::new());
        let probes = format!("{PROBES}:{:016x}", rand::random::<u64>());
        let (hear, on_close, on_probe, suffix) =
            (Arc::clone(&self.hear), closed.clone(), probe_heard.clone(), probes.clone());
        let options = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.command_timeout))
            .set_push_sender(move |push: PushInfo| {
                match (push.kind, &push.data[..]) {
                    (PushKind::Message, [Value::BulkString(channel), _probe])
                        if channel.ends_with(suffix.as_bytes()) =>
                    {
                        on_probe.cancel();
                    }
                    (PushKind::Message, [_channel, Value::BulkString(message)]) => {
                        hear(number, Heard::Message(message));
                    }
                    (PushKind::Disconnection, _) => on_close.cancel(),
                    _other => {}
                }
                Ok::<(), SendError>(())
            });
        let wire = connect(&info, options).await?;
        Ok(Opened { wire, closed, probe_heard, probes })
    }
}

/// An answer that says no is the server's; anything else came on the way.
fn refused(error: redis::RedisError) -> RedisError {
    match error.code() {
        Some(_) => Refusal::Command { reply: error.to_string() }.into(),
        None => error.into(),
    }
}
