//! How the hot and the durable store are brought to agree: pure decisions, no I/O, no clock.
//!
//! Owns the shapes of seals and the question whose history is whose. Called by the room's installation and by autosave.

pub mod course;
pub mod merge;
pub mod seal;
pub mod tail;
