//! The lookup: reading entries.

use std::{fmt::Display, time::Instant};

use aside_redis::{Handle, Pipeline, RedisError, Value, cmd};

use super::{
    entry::{Owner, State},
    name::EntryName,
    parts::Protocol,
};

impl Protocol {
    /// Reads the entries of this kind with these ids by one `MGET`. Trust is asked for before this, by
    /// [`handle`](Self::handle), and once more when the reply is there.
    pub(crate) async fn lookup(
        &self,
        handle: &Handle,
        entity: &'static str,
        ids: &[impl Display],
    ) -> Result<Vec<State>, RedisError> {
        let mut command = cmd("MGET");
        // One buffer for all keys: a home page looks up some fifty entries at once.
        let namespace = handle.namespace();
        let mut key = namespace.to_owned();
        let mut owners = Vec::with_capacity(ids.len());
        for id in ids {
            key.truncate(namespace.len());
            EntryName::write(entity, id, &mut key);
            owners.push(Owner::of(&key[namespace.len()..]));
            command.arg(&key);
        }
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command);
        let asked = Instant::now();
        let reply = handle.query(&pipeline).await?.pop();
        self.speeds.note_reply(asked.elapsed());
        if !self.trust.is_trusted() {
            return Err(RedisError::Unavailable);
        }
        let found = match reply {
            Some(Value::Array(found)) if found.len() == ids.len() => found,
            Some(Value::ServerError(error)) => return Err(RedisError::Command(error.into())),
            _other => return Err(handle.unexpected("MGET")),
        };
        self.pressure.note_hits(found.iter().filter(|entry| **entry != Value::Nil).count());
        let states = found.into_iter().zip(owners).zip(ids).map(|((entry, owner), id)| match entry {
            Value::Nil => Ok(State::Absent),
            Value::BulkString(bytes) => match State::decode(bytes, owner, handle.identity()) {
                State::Damaged(bytes) => {
                    self.discard_damaged(handle, entity, EntryName::new(entity, id), bytes);
                    Ok(State::Absent)
                }
                state => Ok(state),
            },
            _other => Err(handle.unexpected("MGET")),
        });
        states.collect()
    }
}
