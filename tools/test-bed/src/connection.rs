//! HTTP/1.1 over one connection that stays open, in as little as a load generator can afford: one write, and reads until
//! the announced length is there. For servers of ours only: no chunks, no redirections.

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection; an error leaves it useless.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head as it came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A field of the head; the name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Connection {
    /// Connects to `host:port`.
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16_384) })
    }

    /// The bytes of a request; made once, sent often. `fields` are lines of the head, without their ends.
    #[must_use]
    pub fn request(method: &str, target: &str, fields: &[String], body: &str) -> Vec<u8> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        for field in fields {
            head += field;
            head += "\r\n";
        }
        if !body.is_empty() {
            head += "Content-Type: application/json\r\nContent-Length: ";
            head += &body.len().to_string();
            head += "\r\n";
        }
        (head + "\r\n" + body).into_bytes()
    }

    /// `GET` of a target, by whom this token is.
    #[must_use]
    pub fn get(target: &str, token: Option<&str>) -> Vec<u8> {
        let fields: Vec<String> = token.map(|token| format!("Authorization: Bearer {token}")).into_iter().collect();
        Self::request("GET", target, &fields, "")
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status in an answer")?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length: usize = match answer.header("content-length") {
            Some(length) => length.parse().context("a length that is no number")?,
            None => 0,
        };
        while self.buffer.len() < end + length {
            self.read().await?;
        }
        answer.body = self.buffer[end..end + length].to_vec();
        Ok(answer)
    }

    async fn read(&mut self) -> Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        ensure!(read > 0, "the server has closed the connection");
        Ok(())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
