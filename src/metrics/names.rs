//! The names of all metrics and what they say; they appear at zero.

use crate::protocol::close::Close;
use crate::protocol::refusal::Code;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Buckets of all durations, in seconds.
pub const SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counters without labels, and what they count.
const COUNTERS: &[(&str, &str)] = &[
    ("collab_commits_total", "Commits accepted"),
    (
        "collab_commits_held_total",
        "Commits that the members who wait for no answer got later, because the node was pressed",
    ),
    ("collab_repeats_total", "Batches that a client sent again and the server had already"),
    ("collab_room_open_failures_total", "Projects that could not be opened"),
    ("collab_room_losses_total", "Rooms that had to start over because the hot state was lost or another node went on"),
    ("collab_heals_total", "Lineages begun because the hot state was lost or had forked"),
    (
        "collab_direct_epochs_total",
        "Projects that this node took to the durable store alone because the hot store was away",
    ),
    ("collab_direct_calls_total", "Calls that were appended to the durable store while the hot store was away"),
    ("collab_direct_conflicts_total", "Such calls that another node was faster than"),
    ("collab_healed_commits_total", "Commits that a heal brought into the new lineage"),
    (
        "collab_held_given_up_total",
        "Held commits that were given up because their predecessor and their author are gone",
    ),
    ("collab_verify_mismatches_total", "Times that a room found itself off the hot store's history"),
    ("collab_gaps_repaired_total", "Commits that a room missed and read from the log"),
    ("collab_rewinds_total", "Times that a room had its sessions resend what is not saved"),
    ("collab_quarantined_objects_total", "Stored objects set aside because they cannot be read"),
    ("collab_saved_commits_total", "Commits made durable"),
    ("collab_saved_entries_total", "Entries made durable, of many commits each"),
    ("collab_saved_bytes_total", "Bytes of the entries made durable, before compression"),
    ("collab_coalesced_bytes_total", "Bytes of superseded values that entries were spared"),
    (
        "collab_saved_objects_total",
        "Objects that the entries made durable changed, each once per entry: what a store of one item per object would have written",
    ),
    ("collab_checkpoints_total", "Checkpoints made"),
    ("collab_checkpoint_bytes_total", "Bytes of the checkpoints made"),
    ("collab_checkpoint_failures_total", "Checkpoints that could not be made"),
    ("collab_save_failures_total", "Saves that the durable store did not take and that were tried again"),
    ("collab_save_fenced_total", "Saves that found a newer lineage in the durable log, and healed the hot one"),
    ("collab_save_conflicts_total", "Appends that found another entry in their place"),
    (
        "collab_outbox_overflows_total",
        "Sessions that fell behind and stopped hearing of commits until they were brought back",
    ),
    ("collab_resyncs_total", "Sessions brought back after they fell behind"),
    ("collab_presence_dropped_total", "Presence messages and broadcasts not sent to a slow reader"),
    ("collab_fanout_received_total", "Events that came from Redis"),
    (
        "collab_fanout_dropped_total",
        "Events not published because Redis was away or too slow; rooms notice and read what they lack",
    ),
    ("collab_fanout_gaps_total", "Times that the connection of events was lost and made again"),
    ("collab_fanout_unreadable_total", "Events that came from Redis and could not be read, and presence keys likewise"),
    ("collab_sessions_opened_total", "Sessions that said a good hello"),
    ("collab_frames_received_total", "Messages received from clients"),
];

/// Describes every metric and makes it appear, at zero.
pub fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(*name, Unit::Count, *text);
        counter!(*name).absolute(0);
    }
    for (name, text) in [
        ("collab_sessions", "Sessions now"),
        ("collab_rooms", "Rooms open now"),
        ("collab_connections", "Connections of sessions now: sockets, and channels of shared ones"),
        ("collab_shared_sockets", "Sockets now that sessions share as channels"),
        ("collab_node_isolated", "1 while this node is cut off from a hot store that other nodes reach"),
    ] {
        describe_gauge!(name, Unit::Count, text);
        gauge!(name).set(0.0);
    }
    describe_gauge!(
        "collab_oldest_unsaved_seconds",
        Unit::Seconds,
        "Age of the oldest commit that is not durable, of this node's projects and of what others had left when last looked"
    );
    gauge!("collab_oldest_unsaved_seconds").set(0.0);
    describe_gauge!(
        "collab_damaged_projects",
        Unit::Count,
        "Projects that cannot be saved because what is stored of them is damaged"
    );
    gauge!("collab_damaged_projects").set(0.0);
    let histograms = [
        ("collab_save_seconds", "Time that the durable store took for an entry"),
        ("collab_room_open_seconds", "Time to load a project and open its room"),
        (
            "collab_fanout_lag_seconds",
            "Time from the publishing of an event by a node to its receipt here, by both clocks",
        ),
    ];
    for (name, text) in histograms {
        describe_histogram!(name, Unit::Seconds, text);
        let _ = histogram!(name);
    }
    describe_counter!("collab_refusals_total", Unit::Count, "Batches refused, by code");
    Code::ALL.iter().for_each(|code| counter!("collab_refusals_total", "code" => code.as_str()).absolute(0));
    super::access::describe();
    super::durable::describe();
    super::joins::describe();
    super::limits::describe();
    super::node::describe();
    super::ops::describe();
    super::process::describe();
    super::redis::describe();
    describe_counter!("collab_closes_total", Unit::Count, "Sockets that the server closed, by reason");
    Close::ALL.iter().for_each(|close| counter!("collab_closes_total", "reason" => close.name()).absolute(0));
}
