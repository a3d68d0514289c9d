//! Scripts that invalidate entries and publish the invalidation: fence, release, invalidate and discard.

use aside_redis::{Call, Handle, RedisError, Script, Value};

use super::{
    name::EntryName,
    sequence::{CHANNEL, SEQUENCE, SEQUENCE_LIFE},
};

/// Calls a script whose keys are the sequence and these entries, and whose arguments are those of `own`, the life of the
/// sequence, the channel, and the entries' names. Gives the number that it returns.
pub(super) async fn publish(
    handle: &Handle,
    script: &'static Script,
    entries: &[EntryName],
    own: impl FnOnce(Call) -> Call,
) -> Result<i64, RedisError> {
    let call = script.call().key(handle.key(SEQUENCE));
    let call = entries.iter().fold(call, |call, entry| call.key(handle.key(entry.as_str())));
    let call = own(call).millis(SEQUENCE_LIFE).arg(handle.key(CHANNEL));
    let call = entries.iter().fold(call, |call, entry| call.arg(entry.as_str()));
    match handle.call(&[call]).await?.pop() {
        Some(Value::Int(number)) => Ok(number),
        Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
        _other => Err(handle.unexpected("EVALSHA")),
    }
}
