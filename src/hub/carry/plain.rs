//! Times, bytes and secrets as they are carried.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteBuf;

/// A time in nanoseconds. As large as it can be, it is 584 years, so that adding settings to one never overflows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Nanos(u64);

impl Nanos {
    pub(super) const fn get(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl From<Duration> for Nanos {
    fn from(time: Duration) -> Self {
        Self(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Bytes, written as such and not as a list of numbers.
pub(super) struct Blob(pub(super) Bytes);

impl Blob {
    pub(super) fn into_mut(self) -> BytesMut {
        self.0.into()
    }
}

impl From<BytesMut> for Blob {
    fn from(bytes: BytesMut) -> Self {
        Self(bytes.freeze())
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = ByteBuf::deserialize(deserializer)?;
        Ok(Self(Bytes::from(bytes.into_vec())))
    }
}

/// Something that nothing shows.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hidden<T>(pub(super) T);
