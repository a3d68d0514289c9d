//! What can go wrong on the way to Redis. Nothing here fails a request: callers turn it into a miss.

/// Why Redis gave no usable reply.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No connection is there at the moment; nothing was sent.
    #[error("redis is out of reach")]
    Unavailable,
    /// The command failed on its way or at the server. It may have been carried out.
    #[error("redis command failed")]
    Command(#[from] redis::RedisError),
    /// The reply is another command's, or was cut. The connection ends.
    #[error("redis's replies do not belong to the commands")]
    OutOfStep,
    /// The reply has another shape than the command's.
    #[error("redis gave an unexpected reply to {command}")]
    UnexpectedReply {
        /// The command, without its arguments.
        command: &'static str,
    },
}
