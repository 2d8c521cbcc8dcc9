//! Every metric there is, in one place: `collab_<noun>_<unit>`, base units, there from the start, never a project or user in a label.

/// A counter, looked up the first time and kept: looking up takes longer than counting, and some of this happens with every op. The recorder must be
/// installed before.
macro_rules! kept_counter {
    ($name:literal) => {{
        static KEPT: std::sync::LazyLock<metrics::Counter> = std::sync::LazyLock::new(|| metrics::counter!($name));
        &*KEPT
    }};
}

/// A histogram, kept like [`kept_counter`].
macro_rules! kept_histogram {
    ($name:literal) => {{
        static KEPT: std::sync::LazyLock<metrics::Histogram> = std::sync::LazyLock::new(|| metrics::histogram!($name));
        &*KEPT
    }};
}

pub mod access;
pub mod durable;
pub mod joins;
pub mod limits;
mod names;
pub mod node;
pub mod ops;
pub mod process;
pub mod redis;

pub use access::denied;
pub use names::{SECONDS, describe};

use crate::protocol::close::Close;
use crate::protocol::refusal::Code;
use metrics::{counter, gauge, histogram};
use std::time::Duration;

/// So many batches became commits.
pub fn commits(count: u64) {
    kept_counter!("collab_commits_total").increment(count);
}

/// So many of them wait for those who are not about to be answered.
pub fn commits_held(count: u64) {
    kept_counter!("collab_commits_held_total").increment(count);
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

/// An entry is durable that has so many commits, changes so many objects, has so many bytes and was spared so many.
pub fn saved(took: Duration, commits: u64, objects: u64, bytes: u64, spared: u64) {
    counter!("collab_saved_entries_total").increment(1);
    counter!("collab_saved_commits_total").increment(commits);
    counter!("collab_saved_objects_total").increment(objects);
    counter!("collab_saved_bytes_total").increment(bytes);
    counter!("collab_coalesced_bytes_total").increment(spared);
    histogram!("collab_save_seconds").record(took);
}

/// How old the oldest unsaved commit is, and how many projects cannot be saved for damage.
pub fn unsaved(oldest: Duration, damaged: usize) {
    gauge!("collab_oldest_unsaved_seconds").set(oldest.as_secs_f64());
    gauge!("collab_damaged_projects").set(u32::try_from(damaged).unwrap_or(u32::MAX));
}

/// A checkpoint of so many bytes was made.
pub fn checkpoint(bytes: u64) {
    counter!("collab_checkpoints_total").increment(1);
    counter!("collab_checkpoint_bytes_total").increment(bytes);
}

/// A checkpoint could not be made.
pub fn checkpoint_failed() {
    counter!("collab_checkpoint_failures_total").increment(1);
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
    kept_counter!("collab_fanout_received_total").increment(1);
    if let Some(lag) = lag {
        kept_histogram!("collab_fanout_lag_seconds").record(lag);
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

/// A message came in.
pub fn frame_received() {
    kept_counter!("collab_frames_received_total").increment(1);
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

/// A socket that several sessions share.
#[must_use]
pub fn shared_socket() -> Counted {
    gauge!("collab_shared_sockets").increment(1.0);
    Counted("collab_shared_sockets")
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge!(self.0).decrement(1.0);
    }
}
