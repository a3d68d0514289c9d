//! A client that can misbehave: it sends bytes and reads responses.

use std::{collections::HashMap, io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
    time::timeout,
};

/// The longest wait of a test. It is far above every configured time-out.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The output of a future that has to end.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    timeout(LONGEST_WAIT, what).await.expect("it happens soon")
}

pub(crate) struct Client {
    stream: BufStream<TcpStream>,
}

/// A parsed response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) version: String,
    headers: HashMap<String, Vec<String>>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { stream: BufStream::new(socket) }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the server reads");
    }

    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Closes the client's end.
    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.expect("the connection is open");
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        soon(self.read_answer(true)).await.expect("an answer")
    }

    /// The response to a HEAD.
    pub(crate) async fn answer_without_body(&mut self) -> Answer {
        soon(self.read_answer(false)).await.expect("an answer")
    }

    /// All bytes until the server closes.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        soon(self.stream.read_to_end(&mut rest)).await.map(|_| rest)
    }

    /// Whether the server closes without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.rest().await.is_ok_and(|rest| rest.is_empty())
    }

    pub(crate) async fn read_some(&mut self, most: usize) -> io::Result<usize> {
        let mut bytes = vec![0; most];
        self.stream.read(&mut bytes).await
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.stream.read_u8().await?);
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    async fn read_answer(&mut self, has_body: bool) -> io::Result<Answer> {
        let status_line = self.line().await?;
        let mut words = status_line.split(' ');
        let version = words.next().unwrap_or_default().to_owned();
        let status = words.next().and_then(|code| code.parse().ok()).unwrap_or_default();
        let mut headers: HashMap<String, Vec<String>> = HashMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.entry(name.to_lowercase()).or_default().push(value.trim().to_owned());
        }
        let mut answer = Answer { status, version, headers, body: Vec::new() };
        if has_body && status != 204 && status != 304 {
            answer.body = self.body(&answer).await?;
        }
        Ok(answer)
    }

    async fn body(&mut self, answer: &Answer) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = answer.header("content-length") {
            body.resize(length.parse().expect("a length"), 0);
            self.stream.read_exact(&mut body).await?;
        } else if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let length = usize::from_str_radix(&self.line().await?, 16).expect("a chunk's length");
                let mut chunk = vec![0; length];
                self.stream.read_exact(&mut chunk).await?;
                self.line().await?;
                if length == 0 {
                    break;
                }
                body.extend(chunk);
            }
        } else {
            self.stream.read_to_end(&mut body).await?;
        }
        Ok(body)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers.get(name)?;
        assert_eq!(values.len(), 1, "{name} is there once");
        values.first().map(String::as_str)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// Checks that this is a problem of this status and name.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, name: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert!(self.header("x-request-id").is_some());
        let document = self.json();
        assert_eq!(document["type"], format!("/problems/{name}"));
        assert_eq!(document["status"], status);
        assert!(document["title"].is_string() && document["detail"].is_string());
    }
}
