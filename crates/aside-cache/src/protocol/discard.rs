//! Discarding a value that is wrong, and reading entries byte for byte to find one.

use std::sync::LazyLock;

use aside_redis::{Call, Handle, Pipeline, RedisError, Script, Value, cmd};

use super::{entry::State, name::EntryName, parts::Protocol, publish::publish};

static DISCARD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/discard.lua")));

/// A value that differs from what was loaded after it was seen.
#[derive(Debug)]
pub struct Mismatch {
    /// Its entry.
    pub entry: EntryName,
    /// The entry's id, as logs may show it.
    pub shown: String,
    pub(crate) held: Vec<u8>,
}

impl Protocol {
    /// The bytes of these entries, and what they say.
    pub(crate) async fn read_bytes<'a>(
        &self,
        entries: impl Iterator<Item = &'a EntryName> + Clone,
    ) -> Result<Vec<Option<(Vec<u8>, State)>>, RedisError> {
        let handle = self.handle()?;
        let keys: Vec<String> = entries.clone().map(|entry| handle.key(entry.as_str())).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = cmd("MGET");
        command.arg(&keys);
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let found = match handle.query(&pipeline).await?.pop() {
            Some(Value::Array(found)) if found.len() == keys.len() => found,
            Some(Value::ServerError(error)) => return Err(RedisError::Command(error.into())),
            _other => return Err(handle.unexpected("MGET")),
        };
        let read = |(found, entry): (Value, &EntryName)| {
            let Value::BulkString(bytes) = found else { return None };
            let state = State::decode(bytes.clone(), entry.owner(), handle.identity());
            Some((bytes, state))
        };
        Ok(found.into_iter().zip(entries).map(read).collect())
    }

    /// Deletes this value and publishes the invalidation, unless the entry holds something else by now. Gives whether the value
    /// was there.
    ///
    /// # Errors
    ///
    /// When Redis did not say what it did.
    pub async fn discard(&self, mismatch: &Mismatch) -> Result<bool, RedisError> {
        // An invalidation, as a fence is: it needs a server, not trust.
        self.discard_through(&self.redis.handle_however_slow()?, mismatch).await
    }

    pub(super) async fn discard_through(&self, handle: &Handle, mismatch: &Mismatch) -> Result<bool, RedisError> {
        let entries = std::slice::from_ref(&mismatch.entry);
        let own = |call: Call| call.arg(mismatch.held.as_slice());
        Ok(publish(handle, &DISCARD, entries, own).await? == 1)
    }
}
