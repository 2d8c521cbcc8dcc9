//! What became of the ops that clients asked for, and how long they waited.

use crate::protocol::op::Action;
use metrics::{Counter, Unit, counter, describe_counter, describe_histogram, histogram};
use std::sync::LazyLock;
use std::time::Duration;

/// The kinds of ops, in the order of [`place`].
const KINDS: [&str; 6] = ["create", "update", "delete", "increment", "lease", "release"];
/// What ops come to.
const RESULTS: [&str; 2] = ["accepted", "refused"];

/// Buckets of the batches in a call: a full one has 64.
pub const BATCHES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

fn place(action: &Action) -> usize {
    match action {
        Action::Create { .. } => 0,
        Action::Update { .. } => 1,
        Action::Delete => 2,
        Action::Increment { .. } => 3,
        Action::Lease { .. } => 4,
        Action::Release => 5,
    }
}

/// Ops of a call, counted before anything is told of them.
#[derive(Debug, Default)]
pub struct Ops([[u64; KINDS.len()]; RESULTS.len()]);

impl Ops {
    /// One more.
    pub fn add(&mut self, action: &Action, is_accepted: bool) {
        self.0[usize::from(!is_accepted)][place(action)] += 1;
    }

    /// How many were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.0[0].iter().sum()
    }

    /// Tells of them.
    pub fn count(&self) {
        static KEPT: LazyLock<[[Counter; KINDS.len()]; RESULTS.len()]> = LazyLock::new(|| {
            RESULTS.map(|result| KINDS.map(|kind| counter!("collab_ops_total", "kind" => kind, "result" => result)))
        });
        for (counters, counts) in KEPT.iter().zip(self.0) {
            for (counter, count) in counters.iter().zip(counts).filter(|(_, count)| *count > 0) {
                counter.increment(count);
            }
        }
    }
}

/// A batch was answered, so long after it had come.
pub fn answered(took: Duration) {
    kept_histogram!("collab_ack_seconds").record(took);
}

/// A call with so many batches goes to a store.
pub fn call(batches: usize) {
    kept_counter!("collab_calls_total").increment(1);
    #[expect(clippy::cast_precision_loss, reason = "a call has 64 batches at most")]
    kept_histogram!("collab_call_batches").record(batches as f64);
}

/// The hot store has answered a call.
pub fn committed(took: Duration) {
    kept_histogram!("collab_commit_seconds").record(took);
}

/// A session has set presence fields.
pub fn presence_update() {
    counter!("collab_presence_updates_total").increment(1);
}

/// A session passes an event on.
pub fn broadcast() {
    counter!("collab_broadcasts_total").increment(1);
}

/// Names them and makes them appear, at zero.
pub(super) fn describe() {
    describe_counter!(
        "collab_ops_total",
        Unit::Count,
        "Ops of batches that have their place in the log, by kind and result"
    );
    for result in RESULTS {
        KINDS.into_iter().for_each(|kind| counter!("collab_ops_total", "kind" => kind, "result" => result).absolute(0));
    }
    for (name, text) in [
        ("collab_calls_total", "Calls to the hot store, of up to 64 batches each"),
        ("collab_presence_updates_total", "Presence updates of sessions"),
        ("collab_broadcasts_total", "Events that sessions passed on"),
    ] {
        describe_counter!(name, Unit::Count, text);
        counter!(name).absolute(0);
    }
    for (name, text) in [
        ("collab_ack_seconds", "Time from the arrival of a batch to its answer"),
        ("collab_commit_seconds", "Time that the hot store took for a call"),
    ] {
        describe_histogram!(name, Unit::Seconds, text);
        let _ = histogram!(name);
    }
    describe_histogram!("collab_call_batches", Unit::Count, "Batches in a call");
    let _ = histogram!("collab_call_batches");
}
