//! Log lines: one for each request, one for the cause of an error, and no secrets.

use std::{
    io::{self, Write},
    sync::{Mutex, Once},
};

use crate::service::Service;

/// The log of all tests of this process. Each test searches for its own requests.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static START: Once = Once::new();

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().expect("no writer panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts to collect lines at info and above.
pub(crate) fn start() {
    START.call_once(|| tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init());
}

/// The lines with this text.
pub(crate) fn lines_with(part: &str) -> Vec<String> {
    let log = LOG.lock().expect("no writer panics").clone();
    let log = String::from_utf8(log).expect("text");
    log.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
}

/// The lines of one request.
async fn lines_of(request: &str, fields: &[&str]) -> Vec<String> {
    start();
    let service = Service::start().await;

    let answer = service.ask(request, fields).await;

    lines_with(&format!("request_id={} ", answer.header("x-request-id").expect("every answer has one")))
}

#[tokio::test]
async fn a_request_is_one_line_with_ids_and_without_secrets() {
    let secrets = ["Authorization: Bearer s3cret", "Cookie: aside_session=s3cret", "X-Request-Id: with-secrets"];

    let lines = lines_of("GET /list?limit=3&s3cret=1", &secrets).await;

    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    for part in ["INFO", "method=GET", "route=\"/list\"", "client=127.0.0.1", "status=400"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("s3cret"), "{line}");
}

#[tokio::test]
async fn the_cause_of_a_failure_is_logged_once_inside_the_span() {
    for (request, cause) in
        [("GET /broken", "the password of the database is hunter2"), ("GET /panic", "panic: on purpose")]
    {
        let lines = lines_of(request, &[]).await;

        let (answers, causes): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.contains("status=500"));
        assert_eq!((answers.len(), causes.len()), (1, 1), "{lines:?}");
        assert!(causes[0].contains("ERROR") && causes[0].contains(cause), "{causes:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_http_is_one_line_too() {
    let lines = lines_of("GET nonsense nonsense", &[]).await;

    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("status=400"), "{lines:?}");
}
