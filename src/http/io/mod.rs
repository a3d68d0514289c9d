//! What surrounds a client's socket, each for one thing that hyper leaves to its user.
//!
//! From the outside in: [`BareAnswers`] turns what hyper answers by itself into problem documents, [`Lingering`] lets a
//! refused client read its answer, [`WriteDeadline`] ends clients that do not take theirs. Beside them, [`OneClock`] is what
//! hyper measures its time-outs by.

mod bare_answers;
mod lingering;
mod one_clock;
mod write_deadline;

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use bare_answers::BareAnswers;
use lingering::Lingering;
pub(super) use one_clock::OneClock;
use write_deadline::WriteDeadline;

/// A client's socket with everything around it.
pub(super) fn client_stream(socket: TcpStream, write_timeout: Duration) -> impl AsyncRead + AsyncWrite + Send + Unpin {
    BareAnswers::new(Lingering::new(WriteDeadline::new(socket, write_timeout)))
}
