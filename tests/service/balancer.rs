//! A load balancer in small: checks the health of its replicas, keeps connections to those that are ready, and repeats nothing.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
    task::JoinHandle,
};

use crate::replica::Replica;

/// How often a replica is asked whether it is ready.
const BETWEEN_CHECKS: Duration = Duration::from_millis(20);

type Connection = BufStream<TcpStream>;

/// What requests are sent through.
#[derive(Default)]
pub(crate) struct Balancer {
    upstreams: Mutex<Vec<Arc<Upstream>>>,
    turn: AtomicUsize,
}

struct Upstream {
    public: SocketAddr,
    is_ready: AtomicBool,
    answered: AtomicUsize,
    kept: Mutex<Vec<Connection>>,
}

/// An answer, as far as it matters here.
struct Answer {
    status: u16,
    is_last: bool,
}

impl Balancer {
    /// From now on requests go to this replica too, as long as it is ready. The task checks that.
    pub(crate) fn add(&self, replica: &Replica) -> JoinHandle<()> {
        let upstream = Arc::new(Upstream {
            public: replica.public,
            is_ready: AtomicBool::new(true),
            answered: AtomicUsize::new(0),
            kept: Mutex::default(),
        });
        self.upstreams.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&upstream));
        let readiness = format!("http://{}/readyz", replica.admin);
        tokio::spawn(async move {
            loop {
                let is_ready = reqwest::get(&readiness).await.is_ok_and(|answer| answer.status().is_success());
                upstream.is_ready.store(is_ready, Ordering::SeqCst);
                tokio::time::sleep(BETWEEN_CHECKS).await;
            }
        })
    }

    /// How many requests each replica has answered, in the order in which they were added.
    pub(crate) fn answered(&self) -> Vec<usize> {
        let upstreams = self.upstreams.lock().unwrap_or_else(PoisonError::into_inner);
        upstreams.iter().map(|upstream| upstream.answered.load(Ordering::SeqCst)).collect()
    }

    /// Sends a whole request to one of the ready replicas; the status of the answer.
    pub(crate) async fn ask(&self, request: &str) -> io::Result<u16> {
        let upstream = self.next();
        let kept = upstream.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match kept {
            Some(connection) => connection,
            None => BufStream::new(TcpStream::connect(upstream.public).await?),
        };
        let answer = exchange(&mut connection, request).await?;
        upstream.answered.fetch_add(1, Ordering::SeqCst);
        if !answer.is_last {
            upstream.kept.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        Ok(answer.status)
    }

    fn next(&self) -> Arc<Upstream> {
        let upstreams = self.upstreams.lock().unwrap_or_else(PoisonError::into_inner);
        let ready: Vec<_> = upstreams.iter().filter(|upstream| upstream.is_ready.load(Ordering::SeqCst)).collect();
        let turn = self.turn.fetch_add(1, Ordering::SeqCst);
        Arc::clone(ready[turn % ready.len()])
    }
}

async fn exchange(connection: &mut Connection, request: &str) -> io::Result<Answer> {
    connection.write_all(request.as_bytes()).await?;
    connection.flush().await?;
    let (mut head, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        if connection.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.push_str(&line.to_ascii_lowercase());
    }
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let length = field("content-length:").map_or(0, |length| length.parse().expect("a length"));
    connection.read_exact(&mut vec![0; length]).await?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Ok(Answer { status, is_last: field("connection:") == Some("close") })
}
