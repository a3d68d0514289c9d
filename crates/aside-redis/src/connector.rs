//! Makes connections whose replies are bounded.
//!
//! deadpool-redis cannot be given a stream of ours, so its manager only checks the connections that are made here.

use std::{io, sync::Arc};

use deadpool_redis::{Manager, Metrics};
use futures::future::{self, FutureExt};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, ErrorKind, RedisError, aio::MultiplexedConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::AbortHandle,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};

use super::bounded::Bounded;

/// How the pool makes and checks connections.
pub(crate) struct Connector {
    client: Client,
    options: AsyncConnectionConfig,
    checks: Manager,
}

/// A connection and the task that carries its bytes, which ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) connection: MultiplexedConnection,
    _driver: Arc<Driver>,
}

#[derive(Debug)]
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl Connector {
    pub(crate) fn new(client: Client, options: AsyncConnectionConfig) -> Result<Self, RedisError> {
        let checks = Manager::new(client.get_connection_info().clone())?;
        Ok(Self { client, options, checks })
    }
}

impl deadpool::managed::Manager for Connector {
    type Type = Wire;
    type Error = RedisError;

    async fn create(&self) -> Result<Wire, RedisError> {
        connect(self.client.get_connection_info(), self.options.clone()).await
    }

    async fn recycle(&self, wire: &mut Wire, metrics: &Metrics) -> deadpool::managed::RecycleResult<RedisError> {
        self.checks.recycle(&mut wire.connection, metrics).await
    }
}

/// Makes one connection. The caller bounds the time.
pub(crate) async fn connect(info: &ConnectionInfo, options: AsyncConnectionConfig) -> Result<Wire, RedisError> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) => carry(info, tcp(host, *port).await?, options).await,
        ConnectionAddr::TcpTls { host, port, insecure: false, .. } => {
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let stream = tls_connector().connect(name, tcp(host, *port).await?).await?;
            carry(info, stream, options).await
        }
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => carry(info, tokio::net::UnixStream::connect(path).await?, options).await,
        _insecure_or_unknown => {
            Err(RedisError::from((ErrorKind::InvalidClientConfig, "this kind of address is not supported")))
        }
    }
}

/// The first of the host's addresses that answers.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let attempts: Vec<_> =
        lookup_host((host, port)).await?.map(|address| TcpStream::connect(address).boxed()).collect();
    if attempts.is_empty() {
        return Err(io::Error::other("no address for the host of REDIS_URL"));
    }
    Ok(future::select_ok(attempts).await?.0)
}

fn tls_connector() -> TlsConnector {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

async fn carry(
    info: &ConnectionInfo,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    options: AsyncConnectionConfig,
) -> Result<Wire, RedisError> {
    let stream = Bounded::new(stream);
    let (connection, driver) = MultiplexedConnection::new_with_config(info.redis_settings(), stream, options).await?;
    let driver = Driver(tokio::spawn(driver).abort_handle());
    Ok(Wire { connection, _driver: Arc::new(driver) })
}
