//! What a canvas is: objects, the rule by which ops change them, order. Pure: no clock, no I/O, no randomness.
//!
//! Owns the conflict rule ([`apply`]), stated once. Never knows of sessions or stores. Called by the hot stores, the durable
//! load, the rooms and the simulations.

pub mod apply;
pub mod canvas;
pub mod lease;
pub mod order;
pub mod rebalance;
