use proptest::prelude::*;

use super::*;

/// Follows the bytes in pieces of this size; the part behind them, or the place of the refusal.
fn follow(bytes: &[u8], piece: usize) -> Result<Part, usize> {
    let mut framing = Framing::default();
    for (index, piece_of_it) in bytes.chunks(piece).enumerate() {
        framing.follow(piece_of_it).map_err(|at| index * piece + at)?;
    }
    Ok(framing.part())
}

#[test]
fn a_head_with_length_and_transfer_encoding_is_ambiguous() {
    for fields in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "transfer-encoding:CHUNKED\r\nX: y\r\ncontent-length:0",
        "Content-Length: 4\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
        "Content-Length: +4\r\nTransfer-Encoding: chunked",
    ] {
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
        for piece in 1..head.len() {
            assert_eq!(follow(head.as_bytes(), piece), follow(head.as_bytes(), head.len()), "{fields:?} by {piece}");
        }
        let end = head.find(fields).expect("it is there") + fields.len();
        let refused = follow(head.as_bytes(), head.len()).expect_err(fields);
        assert!(refused <= end + 1 && head.as_bytes()[refused] == b'\n', "{fields:?}: {refused}");
    }
}

#[test]
fn a_length_in_a_line_that_is_too_long_is_refused_however_it_arrives() {
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {}7\r\n\r\n", "0".repeat(MAX_LINE));

    for piece in [1, 100, head.len()] {
        assert!(follow(head.as_bytes(), piece).is_err());
    }
}

#[test]
fn parts_are_known_in_the_middle_of_a_request() {
    for (bytes, part) in [
        ("", Part::BetweenRequests),
        ("\r\n", Part::Head),
        ("GET / HTTP/1.1\r\nHos", Part::Head),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", Part::BetweenRequests),
        ("GET / HTTP/1.1\nHost: a\n\nG", Part::Head),
        ("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\na", Part::Length(3)),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", Part::Chunked(Chunk::Data(1))),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Part::Chunked(Chunk::TrailerStart)),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na\nb\r\n\r\n", Part::BetweenRequests),
    ] {
        assert_eq!(follow(bytes.as_bytes(), 1), Ok(part), "{bytes:?}");
    }
}

/// A request that hyper accepts, with a body that looks like a head with ambiguous framing.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let body = prop_oneof![
        Just("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned()),
        "[ -~\r\n]{0,40}",
        Just(String::new()),
    ];
    let chunk = ("[ -~\r\n]{1,20}", "(;[a-z=]{0,5})?")
        .prop_map(|(data, extension)| format!("{:x}{extension}\r\n{data}\r\n", data.len()));
    let chunks = (proptest::collection::vec(chunk, 0..4), "([A-Za-z]{1,5}: [a-z]{0,9}\r\n){0,2}");
    prop_oneof![
        Just("GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()),
        body.prop_map(|body| format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}", body.len())),
        chunks.prop_map(|(chunks, trailers)| {
            format!("\r\nPOST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n{}0\r\n{trailers}\r\n", chunks.concat())
        }),
    ]
    .prop_map(String::into_bytes)
}

proptest! {
    #[test]
    fn the_end_of_every_good_request_is_found_however_it_arrives(
        requests in proptest::collection::vec(request(), 1..6),
        piece in 1_usize..60,
    ) {
        let mut framing = Framing::default();
        for piece in requests.concat().chunks(piece) {
            prop_assert_eq!(framing.follow(piece), Ok(()));
        }

        prop_assert_eq!(framing.part(), Part::BetweenRequests);
        prop_assert_eq!(framing.heads(), requests.len() as u64);
    }
}
