//! How sessions come in, and what that takes.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use std::time::Duration;

/// What a session is synced by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is nothing in the project.
    Start,
    /// By a snapshot.
    Snapshot,
    /// By what it missed.
    Delta,
    /// It missed nothing.
    Current,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Start, Self::Snapshot, Self::Delta, Self::Current];

    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Snapshot => "snapshot",
            Self::Delta => "delta",
            Self::Current => "current",
        }
    }
}

/// A session is in, and synced so.
pub fn join(kind: Kind) {
    counter!("collab_joins_total", "kind" => kind.name()).increment(1);
}

/// A session is in, so long after its hello.
pub fn joined(took: Duration) {
    histogram!("collab_join_seconds").record(took);
}

/// Somebody who joins waits for the project to be read.
pub fn reads_durable() {
    counter!("collab_joins_durable_reads_total").increment(1);
}

/// A snapshot of so many bytes was encoded.
pub fn snapshot_made(took: Duration, bytes: usize) {
    histogram!("collab_snapshot_seconds").record(took);
    counter!("collab_snapshot_bytes_total").increment(bytes as u64);
    counter!("collab_snapshots_total", "source" => "made").increment(1);
}

/// A snapshot that was there was good enough.
pub fn snapshot_kept() {
    counter!("collab_snapshots_total", "source" => "kept").increment(1);
}

/// Names them and makes them appear, at zero.
pub(super) fn describe() {
    describe_counter!("collab_joins_total", Unit::Count, "Sessions that were let into a room, by how they were synced");
    Kind::ALL.iter().for_each(|kind| counter!("collab_joins_total", "kind" => kind.name()).absolute(0));
    describe_counter!(
        "collab_snapshots_total",
        Unit::Count,
        "Snapshots for sessions, made for them or kept from others"
    );
    for source in ["made", "kept"] {
        counter!("collab_snapshots_total", "source" => source).absolute(0);
    }
    for (name, text) in [
        ("collab_snapshot_bytes_total", "Bytes of the snapshots that were made"),
        (
            "collab_joins_durable_reads_total",
            "Joins that waited for a read of the durable store, because their project was not open on this node",
        ),
    ] {
        describe_counter!(name, Unit::Count, text);
        counter!(name).absolute(0);
    }
    for (name, text) in [
        ("collab_join_seconds", "Time from a hello to the place in the room"),
        ("collab_snapshot_seconds", "Time to encode a snapshot"),
    ] {
        describe_histogram!(name, Unit::Seconds, text);
        let _ = histogram!(name);
    }
}
