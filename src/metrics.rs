//! Every metric there is, in one place: `collab_<noun>_<unit>`, base units, there from the start, never a project or user in a label.

pub mod durable;

use crate::protocol::close::Close;
use crate::protocol::refusal::Code;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

/// Buckets of all durations, in seconds.
pub const SECONDS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counters without labels, and what they count.
const COUNTERS: &[(&str, &str)] = &[
    ("collab_commits_total", "Commits accepted"),
    ("collab_calls_total", "Calls to the hot store, of up to 64 batches each"),
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
    ("collab_redis_reconnects_total", "Connections to Redis made anew, of commands and of subscriptions"),
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
        ("collab_connections", "Sockets now"),
        ("collab_node_isolated", "1 while this node is cut off from a hot store that other nodes reach"),
    ] {
        describe_gauge!(name, Unit::Count, text);
        gauge!(name).set(0.0);
    }
    let histograms = [
        ("collab_save_seconds", "Time that the durable store took for an entry"),
        ("collab_room_open_seconds", "Time to load a project and open its room"),
        (
            "collab_fanout_lag_seconds",
            "Time from the publishing of an event by a node to its receipt here, by both clocks",
        ),
        ("collab_snapshot_seconds", "Time to encode a snapshot"),
    ];
    for (name, text) in histograms {
        describe_histogram!(name, Unit::Seconds, text);
        let _ = histogram!(name);
    }
    describe_counter!("collab_refusals_total", Unit::Count, "Batches refused, by code");
    Code::ALL.iter().for_each(|code| counter!("collab_refusals_total", "code" => code.as_str()).absolute(0));
    describe_counter!(
        "collab_redis_errors_total",
        Unit::Count,
        "Calls to Redis and attempts to connect that failed, by class"
    );
    for class in ["unavailable", "oom", "readonly", "denied", "other"] {
        counter!("collab_redis_errors_total", "class" => class).absolute(0);
    }
    durable::describe();
    describe_counter!("collab_closes_total", Unit::Count, "Sockets that the server closed, by reason");
    Close::ALL.iter().for_each(|close| counter!("collab_closes_total", "reason" => close.name()).absolute(0));
}

/// So many batches became commits.
pub fn commits(count: u64) {
    counter!("collab_commits_total").increment(count);
}

/// A call with so many batches.
pub fn call(batches: usize) {
    debug_assert!(batches > 0);
    counter!("collab_calls_total").increment(1);
}

/// A batch that the server had already.
pub fn repeated() {
    counter!("collab_repeats_total").increment(1);
}

/// A batch was refused.
pub fn refused(code: Code) {
    counter!("collab_refusals_total", "code" => code.as_str()).increment(1);
}

/// A room is open.
pub fn opened(took: Duration) {
    gauge!("collab_rooms").increment(1.0);
    histogram!("collab_room_open_seconds").record(took);
}

/// A room is closed.
pub fn closed() {
    gauge!("collab_rooms").decrement(1.0);
}

/// A project could not be opened.
pub fn open_failed() {
    counter!("collab_room_open_failures_total").increment(1);
}

/// A room started over.
pub fn room_lost() {
    counter!("collab_room_losses_total").increment(1);
}

/// A lineage was begun, with so many commits of the old one.
pub fn heal(left: usize) {
    counter!("collab_heals_total").increment(1);
    counter!("collab_healed_commits_total").increment(left as u64);
}

/// A saver found a newer lineage in the durable log.
pub fn fenced() {
    counter!("collab_save_fenced_total").increment(1);
}

/// A direct epoch was begun.
pub fn direct_begun() {
    counter!("collab_direct_epochs_total").increment(1);
}

/// A call was appended to the durable store, or not.
pub fn direct_call(stored: bool) {
    counter!(if stored { "collab_direct_calls_total" } else { "collab_direct_conflicts_total" }).increment(1);
}

/// Whether this node is cut off from a hot store that others reach.
pub fn isolated(isolated: bool) {
    gauge!("collab_node_isolated").set(if isolated { 1.0 } else { 0.0 });
}

/// Held commits were given up.
pub fn given_up(count: usize) {
    counter!("collab_held_given_up_total").increment(count as u64);
}

/// A room is off the hot store's history.
pub fn mismatch() {
    counter!("collab_verify_mismatches_total").increment(1);
}

/// Commits that a room had missed.
pub fn repaired(count: usize) {
    counter!("collab_gaps_repaired_total").increment(count as u64);
}

/// A room's sessions resend what is not saved.
pub fn rewound() {
    counter!("collab_rewinds_total").increment(1);
}

/// Objects were set aside.
pub fn quarantined(count: usize) {
    counter!("collab_quarantined_objects_total").increment(count as u64);
}

/// An entry with so many commits is durable.
pub fn saved(took: Duration, commits: usize) {
    counter!("collab_saved_commits_total").increment(commits as u64);
    histogram!("collab_save_seconds").record(took);
}

/// The durable store did not take an entry.
pub fn save_failed() {
    counter!("collab_save_failures_total").increment(1);
}

/// Another entry was in an entry's place.
pub fn save_conflict() {
    counter!("collab_save_conflicts_total").increment(1);
}

/// A session fell behind.
pub fn outbox_overflow() {
    counter!("collab_outbox_overflows_total").increment(1);
}

/// A session was brought back.
pub fn resync() {
    counter!("collab_resyncs_total").increment(1);
}

/// A presence message was not sent to a slow reader.
pub fn presence_dropped() {
    counter!("collab_presence_dropped_total").increment(1);
}

/// An event came in, so long after it was sent, if it says when.
pub fn fanout_received(lag: Option<Duration>) {
    counter!("collab_fanout_received_total").increment(1);
    if let Some(lag) = lag {
        histogram!("collab_fanout_lag_seconds").record(lag);
    }
}

/// So many events were not published.
pub fn fanout_dropped(events: usize) {
    counter!("collab_fanout_dropped_total").increment(events as u64);
}

/// Events may have been missed.
pub fn fanout_gap() {
    counter!("collab_fanout_gaps_total").increment(1);
}

/// What came from another node could not be read.
pub fn fanout_unreadable() {
    counter!("collab_fanout_unreadable_total").increment(1);
}

/// A snapshot was encoded.
pub fn snapshot_made(took: Duration) {
    histogram!("collab_snapshot_seconds").record(took);
}

/// A message came in.
pub fn frame_received() {
    counter!("collab_frames_received_total").increment(1);
}

/// A connection to Redis was made anew.
pub fn redis_reconnected() {
    counter!("collab_redis_reconnects_total").increment(1);
}

/// A call to Redis, or an attempt to connect, failed.
pub fn redis_error(class: &'static str) {
    counter!("collab_redis_errors_total", "class" => class).increment(1);
}

/// The server closes a socket.
pub fn close(close: Close) {
    counter!("collab_closes_total", "reason" => close.name()).increment(1);
}

/// Counts something in a gauge for as long as it lives.
#[derive(Debug)]
pub struct Counted(&'static str);

/// A session that said a good hello.
#[must_use]
pub fn session() -> Counted {
    counter!("collab_sessions_opened_total").increment(1);
    gauge!("collab_sessions").increment(1.0);
    Counted("collab_sessions")
}

/// A socket.
#[must_use]
pub fn connection() -> Counted {
    gauge!("collab_connections").increment(1.0);
    Counted("collab_connections")
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}
