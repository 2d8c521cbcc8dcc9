//! One-time tickets: a back end's or a page's authenticated request gets one, and a WebSocket is let in with it, once, on any node.

mod memory;
mod redis;

pub use self::memory::MemoryTickets;
pub use self::redis::RedisTickets;

use super::denied::Denied;
use super::grant::Grant;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// What every ticket begins with.
pub const PREFIX: &str = "ticket.";
/// How long a ticket is good.
pub const TTL: Duration = Duration::from_secs(30);

/// Where tickets wait. Only their digests are kept: whoever reads the store cannot use them.
#[async_trait]
pub trait Tickets: Send + Sync + 'static {
    /// Keeps what a ticket grants for [`TTL`].
    ///
    /// # Errors
    /// A sentence: it cannot be kept now.
    async fn put(&self, digest: &str, grant: String) -> Result<(), String>;

    /// What the ticket grants; of several who ask, on any nodes, one alone gets it.
    ///
    /// # Errors
    /// A sentence: it cannot be known now.
    async fn take(&self, digest: &str) -> Result<Option<String>, String>;
}

/// Makes a ticket.
///
/// # Errors
/// [`Denied::Unavailable`].
pub(super) async fn issue(tickets: &dyn Tickets, grant: &Grant) -> Result<String, Denied> {
    let ticket = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 24]>()));
    let grant = serde_json::to_string(grant).expect("maps with text keys and plain values are JSON");
    tickets.put(&digest(&ticket), grant).await.map_err(Denied::Unavailable)?;
    Ok(ticket)
}

/// Uses a ticket up.
///
/// # Errors
/// [`Denied`].
pub(super) async fn take(tickets: &dyn Tickets, ticket: &str) -> Result<Grant, Denied> {
    let kept = tickets.take(&digest(ticket)).await.map_err(Denied::Unavailable)?;
    let used = || Denied::token("ticket_used", "this ticket was used, or its 30 s are over: get a new one");
    serde_json::from_str(&kept.ok_or_else(used)?).map_err(|_| used())
}

fn digest(ticket: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(ticket))
}
