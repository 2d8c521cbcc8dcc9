//! How the hot and the durable store are brought to agree.
//!
//! Owns the shapes of seals, the question whose history is whose, and the way from there to a new lineage. Decisions are pure (`course`, `merge`, `seal`, `tail`,
//! `isolation`, `replica`); `lineage`, `direct` and `tombstone` only carry them out. Never knows a session. Called by rooms and by autosave.

pub mod course;
pub mod direct;
pub mod isolation;
pub mod lineage;
pub mod merge;
pub mod replica;
pub mod seal;
mod state;
pub mod tail;
pub mod tombstone;

pub use state::hot_state;
