//! Bounds what a reply may take of memory, before the parser of the client library sees it.
//!
//! The library takes as much as a reply announces. So the stream below it is looked through for the lengths in RESP, and ends
//! with an error where they are larger than any reply to a command of this service can be.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of one string. The largest entry is the list of 2,000 followed users, some 80 KB.
const MOST_STRING: usize = 1 << 20;
/// Bytes of one reply: a page of a hundred of the largest entries fits.
const MOST_REPLY: usize = 16 << 20;
/// Elements of one reply, in all its arrays. A step of `SCAN` gives some hundreds.
const MOST_ELEMENTS: usize = 1 << 16;
/// Arrays within each other; messages and the limiter's answers have two.
const MOST_DEPTH: usize = 8;
/// Bytes of a line: an error's text, or a length.
const MOST_LINE: usize = 1 << 16;

/// A stream whose replies are bounded.
#[derive(Debug)]
pub(crate) struct Bounded<S> {
    stream: S,
    scan: Scan,
}

impl<S> Bounded<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, scan: Scan::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = read
            && let Err(TooLarge) = this.scan.pass(&buffer.filled()[before..])
        {
            buffer.set_filled(before);
            // Of this kind the client library ends the connection.
            let error = io::Error::new(io::ErrorKind::ConnectionAborted, "a reply of redis is larger than any can be");
            return Poll::Ready(Err(error));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// A reply is larger than any can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TooLarge;

/// Where in a reply the stream is.
#[derive(Debug, Default)]
struct Scan {
    /// Bytes of a string that are still to come, its line end among them.
    string: usize,
    line: Line,
    /// Elements that are still to come, of each array that has begun.
    open: Vec<usize>,
    /// Of this reply so far: its bytes, those announced among them, and its elements.
    bytes: usize,
    elements: usize,
}

/// A line so far: its first byte, and the number behind it.
#[derive(Debug, Default)]
struct Line {
    kind: Option<u8>,
    length: usize,
    number: usize,
    is_negative: bool,
}

impl Scan {
    fn pass(&mut self, mut bytes: &[u8]) -> Result<(), TooLarge> {
        while let [first, rest @ ..] = bytes {
            if self.string > 0 {
                let skipped = self.string.min(bytes.len());
                self.string -= skipped;
                bytes = &bytes[skipped..];
                if self.string == 0 {
                    self.end_element();
                }
            } else {
                bytes = rest;
                self.pass_byte(*first)?;
            }
        }
        Ok(())
    }

    fn pass_byte(&mut self, byte: u8) -> Result<(), TooLarge> {
        self.take_bytes(1)?;
        let line = &mut self.line;
        line.length += 1;
        match (line.kind, byte) {
            (None, kind) => line.kind = Some(kind),
            (Some(kind), b'\n') => {
                let line = std::mem::take(&mut self.line);
                return self.end_line(kind, line.number, line.is_negative);
            }
            (Some(_), b'-') => line.is_negative = true,
            (Some(_), b'0'..=b'9') => line.number = line.number.saturating_mul(10).saturating_add((byte - b'0').into()),
            _text => {}
        }
        if line.length > MOST_LINE { Err(TooLarge) } else { Ok(()) }
    }

    fn end_line(&mut self, kind: u8, number: usize, is_negative: bool) -> Result<(), TooLarge> {
        let elements = match kind {
            // Nothing, in the form of RESP2.
            b'$' | b'*' if is_negative => 0,
            b'$' | b'=' | b'!' => return self.begin_string(number),
            b'*' | b'~' | b'>' => number,
            b'%' => number.saturating_mul(2),
            // The attributes, and what they belong to.
            b'|' => number.saturating_mul(2).saturating_add(1),
            _text_or_number => 0,
        };
        if elements == 0 {
            self.end_element();
            return Ok(());
        }
        self.elements = self.elements.saturating_add(elements);
        if self.elements > MOST_ELEMENTS || self.open.len() >= MOST_DEPTH {
            return Err(TooLarge);
        }
        self.open.push(elements);
        Ok(())
    }

    fn begin_string(&mut self, length: usize) -> Result<(), TooLarge> {
        if length > MOST_STRING {
            return Err(TooLarge);
        }
        self.string = length + 2;
        self.take_bytes(self.string)
    }

    fn take_bytes(&mut self, bytes: usize) -> Result<(), TooLarge> {
        self.bytes += bytes;
        if self.bytes > MOST_REPLY { Err(TooLarge) } else { Ok(()) }
    }

    /// The last element of an array is the end of that array too.
    fn end_element(&mut self) {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        (self.bytes, self.elements) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a stream, in pieces of this many bytes.
    fn passed(stream: &[u8], piece: usize) -> Result<Scan, TooLarge> {
        let mut scan = Scan::default();
        stream.chunks(piece).try_for_each(|piece| scan.pass(piece))?;
        Ok(scan)
    }

    #[test]
    fn every_form_of_reply_is_followed_to_its_end_in_any_pieces() {
        let replies = b"+OK\r\n:-1\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n$5\r\n*9\r\n$\r\n*2\r\n*2\r\n:1\r\n$1\r\n$\r\n-ERR no 99999999999\r\n\
            %1\r\n+a\r\n_\r\n|1\r\n+a\r\n,1.5\r\n#t\r\n~1\r\n=7\r\ntxt:abc\r\n>2\r\n+message\r\n!3\r\nERR\r\n(123\r\n";

        for piece in 1..replies.len() {
            let scan = passed(replies, piece).expect("no reply is large");

            assert_eq!((scan.string, scan.open.len(), scan.bytes, scan.elements), (0, 0, 0, 0), "{piece}");
        }
    }

    #[test]
    fn what_announces_more_than_any_reply_has_is_too_large() {
        let strings = [
            b"*20\r\n".to_vec(),
            [b"$1000000\r\n".to_vec(), vec![b'x'; 1_000_000], b"\r\n".to_vec()].concat().repeat(20),
        ];
        let too_large: [&[u8]; 8] = [
            b"$536870912\r\n",
            b"$99999999999999999999999999\r\n",
            b"*1000000\r\n",
            b"%40000\r\n",
            &b"*1\r\n".repeat(9),
            &[&b"*2\r\n"[..], &b"*40000\r\n"[..], &b":1\r\n".repeat(40_000)[..], b"*40000\r\n"].concat(),
            &b"+".repeat(70_000),
            &strings.concat(),
        ];

        for stream in too_large {
            assert_eq!(passed(stream, 16_384).map(|_scan| ()), Err(TooLarge), "{:?}", &stream[..10]);
        }
    }
}
