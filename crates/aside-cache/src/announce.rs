//! Scripts that invalidate cells and tell everybody: what fence, lift, relay and discard have in common.

use aside_redis::{Call, Handle, RedisError, Script, Value};

use super::{
    sequence::{CHANNEL, SEQUENCE, SEQUENCE_LIFE},
    shared::CellName,
};

/// Calls a script whose keys are the sequence and these cells, and whose arguments are what `own` adds, the life of the
/// sequence, the channel, and the cells' names. Gives the number that it returns.
pub(super) async fn announce(
    handle: &Handle,
    script: &'static Script,
    cells: &[CellName],
    own: impl FnOnce(Call) -> Call,
) -> Result<i64, RedisError> {
    let call = script.call().key(handle.key(SEQUENCE));
    let call = cells.iter().fold(call, |call, cell| call.key(handle.key(cell.as_str())));
    let call = own(call).millis(SEQUENCE_LIFE).arg(handle.key(CHANNEL));
    let call = cells.iter().fold(call, |call, cell| call.arg(cell.as_str()));
    match handle.call(&[call]).await?.pop() {
        Some(Value::Int(number)) => Ok(number),
        Some(Value::ServerError(error)) => Err(RedisError::Command(error.into())),
        _other => Err(handle.unexpected("EVALSHA")),
    }
}
