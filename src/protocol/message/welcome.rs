//! The welcome: the one large message that is plain data.

use super::{Mode, Role, Sync, WirePosition};
use crate::ids::{Cid, Seq, SessionId};
use crate::protocol::limits::Limits;
use serde::Serialize;

/// The answer to hello, and the start of every later resync.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "protocol.ts"))]
pub struct Welcome {
    /// Always `"welcome"`.
    #[cfg_attr(test, ts(type = "\"welcome\""))]
    pub t: &'static str,
    /// The protocol version taken.
    pub v: u32,
    /// Features both sides know.
    pub features: Vec<String>,
    /// This session's number.
    #[cfg_attr(test, ts(type = "number"))]
    pub session: SessionId,
    /// How commits name this client.
    pub author: String,
    /// The user id.
    pub user: String,
    /// What this user may do.
    pub role: Role,
    /// The position that the sync leads to.
    pub position: WirePosition,
    /// Every commit up to here is durable.
    #[cfg_attr(test, ts(type = "number"))]
    pub saved_seq: Seq,
    /// The highest cid of this client that the server has.
    #[cfg_attr(test, ts(type = "number"))]
    pub last: Cid,
    /// The highest cid of this client that is durable.
    #[cfg_attr(test, ts(type = "number"))]
    pub saved: Cid,
    /// What follows.
    pub sync: Sync,
    /// Normal or degraded.
    pub mode: Mode,
    /// The server's clock, in ms since 1970: what leases end by.
    #[cfg_attr(test, ts(type = "number"))]
    pub now_ms: u64,
    /// What may be sent.
    pub limits: Limits,
    /// The server pings this often, in ms.
    pub heartbeat_ms: u32,
    /// A session silent for this long is closed, in ms.
    pub timeout_ms: u32,
}
