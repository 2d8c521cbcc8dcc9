//! The generator: many cheap clients on one thread, and what they saw.
//!
//! One core of it has to keep a server busy that has a core, too. So its clients keep no copy of the project, read frames in place, and take the
//! intended time of an op from the op itself: `x` of what moves is the microsecond at which it was due. One client of each room at each node does the
//! full work: it checks every frame and keeps a copy, which is compared with fresh ones in the end (`witness.rs`, `judge.rs`).
//!
//! Open loop: ops are due at times that no answer can shift, and every latency counts from then.

pub mod conn;
pub mod crowd;
pub mod cursors;
pub mod decode;
pub mod figures;
pub mod frame;
pub mod hands;
pub mod idle;
pub mod joins;
pub mod judge;
pub mod meter;
pub mod ops;
pub mod peer;
pub mod place;
pub mod ramp;
pub mod state;
pub mod steady;
pub mod timetable;
pub mod verdict;
pub mod visit;
pub mod witness;
