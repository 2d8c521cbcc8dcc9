//! The gateway: from a TCP connection to a session or a page.
//!
//! Owns the client listener, the upgrade with its checks of origin and subprotocol, the sockets that tabs share, and the built-in page. Never knows a
//! project's state. Started by `app`.

mod accept;
mod bots;
mod origin;
mod pages;
mod shared;
mod upgrade;

pub use accept::{Limits, serve};
pub use upgrade::{Gateway, router};
