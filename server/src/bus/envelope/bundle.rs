//! Several envelopes as one: see the module above for how they lie in it.

use super::{BUNDLE, Envelope, NotAnEnvelope};
use bytes::{BufMut, Bytes, BytesMut};

const LENGTH: usize = size_of::<u32>();
/// Bytes of a bundle: enough for a few hundred messages of usual length, and little beside what may wait for a broker.
const BUNDLE_BYTES: usize = 128 * 1024;

/// Envelopes for one destination, in order.
#[derive(Debug, Default)]
pub struct Bundle {
    bytes: BytesMut,
    count: usize,
}

impl Bundle {
    /// Adds one at the end.
    pub fn push(&mut self, envelope: &Envelope) {
        if self.count == 0 {
            self.bytes.put_u8(BUNDLE);
        }
        let start = self.bytes.len();
        self.bytes.put_u32(0);
        envelope.write(&mut self.bytes);
        // A frame is far below 4 GiB; a length that is none makes the bundle unreadable and the store is asked.
        let length = u32::try_from(self.bytes.len() - start - LENGTH).unwrap_or(u32::MAX);
        self.bytes[start..start + LENGTH].copy_from_slice(&length.to_be_bytes());
        self.count += 1;
    }

    /// Whether it is time to send it and begin another one.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BUNDLE_BYTES
    }

    /// As it travels: a single envelope by itself. `None` if there is nothing in it.
    #[must_use]
    pub fn finish(self) -> Option<Bytes> {
        let bytes = self.bytes.freeze();
        match self.count {
            0 => None,
            1 => Some(bytes.slice(1 + LENGTH..)),
            _ => Some(bytes),
        }
    }
}

/// Cuts the next envelope off a bundle. Where a length leads beyond the end, nothing more can be read.
pub(super) fn take(rest: &mut Bytes) -> Result<Bytes, NotAnEnvelope> {
    let mut all = std::mem::take(rest);
    let length = split(&mut all, LENGTH)?;
    let length = length.iter().fold(0_usize, |sum, &byte| (sum << 8) | usize::from(byte));
    let next = split(&mut all, length)?;
    *rest = all;
    Ok(next)
}

fn split(bytes: &mut Bytes, at: usize) -> Result<Bytes, NotAnEnvelope> {
    if at > bytes.len() { Err(NotAnEnvelope) } else { Ok(bytes.split_to(at)) }
}
