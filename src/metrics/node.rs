//! The node as a whole: what it is, whether it is ready, and what its rooms hold.

use metrics::{Unit, describe_gauge, gauge};

/// Which version this is.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Which commit it was built from, if the build said so.
pub const REVISION: &str = match option_env!("COLLAB_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

const GAUGES: &[(&str, Unit, &str)] = &[
    ("collab_ready", Unit::Count, "1 while the node can serve: the answer of /readyz, every 5 s"),
    ("collab_held_commits", Unit::Count, "Commits that rooms have heard of and their lineage lacks"),
    ("collab_unsaved_commits", Unit::Count, "Commits that rooms have and that are not durable"),
    ("collab_outbox_bytes", Unit::Bytes, "Bytes that wait for sessions to take them"),
    ("collab_places", Unit::Count, "Connections that this node may have: the limit `connections`"),
    (
        "collab_places_free",
        Unit::Count,
        "Connections that it may have beside those that it has and the next, which it waits for",
    ),
    ("collab_slow_sessions", Unit::Count, "Sessions that fell behind and are not brought back yet"),
];

/// What all rooms hold together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Commits that their lineages lack.
    pub held: usize,
    /// Commits that are not durable.
    pub unsaved: u64,
    /// Bytes that wait for sessions.
    pub outbox_bytes: usize,
    /// Sessions that fell behind.
    pub slow: usize,
}

/// Tells of what the rooms hold now.
#[expect(clippy::cast_precision_loss, reason = "counts and bytes of one process are far below 2^53")]
pub fn holds(held: Held) {
    gauge!("collab_held_commits").set(held.held as f64);
    gauge!("collab_unsaved_commits").set(held.unsaved as f64);
    gauge!("collab_outbox_bytes").set(held.outbox_bytes as f64);
    gauge!("collab_slow_sessions").set(held.slow as f64);
}

/// How many connections it may have, and how many beside those that it has.
#[expect(clippy::cast_precision_loss, reason = "connections of one process are far below 2^53")]
pub fn places((all, free): (usize, usize)) {
    gauge!("collab_places").set(all as f64);
    gauge!("collab_places_free").set(free as f64);
}

/// Whether it can serve.
pub fn ready(is_ready: bool) {
    gauge!("collab_ready").set(if is_ready { 1.0 } else { 0.0 });
}

/// Names them and makes them appear.
pub(super) fn describe() {
    for (name, unit, text) in GAUGES {
        describe_gauge!(*name, *unit, *text);
        gauge!(*name).set(0.0);
    }
    describe_gauge!(
        "collab_build_info",
        Unit::Count,
        "1, for the version and the commit that this node was built from"
    );
    gauge!("collab_build_info", "version" => VERSION, "revision" => REVISION).set(1.0);
}
