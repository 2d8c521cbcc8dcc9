//! When a session last proved that its client is alive: written by the session, read by the room.

use std::sync::atomic::{AtomicU64, Ordering};

/// The last proof of life, in ms since 1970.
#[derive(Debug, Default)]
pub struct Pulse(AtomicU64);

impl Pulse {
    /// The client has sent something, or answered a ping.
    pub fn beat(&self, now_ms: u64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    /// When that was, in ms since 1970.
    #[must_use]
    pub fn last_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
