//! A session: one WebSocket, from its hello to its end.
//!
//! Owns the conversation with one client: what is said when is decided by `machine`, without I/O; `run` moves the frames. Never knows a store. Called
//! by the gateway after the upgrade.

mod access;
mod handshake;
mod machine;
mod run;
mod socket;

pub use run::{Session, run};

use std::time::Duration;

/// How long sessions wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// From the upgrade to the hello.
    pub hello: Duration,
    /// Between two pings.
    pub heartbeat: Duration,
    /// Without a sign of life, and without a byte that the client took, until the session ends.
    pub silence: Duration,
    /// From our close frame to the client's, until the socket is dropped.
    pub closing: Duration,
}
