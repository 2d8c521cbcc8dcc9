//! What travels between a client and a node, and what both agree on: pure, no I/O, no clock.
//!
//! Owns the shapes of `PROTOCOL.md`, their MessagePack form and its JSON twin, the limits and the close codes. Never decides
//! anything about a project's state. Called by every layer above.

pub mod change;
pub mod close;
pub mod commit;
pub mod decode;
pub mod encode;
pub mod frame;
pub mod json;
pub mod limits;
pub mod message;
pub mod op;
pub mod pack;
pub mod presence;
pub mod props;
pub mod refusal;
pub mod run;
pub mod scan;
pub mod secret;
pub mod short;
#[cfg(test)]
mod typescript;
pub mod unpack;
pub mod value;

/// The subprotocols of the upgrade request: how messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Binary messages of MessagePack.
    MessagePack,
    /// Text messages of JSON.
    Json,
}

impl Encoding {
    /// The name in `Sec-WebSocket-Protocol`.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::MessagePack => "collabcanvas.v1.msgpack",
            Self::Json => "collabcanvas.v1.json",
        }
    }

    /// The first encoding that a client's comma-separated list of subprotocols names.
    #[must_use]
    pub fn choose(offered: &str) -> Option<Self> {
        let known = [Self::MessagePack, Self::Json];
        offered.split(',').find_map(|name| known.into_iter().find(|e| e.subprotocol() == name.trim()))
    }
}

/// The only protocol version that this build speaks.
pub const VERSION: u32 = 1;
