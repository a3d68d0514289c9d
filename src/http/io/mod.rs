//! What surrounds a client's socket, each for one thing that hyper leaves to its user.
//!
//! From the outside in: [`BareAnswers`] turns what hyper answers by itself into problem documents, [`Lingering`] lets a
//! refused client read its answer, [`WriteDeadline`] ends clients that do not take theirs, [`ReadDeadline`] ends those that
//! send no request, and refuses requests whose end is ambiguous.
//!
//! | a request with | is 400, and the connection closes, by |
//! |---|---|
//! | `Content-Length` and `Transfer-Encoding`; a transfer coding other than one `chunked` | `framing` |
//! | two different `Content-Length`s, a length that is no number, `Transfer-Encoding` in HTTP/1.0 | hyper |
//! | white space before a colon, a folded line, a bare CR, NUL or another control character | hyper |
//! | no `Host`, or several | `middleware::head` |

mod bare_answers;
mod framing;
mod lingering;
mod read_deadline;
mod write_deadline;

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use bare_answers::BareAnswers;
use lingering::Lingering;
use read_deadline::ReadDeadline;
pub(super) use read_deadline::ReadTimeouts;
use write_deadline::WriteDeadline;

/// A client's socket with everything around it.
pub(super) fn client_stream(
    socket: TcpStream,
    read_timeouts: ReadTimeouts,
    write_timeout: Duration,
) -> impl AsyncRead + AsyncWrite + Send + Unpin {
    BareAnswers::new(Lingering::new(WriteDeadline::new(ReadDeadline::new(socket, read_timeouts), write_timeout)))
}
