//! Presence: the short-lived state of sessions.
//!
//! Owns who is there and their fields. Never delays a commit, never reaches a store. Called by the room.

pub mod roster;
