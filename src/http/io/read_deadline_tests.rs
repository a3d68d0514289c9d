use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    time::{advance, sleep},
};

use super::{super::ClientStream, *};

const SECOND: Duration = Duration::from_secs(1);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A client, and the server's end of its connection: idle for at most 75 s, heads within 5 s.
fn connection() -> (DuplexStream, ClientStream<DuplexStream>) {
    let (client, server) = duplex(64 * 1024);
    (client, ClientStream::new(server, ReadTimeouts { idle: 75 * SECOND, head: 5 * SECOND }, SECOND))
}

/// Reads until it fails, and tells when that was.
async fn fails_after(server: &mut ClientStream<DuplexStream>) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    let error = server.read_to_end(&mut rest).await.expect_err("a time-out");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    began.elapsed()
}

async fn read(server: &mut ClientStream<DuplexStream>, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    server.read_exact(&mut read).await.expect("it is there");
    read
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_has_the_idle_time_out() {
    let (_client, mut server) = connection();

    assert_eq!(fails_after(&mut server).await, 75 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn each_wait_for_a_request_has_the_whole_idle_time_out() {
    let (mut client, mut server) = connection();
    let requests = async {
        for _ in 0..5 {
            sleep(70 * SECOND).await;
            client.write_all(GET).await.expect("it is open");
        }
        client
    };
    let answers = async {
        for _ in 0..5 {
            assert_eq!(read(&mut server, GET.len()).await, GET);
        }
    };
    let (_client, ()) = tokio::join!(requests, answers);

    assert_eq!(fails_after(&mut server).await, 75 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_head_has_its_time_out_from_its_first_byte_on() {
    let (mut client, mut server) = connection();
    let trickle = async {
        sleep(60 * SECOND).await;
        for byte in GET {
            client.write_all(&[*byte]).await.expect("it is open");
            sleep(SECOND).await;
        }
    };

    let failed = tokio::select! {
        failed = fails_after(&mut server) => failed,
        () = trickle => unreachable!("it takes longer than a head may"),
    };

    assert_eq!(failed, 65 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_begins_behind_another_request_has_its_time_out_too() {
    let (mut client, mut server) = connection();
    client.write_all(&[GET, b"GET /"].concat()).await.expect("it is open");

    assert_eq!(fails_after(&mut server).await, 5 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_body_has_neither_time_out() {
    let (mut client, mut server) = connection();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n";
    client.write_all(head).await.expect("it is open");
    read(&mut server, head.len()).await;
    let body = async {
        advance(600 * SECOND).await;
        client.write_all(b"x").await.expect("it is open");
        client
    };

    let (_client, body) = tokio::join!(body, read(&mut server, 1));

    assert_eq!(body, b"x");
}

#[tokio::test]
async fn a_read_of_a_body_is_small_however_much_is_there() {
    let (mut client, mut server) = connection();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n";
    client.write_all(head.as_bytes()).await.expect("it is open");
    read(&mut server, head.len()).await;
    client.write_all(&vec![b'x'; 60_000]).await.expect("it is open");

    let (mut largest, mut pieces) = (0, vec![0; 65_536]);
    let mut rest = 60_000;
    while rest > 0 {
        let read = server.read(&mut pieces).await.expect("it is open");
        largest = largest.max(read);
        rest -= read;
    }

    assert_eq!(largest, BODY_READ);
}

#[tokio::test]
async fn what_is_behind_an_ambiguous_field_is_not_passed_on() {
    let (mut client, mut server) = connection();
    let head = "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked";
    client.write_all(format!("{head}\r\n\r\n0\r\n\r\nGET /admin").as_bytes()).await.expect("it is open");

    let mut passed = [0; 1_024];
    let read = server.read(&mut passed).await.expect("it is open");

    assert_eq!(passed[..read], [head.as_bytes(), b"\r", REFUSED].concat());
}
