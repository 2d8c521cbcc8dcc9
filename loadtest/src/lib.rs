//! A client of the CollabCanvas protocol, written from `PROTOCOL.md`, and load tests made of many of them.
//!
//! Owns its own reading of the protocol: the replica here is a second opinion on the server's, so it shares no rule with it but the raw
//! MessagePack cursor and the JSON twin. Never part of a server. Used by the binary `loadtest` and by the server's own tests.
//!
//! [`measure`] has a second, much cheaper client: one core of it must keep a server busy that has another.

pub mod ask;
pub mod campaign;
pub mod client;
pub mod core;
pub mod cost;
pub mod floor;
pub mod history;
mod incoming;
pub mod load;
pub mod losses;
pub mod machine;
mod map;
pub mod measure;
pub mod pending;
pub mod plan;
pub mod replica;
pub mod report;
pub mod say;
pub mod scenario;
pub mod short;
pub mod stats;
pub mod target;
mod unreadable;
pub mod violation;
pub mod wire;

pub use collabcanvas::protocol::Encoding;
