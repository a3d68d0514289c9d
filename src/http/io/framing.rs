//! Where one request ends and the next begins, as the bytes of a connection say; and heads whose framing is ambiguous.
//!
//! hyper keeps this to itself, and it takes a request that has both `Content-Length` and `Transfer-Encoding` (RFC 9112, 6.1):
//! a proxy that believes the other field sees another request than we do. hyper refuses all else that would be ambiguous
//! (`io` lists it), so this follows the framing of what hyper accepts, and of nothing else.

use memchr::memchr;

/// A longer line is no `Content-Length` and no `Transfer-Encoding` that is accepted.
const MAX_LINE: usize = 128;

/// The place in the stream of requests that has been reached.
#[derive(Debug, Default)]
pub(super) struct Framing {
    part: Part,
    /// What was read of a line of a head that has not ended yet; its first [`MAX_LINE`] bytes.
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
    /// A body with so many bytes to come.
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
    /// So many bytes, the line's end behind the data among them.
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

/// What a head has said so far.
#[derive(Debug, Default)]
struct Fields {
    has_request_line: bool,
    length: Option<u64>,
    is_chunked: bool,
}

/// A field that makes the end of a request ambiguous.
#[derive(Debug)]
struct Ambiguous;

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
        let added = self.fields.add(line);
        self.line.clear();
        if let Some(body) = ended {
            self.fields = Fields::default();
            self.part = body;
        }
        added.map_err(|Ambiguous| {
            self.part = Part::Refused;
            end
        })?;
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

    fn add(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        if !self.has_request_line {
            self.has_request_line = !line.is_empty();
            return Ok(());
        }
        let Some(colon) = memchr(b':', line) else { return Ok(()) };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            let is_clear = !self.is_chunked && line.len() < MAX_LINE && length.is_some();
            self.length = length;
            return if is_clear { Ok(()) } else { Err(Ambiguous) };
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // Any other coding would be handed to the handler undecoded, and `chunked` twice is two layers.
            let is_clear = self.length.is_none() && !self.is_chunked && value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = true;
            return if is_clear { Ok(()) } else { Err(Ambiguous) };
        }
        Ok(())
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

/// How many of the bytes are among those that are left, and how many are left then.
fn take(left: u64, bytes: &[u8]) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left - taken as u64)
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
