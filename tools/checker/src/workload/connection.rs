//! One keep-alive connection to a replica.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its `ETag`.
    pub etag: Option<HeaderValue>,
    /// Its body.
    pub body: Bytes,
}

/// There was no answer: refused, cut, too late, or hung up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoAnswer;

/// A request to be.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// The session's token.
    pub token: Option<String>,
    /// `If-Match`.
    pub if_match: Option<HeaderValue>,
    /// JSON.
    pub body: Option<String>,
}

impl Call {
    /// One without a body.
    #[must_use]
    pub fn new(method: Method, path: String) -> Self {
        Self { method, path, token: None, if_match: None, body: None }
    }

    /// With this token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// With this JSON.
    #[must_use]
    pub fn with_body(self, body: &serde_json::Value) -> Self {
        Self { body: Some(body.to_string()), ..self }
    }
}

/// Made when it is needed, and again after anything went wrong with it.
#[derive(Debug)]
pub struct Connection {
    address: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// To this address.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { address, sender: None }
    }

    /// Makes a call. After `patience` without an answer, the connection is closed in the middle of whatever it does.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the call may have been made, and the connection is not used again.
    pub async fn call(&mut self, call: &Call, patience: Duration) -> Result<Answer, NoAnswer> {
        let mut sender = self.sender.take();
        let answer = time::timeout(patience, async {
            let mut live = match sender.take() {
                Some(sender) if sender.is_ready() => sender,
                _none => self.connect().await?,
            };
            let answer = exchange(&mut live, self.request(call)?).await?;
            Ok((live, answer))
        });
        let (live, answer) = answer.await.map_err(|_too_late| NoAnswer)??;
        self.sender = Some(live);
        Ok(answer)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, NoAnswer> {
        let stream = TcpStream::connect(&self.address).await.map_err(|_refused| NoAnswer)?;
        stream.set_nodelay(true).map_err(|_broken| NoAnswer)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_broken| NoAnswer)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, NoAnswer> {
        let mut request = Request::builder().method(&call.method).uri(&call.path).header(header::HOST, &self.address);
        if let Some(token) = &call.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(if_match) = &call.if_match {
            request = request.header(header::IF_MATCH, if_match);
        }
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::from(call.body.clone().unwrap_or_default())).map_err(|_invalid| NoAnswer)
    }
}

async fn exchange(sender: &mut SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
    let answer = sender.send_request(request).await.map_err(|_broken| NoAnswer)?;
    let status = answer.status();
    let etag = answer.headers().get(header::ETAG).cloned();
    let body = answer.into_body().collect().await.map_err(|_broken| NoAnswer)?.to_bytes();
    Ok(Answer { status, etag, body })
}
