//! A walk over the cells that are in Redis, a bounded step at a time.

use aside_redis::{Pipeline, RedisError, Value, cmd};

use super::shared::{CellName, Protocol};

/// Keys that one step looks at, those of others in the same Redis among them: below a millisecond of its time (0.6 to 0.9 on a
/// slow machine).
const STEP: usize = 200;

/// Goes round and round. What is in Redis for a whole round is met in it (as `SCAN` promises), some of it twice.
#[derive(Debug, Default)]
pub struct Walk {
    /// In which Redis process the cursor means something.
    namespace: String,
    cursor: Vec<u8>,
}

/// What a step has met.
#[derive(Debug)]
pub struct Met {
    /// Names of cells, and of other keys of this application.
    pub cells: Vec<CellName>,
    /// Whether a round ends with this step.
    pub ends_a_round: bool,
}

impl Walk {
    /// Goes on by one step.
    ///
    /// # Errors
    ///
    /// When Redis does not answer; the next step tries the same again.
    pub async fn step(&mut self, cache: &Protocol) -> Result<Met, RedisError> {
        let handle = cache.handle()?;
        if self.namespace != handle.namespace() || self.cursor.is_empty() {
            handle.namespace().clone_into(&mut self.namespace);
            self.cursor = b"0".to_vec();
        }
        let mut scan = cmd("SCAN");
        // A prefix has no characters that mean something in a pattern.
        scan.arg(self.cursor.as_slice()).arg("MATCH").arg(format!("{}*", self.namespace)).arg("COUNT").arg(STEP);
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(scan);
        let unexpected = || handle.unexpected("SCAN");
        let parts = match handle.query(&pipeline).await?.pop() {
            Some(Value::Array(parts)) => parts,
            Some(Value::ServerError(error)) => return Err(RedisError::Command(error.into())),
            _other => return Err(unexpected()),
        };
        let Ok([Value::BulkString(cursor), Value::Array(keys)]) = <[Value; 2]>::try_from(parts) else {
            return Err(unexpected());
        };
        self.cursor = cursor;
        let cells = keys.into_iter().filter_map(|key| self.name(key)).collect();
        Ok(Met { cells, ends_a_round: self.cursor == b"0" })
    }

    fn name(&self, key: Value) -> Option<CellName> {
        let Value::BulkString(key) = key else { return None };
        let key = String::from_utf8(key).ok()?;
        Some(CellName::from_text(key.strip_prefix(&self.namespace)?.to_owned()))
    }
}
