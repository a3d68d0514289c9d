//! Checks that replies belong to their commands, and counts those that are errors.
//!
//! A reply carries nothing that names its command: one reply too many, from a proxy or a client library, gives each command the
//! reply of another from then on. So each pipeline ends with an `ECHO` of a number that no other pipeline of the connection has.
//! Where the number does not come back in its place, no reply of the pipeline counts, and the connection ends.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::{counter::Counter, family::Family};
use redis::{Pipeline, Value};

use super::{
    error::RedisError,
    metrics::{ErrorLabels, Metrics},
};

/// The first words of Redis's errors that have a label of their own; an unknown word is `other`.
const WORDS: [&str; 20] = [
    "ASK",
    "BUSY",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "ERR",
    "EXECABORT",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "MOVED",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "NOSCRIPT",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "UNKILLABLE",
    "WRONGPASS",
    "WRONGTYPE",
];

/// The check of one connection.
#[derive(Debug)]
pub(crate) struct Replies {
    /// The number of the next pipeline. Begins at random, so that a mix-up of two connections is found too.
    next: AtomicU64,
    out_of_step: Counter,
    errors: Family<ErrorLabels, Counter>,
}

impl Replies {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            next: AtomicU64::new(rand::random()),
            out_of_step: metrics.replies_out_of_step.clone(),
            errors: metrics.errors.clone(),
        }
    }

    /// The pipeline with its `ECHO`, and the number that is echoed.
    pub(crate) fn mark(&self, pipeline: &Pipeline) -> (Pipeline, u64) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut marked = pipeline.clone();
        marked.cmd("ECHO").arg(number);
        (marked, number)
    }

    /// The replies to the commands of a pipeline that was marked with this number.
    pub(crate) fn check(
        &self,
        mut replies: Vec<Value>,
        commands: usize,
        number: u64,
    ) -> Result<Vec<Value>, RedisError> {
        let echoed = replies.pop();
        for reply in replies.iter().chain(&echoed) {
            if let Value::ServerError(error) = reply {
                self.count_error(error.code());
            }
        }
        match echoed {
            Some(Value::BulkString(text)) if replies.len() == commands && text == number.to_string().as_bytes() => {
                Ok(replies)
            }
            // A server that is busy with a script refuses ECHO as it refuses the rest.
            Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
            _another_commands => Err(self.out_of_step()),
        }
    }

    /// A reply that is not its command's.
    pub(crate) fn out_of_step(&self) -> RedisError {
        self.out_of_step.inc();
        RedisError::OutOfStep
    }

    pub(crate) fn count_failure(&self, error: &redis::RedisError) {
        self.count_error(word_of(error));
    }

    fn count_error(&self, word: &str) {
        let word = known(word);
        self.errors.get_or_create(&ErrorLabels { word }).inc();
    }
}

/// The label of a command's failure.
pub(crate) fn word_of(error: &redis::RedisError) -> &'static str {
    match error.code() {
        Some(code) => known(code),
        None if error.is_timeout() => "timeout",
        None if error.is_io_error() || error.is_connection_dropped() => "io",
        None => "other",
    }
}

fn known(word: &str) -> &'static str {
    WORDS.into_iter().find(|known| *known == word).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn replies_count_only_with_the_number_of_their_pipeline_behind_them() {
        let replies = Replies::new(&Metrics::default());

        assert_eq!(replies.check(vec![Value::Int(7), echo("12")], 1, 12).ok(), Some(vec![Value::Int(7)]));
        for foreign in [vec![Value::Nil, Value::Int(7)], vec![Value::Int(7), echo("11")], vec![echo("12")], vec![]] {
            assert!(matches!(replies.check(foreign, 1, 12), Err(RedisError::OutOfStep)));
        }
        assert_eq!(replies.out_of_step.get(), 4);
    }

    #[test]
    fn numbers_are_not_used_twice() {
        let (replies, pipeline) = (Replies::new(&Metrics::default()), Pipeline::new());

        assert_ne!(replies.mark(&pipeline).1, replies.mark(&pipeline).1);
    }

    #[test]
    fn an_unknown_word_is_other() {
        assert_eq!(["OOM", "READONLY", "made-up"].map(known), ["OOM", "READONLY", "other"]);
    }
}
