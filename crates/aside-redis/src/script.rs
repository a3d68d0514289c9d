//! Lua scripts, sent by their hash.

use std::time::Duration;

use redis::{Cmd, Value, cmd};

/// A script and its hash. Lives in a `static` beside its caller.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    hash: String,
}

impl Script {
    /// A script from the text of its file.
    #[must_use]
    pub fn new(source: &'static str) -> Self {
        let hash = redis::Script::new(source).get_hash().to_owned();
        Self { source, hash }
    }

    /// A call of this script; keys and arguments follow.
    #[must_use]
    pub fn call(&'static self) -> Call {
        Call { script: self, keys: Vec::new(), arguments: Vec::new() }
    }
}

/// One call of a script.
#[derive(Clone, Debug)]
pub struct Call {
    script: &'static Script,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds a number as an argument.
    #[must_use]
    pub fn number(self, number: impl Into<i128>) -> Self {
        self.arg(number.into().to_string())
    }

    /// Adds a duration as an argument, in whole milliseconds.
    #[must_use]
    pub fn millis(self, duration: Duration) -> Self {
        self.arg(duration.as_millis().to_string())
    }

    pub(crate) fn by_hash(&self) -> Cmd {
        let mut command = cmd("EVALSHA");
        command.arg(&self.script.hash).arg(self.keys.len());
        for word in self.keys.iter().chain(&self.arguments) {
            command.arg(word.as_slice());
        }
        command
    }

    pub(crate) fn load(&self) -> Cmd {
        let mut command = cmd("SCRIPT");
        command.arg("LOAD").arg(self.script.source);
        command
    }
}

/// Whether a reply says that the server does not have the script (a fresh server, `SCRIPT FLUSH`): it did nothing.
pub(crate) fn is_unknown_script(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if error.code() == "NOSCRIPT")
}
