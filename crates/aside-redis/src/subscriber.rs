//! The subscriber: a connection that is subscribed to one channel of its Redis process, and made anew when it broke.
//!
//! Commands may be sent through it too. Redis puts messages and replies into one stream, in the order of what they are about. The
//! callback runs before the next reply is handed out. So when a command is answered, the callback has seen all messages of what
//! was executed before it.

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
    handle::{Connection, Handle},
    probe::{PROBES, probe_on},
};

/// What a subscribed connection tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The connection is subscribed: each message that is published from now on arrives.
    Subscribed,
    /// A message.
    Message(&'a [u8]),
    /// The connection is gone. What was published since its last message did not arrive.
    Lost,
}

/// The callback for events of the connection of this number; numbers rise. It runs in the connection's own task, so it must not block.
trait OnEvent: Fn(u64, Event<'_>) + Send + Sync + 'static {}

impl<F: Fn(u64, Event<'_>) + Send + Sync + 'static> OnEvent for F {}

/// The connection that is subscribed at the moment. Clones are the same.
#[derive(Clone, Debug)]
pub struct Subscriber {
    up: Arc<ArcSwapOption<Subscription>>,
}

/// A connection that is subscribed.
#[derive(Debug)]
pub struct Subscription {
    /// Its number.
    pub number: u64,
    /// For commands whose replies come after the messages.
    pub handle: Handle,
}

impl Subscriber {
    /// The subscribed connection, if there is one.
    #[must_use]
    pub fn subscription(&self) -> Option<Arc<Subscription>> {
        self.up.load_full()
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.up.load().as_ref().map(|subscription| subscription.number)
    }

    /// Whether it is subscribed at the mastership that commands go to.
    #[must_use]
    pub fn follows(&self, redis: &RedisClient) -> bool {
        self.up.load().as_ref().is_some_and(|subscription| redis.leads_to(subscription.handle.identity()))
    }
}

impl RedisClient {
    /// Subscribes to the channel of this name, in each Redis process that this client is connected to, until `shutdown`. Does not wait
    /// for a connection.
    pub fn subscribe(
        &self,
        channel: &'static str,
        on_event: impl Fn(u64, Event<'_>) + Send + Sync + 'static,
        shutdown: &Shutdown,
    ) -> Subscriber {
        let subscriber = Subscriber { up: Arc::default() };
        let shared = Arc::clone(&self.shared);
        let place = shared.agreement.add_place();
        let supervisor =
            Supervisor { shared, place, channel, on_event: Arc::new(on_event), up: Arc::clone(&subscriber.up) };
        shutdown.spawn_until_drained(async move { supervisor.run().await });
        subscriber
    }
}

/// Keeps a connection subscribed.
struct Supervisor<E> {
    shared: Arc<Shared>,
    place: Place,
    channel: &'static str,
    on_event: Arc<E>,
    up: Arc<ArcSwapOption<Subscription>>,
}

/// A connection that is not subscribed to its channel yet.
struct Opened {
    wire: Wire,
    /// Cancelled when it is gone.
    closed: CancellationToken,
    /// Cancelled when a message came on the channel of probes of this name.
    probe_arrived: CancellationToken,
    probes: String,
}

impl<E: OnEvent> Supervisor<E> {
    async fn run(&self) {
        let mut backoff = Backoff::default();
        for number in 1.. {
            let wait = match self.connect(number).await {
                Ok((connection, opened)) => {
                    let made_at = Instant::now();
                    (self.on_event)(number, Event::Subscribed);
                    self.up
                        .store(Some(Arc::new(Subscription { number, handle: Handle::new(Arc::clone(&connection)) })));
                    tokio::select! {
                        () = self.shared.keep(self.place, &connection) => {}
                        () = opened.closed.cancelled() => self.shared.leave(self.place, &connection),
                    }
                    self.up.store(None);
                    (self.on_event)(number, Event::Lost);
                    tracing::warn!("redis subscription lost");
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

    async fn connect(&self, number: u64) -> Result<(Arc<Connection>, Opened), RedisError> {
        self.shared.binder.database().await;
        let config = &self.shared.config;
        let made = time::timeout(config.connect_timeout, self.open(number)).await;
        let opened = made.map_err(|_elapsed| RedisError::Unavailable)??;
        let connection = self.shared.binder.bind(opened.wire.clone()).await?;
        self.probe_messages(&connection, &opened).await?;
        let channel = [connection.namespace.as_str(), self.channel].concat();
        connection.wire.connection.clone().subscribe(channel).await.map_err(refused)?;
        // The confirmation does not name its command; a reply that is in step does.
        probe_on(&connection, PROBES).await?;
        self.shared.join(self.place, &connection)?;
        Ok((connection, opened))
    }

    /// Whether a message that a script publishes arrives here. The channel is this connection's alone, and stays: to leave it would take
    /// one right more.
    async fn probe_messages(&self, connection: &Arc<Connection>, opened: &Opened) -> Result<(), RedisError> {
        let channel = [connection.namespace.as_str(), &opened.probes].concat();
        connection.wire.connection.clone().subscribe(channel).await.map_err(refused)?;
        probe_on(connection, &opened.probes).await?;
        let heard = time::timeout(self.shared.config.command_timeout, opened.probe_arrived.cancelled()).await;
        heard.map_err(|_elapsed| Refusal::NoMessages.into())
    }

    async fn open(&self, number: u64) -> Result<Opened, RedisError> {
        let config = &self.shared.config;
        // Messages and replies share a connection from RESP3 on.
        let info = config.url.expose_secret().into_connection_info()?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let info = info.set_redis_settings(settings);
        let (closed, probe_arrived) = (CancellationToken::new(), CancellationToken::new());
        let probes = format!("{PROBES}:{:016x}", rand::random::<u64>());
        let (on_event, on_close, on_probe, suffix) =
            (Arc::clone(&self.on_event), closed.clone(), probe_arrived.clone(), probes.clone());
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
                        on_event(number, Event::Message(message));
                    }
                    (PushKind::Disconnection, _) => on_close.cancel(),
                    _other => {}
                }
                Ok::<(), SendError>(())
            });
        let wire = connect(&info, options).await?;
        Ok(Opened { wire, closed, probe_arrived, probes })
    }
}

/// An answer that says no is the server's; anything else came on the way.
fn refused(error: redis::RedisError) -> RedisError {
    match error.code() {
        Some(_) => Refusal::Command { reply: error.to_string() }.into(),
        None => error.into(),
    }
}
