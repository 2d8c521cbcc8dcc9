//! Who may do what: tokens and the keys they are checked with, one-time tickets, share links, and each project's rights.
//!
//! Owns the answer to "may this caller in, as whom, until when, and in which role": [`Access`] gives it, from a token and from the project's
//! record in the durable store ([`rights`]). Never knows a room or a socket. Called by sessions at their hello, by the gateway for requests, and
//! by rooms when another node says that the rights of a project have changed.
//!
//! - An outage never reads as "no": a record that cannot be read is [`Denied::Unavailable`], and the caller comes again.
//! - What a token grants is what it says of the project, overridden by the record; both are asked at every change of the record.
//! - Secrets are compared by digest or in constant time, and no secret is ever in a message, a log or a metric.

pub mod api_keys;
mod crypto;
mod denied;
mod development;
mod door;
pub mod grant;
mod jwks;
pub mod keys;
pub mod links;
pub mod password;
pub mod registry;
pub mod rights;
#[cfg(test)]
pub(crate) mod testing;
pub mod tickets;
pub mod token;

pub use denied::Denied;
pub use development::{DevelopmentKey, KeyFileError};
pub use door::{Access, Admission, Caller};
