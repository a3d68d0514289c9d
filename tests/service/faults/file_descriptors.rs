//! More connections than file descriptors.

use reqwest::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::soon;
use crate::{api::Api, application::Backend, replica::Replica};

#[tokio::test]
async fn silent_connections_beyond_the_file_descriptors_leave_the_admin_server_its_own() {
    let backend = Backend::create().await;
    let replica = Replica::start_under("-n 256", backend.variables(&[])).await;
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(soon(TcpStream::connect(replica.public)).await.expect("the kernel takes it"));
    }

    for _ in 0..40 {
        // A client, and a connection, for each.
        assert_eq!(soon(Api::new(replica.admin).get("/livez")).await.status(), StatusCode::OK);
        assert_eq!(soon(Api::new(replica.admin).get("/readyz")).await.status(), StatusCode::OK);
    }
    drop(silent);
    soon(Api::new(replica.public).register("ada")).await;
}

#[tokio::test]
async fn a_soft_limit_of_file_descriptors_is_raised_to_the_hard_one() {
    let backend = Backend::create().await;
    let replica = Replica::start_under("-Sn 100", backend.variables(&[])).await;

    let mut kept = Vec::new();
    for _ in 0..150 {
        let mut connection = TcpStream::connect(replica.public).await.expect("the kernel takes it");
        connection.write_all(b"GET /nothing HTTP/1.1\r\nHost: aside\r\n\r\n").await.expect("it is open");
        let mut start = [0; 12];
        soon(connection.read_exact(&mut start)).await.expect("an answer");
        assert_eq!(start, *b"HTTP/1.1 404");
        kept.push(connection);
    }
}
