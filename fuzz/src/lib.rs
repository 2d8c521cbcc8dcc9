//! What must hold of whatever bytes come from outside: one function for each fuzz target, which panics when it does not.
//!
//! Each is there once. The fuzz targets call it with what libFuzzer makes; `tests/fuzz.rs` has this file by its path and calls it with the
//! committed corpus and with mutations of that. It is no module of the server behind a `cfg`, because it needs nothing but what the server and the load
//! test's client show to everybody; and every target takes bytes, so that a file of the corpus, a mutation and a crash are the same thing.

#![forbid(unsafe_code)]

mod batch;
mod board;
mod dice;
mod entry;
mod event;
mod frame;
mod model;
mod op;
mod session;
mod shared_frame;
mod snapshot;
mod value;

/// One target: panics when something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: &[(&str, Target)] = &[
    ("batch", batch::check),
    ("entry", entry::check),
    ("event", event::check),
    ("frame_json", frame::json),
    ("frame_msgpack", frame::msgpack),
    ("shared_frame", shared_frame::check),
    ("snapshot", snapshot::check),
];

/// Runs a target.
///
/// # Panics
/// When something does not hold, or there is no such target.
pub fn run(name: &str, data: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target of the table");
    target(data);
}
