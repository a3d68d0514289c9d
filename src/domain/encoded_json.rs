//! JSON that is already written, with the type that it stands for.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use serde::Serialize;

/// The JSON form of a `T`. Repositories compose it from cached parts and do not parse these first.
pub struct EncodedJson<T> {
    bytes: Bytes,
    form: PhantomData<fn() -> T>,
}

impl<T> EncodedJson<T> {
    /// Takes bytes that are the JSON form of a `T`. Tests compare them with what `T` serializes to.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self { bytes, form: PhantomData }
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl<T: Serialize> From<&T> for EncodedJson<T> {
    fn from(value: &T) -> Self {
        Self::from_bytes(serde_json::to_vec(value).expect("values of the domain have a JSON form").into())
    }
}

impl<T> Clone for EncodedJson<T> {
    fn clone(&self) -> Self {
        Self::from_bytes(self.bytes.clone())
    }
}

impl<T> fmt::Debug for EncodedJson<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(formatter)
    }
}
