//! Asks a replica how it is.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(20);
/// For one answer.
const ANSWER: Duration = Duration::from_secs(1);

/// Asks `/readyz` of an admin address.
#[derive(Clone, Debug)]
pub struct Probe(String);

impl Probe {
    /// Of the replica whose admin server is there.
    #[must_use]
    pub fn new(admin: &str) -> Self {
        Self(admin.to_owned())
    }

    /// Resolves when it is ready and misses nothing.
    pub async fn until_well(&self) {
        self.until(|answer| answer.starts_with("HTTP/1.1 200") && answer.contains("\"ok\"")).await;
    }

    /// Resolves when it is ready, whatever it has to do without.
    pub async fn until_ready(&self) {
        self.until(|answer| answer.starts_with("HTTP/1.1 200")).await;
    }

    async fn until(&self, good: impl Fn(&str) -> bool) {
        loop {
            if let Ok(Ok(answer)) = time::timeout(ANSWER, self.ask()).await
                && good(&answer)
            {
                return;
            }
            time::sleep(PAUSE).await;
        }
    }

    async fn ask(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.0).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.0);
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
