//! The boundaries between the requests of a connection, and heads whose framing is ambiguous.
//!
//! hyper does not expose the boundaries, and it accepts a request that has both `Content-Length` and `Transfer-Encoding`
//! (RFC 9112, 6.1). A proxy that obeys the other field then sees another request than the service does. hyper refuses all
//! other ambiguous requests (`io` lists them), so this parser knows only what hyper accepts.

use memchr::memchr;

/// A longer line is no `Content-Length` and no `Transfer-Encoding` that is accepted.
const MAX_LINE: usize = 128;

/// The position in the stream of requests.
#[derive(Debug, Default)]
pub(super) struct Framing {
    part: Part,
    /// The unfinished line of a head, up to [`MAX_LINE`] bytes.
    line: Vec<u8>,
    fields: Fields,
    heads: u64,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Part {
    /// The next request, of which there is no byte yet.
    #[default]
    BetweenRequests,
    /// A request's head.
    Head,
    /// A body; the number of its bytes that are still to come.
    Length(u64),
    /// A body in chunks.
    Chunked(Chunk),
    /// Nothing: the head was refused, and the connection ends.
    Refused,
}

/// The part of a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The digits of a chunk's size, so far.
    Size(u64),
    /// The rest of the line of the size.
    SizeLine(u64),
    /// The number of bytes to come, with the end of the line behind the data.
    Data(u64),
    /// The first byte of a line behind the last chunk.
    TrailerStart,
    /// The rest of a trailer, up to its CR.
    Trailer,
    /// The LF of a trailer.
    TrailerLf,
    /// The LF of the empty line that ends the body.
    EndLf,
}

/// The fields of a head so far.
#[derive(Debug, Default)]
struct Fields {
    has_request_line: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl Framing {
    /// What the next byte belongs to.
    pub(super) fn part(&self) -> Part {
        self.part
    }

    /// How many heads have begun so far.
    pub(super) fn heads(&self) -> u64 {
        self.heads
    }

    /// Follows these bytes. `Err` is the place of the line end behind the first field that makes a head ambiguous.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), usize> {
        let mut at = 0;
        while at < bytes.len() {
            at += match self.part {
                Part::BetweenRequests => {
                    self.part = Part::Head;
                    self.heads += 1;
                    0
                }
                Part::Head => self.follow_line(&bytes[at..]).map_err(|end| at + end)?,
                Part::Length(left) => {
                    let (taken, left) = take(left, &bytes[at..]);
                    self.part = if left == 0 { Part::BetweenRequests } else { Part::Length(left) };
                    taken
                }
                Part::Chunked(chunk) => {
                    let (taken, next) = chunk.follow(&bytes[at..]);
                    self.part = next.map_or(Part::BetweenRequests, Part::Chunked);
                    taken
                }
                Part::Refused => bytes.len() - at,
            }
        }
        Ok(())
    }

    /// Takes bytes of a head up to the end of a line, if it is among them.
    fn follow_line(&mut self, bytes: &[u8]) -> Result<usize, usize> {
        let end = memchr(b'\n', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        let is_split = end.is_none() || !self.line.is_empty();
        if is_split {
            let room = MAX_LINE.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        let Some(end) = end else { return Ok(bytes.len()) };

        let line = if is_split { self.line.as_slice() } else { piece };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let ended = if line.is_empty() { self.fields.end_of_head() } else { None };
        let is_clear = self.fields.add(line);
        self.line.clear();
        if let Some(body) = ended {
            self.fields = Fields::default();
            self.part = body;
        }
        if !is_clear {
            self.part = Part::Refused;
            return Err(end);
        }
        Ok(end + 1)
    }
}

impl Fields {
    /// What follows an empty line: a body or the next request. Empty lines before the request line are allowed.
    fn end_of_head(&self) -> Option<Part> {
        let body = match self.length {
            _ if self.is_chunked => Part::Chunked(Chunk::Size(0)),
            None | Some(0) => Part::BetweenRequests,
            Some(length) => Part::Length(length),
        };
        self.has_request_line.then_some(body)
    }

    /// Adds a line; false if it makes the end of the request ambiguous.
    fn add(&mut self, line: &[u8]) -> bool {
        if !self.has_request_line {
            self.has_request_line = !line.is_empty();
            return true;
        }
        let Some(colon) = memchr(b':', line) else { return true };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            let is_clear = !self.is_chunked && line.len() < MAX_LINE && length.is_some();
            self.length = length;
            return is_clear;
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // Any other coding would be handed to the handler undecoded, and `chunked` twice is two layers.
            let is_clear = self.length.is_none() && !self.is_chunked && value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = true;
            return is_clear;
        }
        true
    }
}

impl Chunk {
    /// How many of the bytes belong to this part, and the next one; `None` behind the last.
    fn follow(self, bytes: &[u8]) -> (usize, Option<Self>) {
        let first = bytes[0];
        match self {
            Self::Size(size) => match char::from(first).to_digit(16) {
                Some(digit) => (1, Some(Self::Size(size.saturating_mul(16).saturating_add(digit.into())))),
                None => (0, Some(Self::SizeLine(size))),
            },
            Self::SizeLine(size) => match memchr(b'\n', bytes) {
                None => (bytes.len(), Some(self)),
                Some(end) if size == 0 => (end + 1, Some(Self::TrailerStart)),
                Some(end) => (end + 1, Some(Self::Data(size.saturating_add(2)))),
            },
            Self::Data(left) => {
                let (taken, left) = take(left, bytes);
                (taken, Some(if left == 0 { Self::Size(0) } else { Self::Data(left) }))
            }
            Self::TrailerStart if first == b'\r' => (1, Some(Self::EndLf)),
            Self::Trailer if first == b'\r' => (1, Some(Self::TrailerLf)),
            Self::TrailerStart | Self::Trailer => (1, Some(Self::Trailer)),
            Self::TrailerLf => (1, Some(Self::TrailerStart)),
            Self::EndLf => (1, None),
        }
    }
}

/// How many of the bytes belong to a part of which `left` bytes are missing, and how many are missing then.
fn take(left: u64, bytes: &[u8]) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left - taken as u64)
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
