//! The gateway: from a TCP connection to a session or a page.
//!
//! Owns the client listener, what everything passes that comes to it (`edge`), the upgrade with its checks of origin and subprotocol, the sockets that tabs
//! share, and the built-in page. Never knows a project's state. Started by `app`.

mod accept;
mod arrival;
mod body;
mod bots;
mod cors;
mod crowd;
mod edge;
mod headers;
mod host;
mod origin;
mod pages;
mod peer;
mod request_id;
mod rest;
mod shared;
mod upgrade;

pub use accept::{Limits, serve};
pub use arrival::Arrival;
pub use crowd::{Bounds, Crowd, Guard, RETRY_AFTER, TooMany};
pub use edge::Edge;
pub use peer::{Peer, Trusted};
#[doc(hidden)]
pub use shared::frame as shared_frame;
pub use upgrade::{Gateway, Serves, operators, router};
