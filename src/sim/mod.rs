//! The simulated world: the real hub, recovery, autosave and durable log of several nodes, in one process and in simulated time, against seeded faults.
//!
//! Owns the stand-ins for what nodes share (two Redis servers, the durable store, Pub/Sub), what goes wrong with them, simulated SDKs, and what must hold
//! afterwards. A seed determines everything: every delay, fault, edit and answer. Never part of a build that serves anybody. Run by tests only; `tests.rs` says how.

mod checks;
mod client;
mod durable;
mod edits;
mod fanout;
mod faults;
mod god;
mod hot;
mod marks;
mod node;
#[cfg(test)]
mod purpose;
mod run;
#[cfg(test)]
mod schedules;
mod servers;
mod temper;
#[cfg(test)]
mod tests;
mod trace;
mod world;
