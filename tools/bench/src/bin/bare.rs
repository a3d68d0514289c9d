//! The bare framework: axum answering fixed bytes at `/home`, touching nothing else; alone, or under the layers of aside.
//!
//! Variables: `LISTEN_ADDR`; `BODY`, a file; `SURROUNDED=1` for the layers.

use std::{env, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use aside::{
    config::HttpConfig,
    http::{routes, server},
    telemetry::metrics::Metrics,
};
use aside_runtime::shutdown::Shutdown;
use axum::{Router, http::header, routing::get};
use bytes::Bytes;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let variable = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let body = Bytes::from(std::fs::read(variable("BODY")?)?);
    let address = variable("LISTEN_ADDR")?;
    let listener = TcpListener::bind(&address).await?;
    let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], body) };
    let routes = Router::new().route("/home", get(answer));
    if env::var_os("SURROUNDED").is_none() {
        return Ok(axum::serve(listener, routes).await?);
    }
    let config = HttpConfig {
        listen: address.parse()?,
        admin: address.parse()?,
        public_url: format!("http://{address}").parse()?,
        trusted_proxies: Vec::new(),
        cors_allowed_origins: Vec::new(),
        keep_alive_timeout: Duration::from_secs(75),
        header_timeout: Duration::from_secs(5),
        body_timeout: Duration::from_secs(10),
        write_timeout: Duration::from_secs(15),
        request_timeout: Duration::from_secs(10),
        drain_delay: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(10),
        max_connections: 10_000,
        max_admin_connections: 100,
    };
    let routes = routes::with_layers(routes, &config, Arc::new(Metrics::new()));
    server::serve(listener, routes, &config, &Shutdown::new()).await;
    Ok(())
}
