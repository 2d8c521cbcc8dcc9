//! What happened to ops, some of all: as spans that a collector of OpenTelemetry gets.
//!
//! Owns which ops these are, and how their spans hang together: *op*, from a batch's arrival to its answer; below it *commit*, the call to the store; below
//! that *fan-out*, from the commit to the sockets, one for each node, and *durable*, from the commit to the news that it is saved. The id of a commit says
//! whether it is traced and which trace is its own: so all nodes agree, and nothing has to be carried between them. A span is made when it has ended.

use crate::clock;
use crate::ids::{CommitId, ProjectId, Seq};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _};
use rand::RngExt as _;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Where the spans of this process go.
static TRACES: OnceLock<Traces> = OnceLock::new();

/// Makes a number of 128 bits of one of 64, each of which has its own: odd, and otherwise arbitrary.
const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

#[derive(Debug)]
struct Traces {
    processor: BatchSpanProcessor,
    per_million: u32,
    scope: InstrumentationScope,
}

/// A part of what happens to an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// From its arrival to its answer.
    Op,
    /// The call to the store.
    Commit,
    /// From the commit to the sockets of one node.
    FanOut,
    /// From the commit to the news that it is saved.
    Durable,
}

/// Which commit of which project.
#[derive(Debug, Clone, Copy)]
pub struct Traced<'a> {
    /// The project.
    pub project: &'a ProjectId,
    /// Its commit.
    pub id: CommitId,
    /// Where that has its place.
    pub seq: Seq,
}

/// From now on so many of a million ops are traced. What is said first holds.
pub fn install(processor: BatchSpanProcessor, per_million: u32) {
    let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION")).build();
    let _ = TRACES.set(Traces { processor, per_million, scope });
}

/// Whether anything is traced.
#[must_use]
pub fn is_on() -> bool {
    TRACES.get().is_some()
}

/// Whether this commit is traced.
#[must_use]
pub fn follows(id: CommitId) -> bool {
    TRACES.get().is_some_and(|traces| is_chosen(id, traces.per_million))
}

/// Tells of a step that was taken.
pub fn tell(traced: Traced<'_>, step: Step, begun: Instant, ended: Instant, mut attributes: Vec<KeyValue>) {
    let Some(traces) = TRACES.get() else { return };
    attributes.push(KeyValue::new("collab.project", traced.project.to_string()));
    attributes.push(KeyValue::new("collab.commit", traced.id.to_string()));
    attributes.push(KeyValue::new("collab.seq", i64::try_from(traced.seq).unwrap_or(i64::MAX)));
    let own = match step {
        Step::Op => op(traced.id),
        Step::Commit => commit(traced.id),
        Step::FanOut | Step::Durable => SpanId::from(rand::rng().random_range(1..u64::MAX)),
    };
    let parent = match step {
        Step::Op => SpanId::INVALID,
        Step::Commit => op(traced.id),
        Step::FanOut | Step::Durable => commit(traced.id),
    };
    let state = TraceState::NONE;
    traces.processor.on_end(SpanData {
        span_context: SpanContext::new(trace(traced.id), own, TraceFlags::SAMPLED, false, state),
        parent_span_id: parent,
        parent_span_is_remote: false,
        span_kind: if step == Step::Op { SpanKind::Server } else { SpanKind::Internal },
        name: step.name().into(),
        start_time: wall(begun),
        end_time: wall(ended),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: traces.scope.clone(),
    });
}

/// Sends what has not been sent. Blocks for as long as that takes, and for `patience` at most.
pub fn finish(patience: Duration) {
    if let Some(traces) = TRACES.get()
        && let Err(error) = traces.processor.shutdown_with_timeout(patience)
    {
        tracing::warn!(%error, "the last traces were not sent");
    }
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Op => "op",
            Self::Commit => "commit",
            Self::FanOut => "fan-out",
            Self::Durable => "durable",
        }
    }
}

fn number(id: CommitId) -> u64 {
    u64::from_le_bytes(id.0)
}

fn is_chosen(id: CommitId, per_million: u32) -> bool {
    id != CommitId::NONE && number(id) % 1_000_000 < u64::from(per_million)
}

fn trace(id: CommitId) -> TraceId {
    TraceId::from(u128::from(number(id)).wrapping_mul(SPREAD))
}

fn op(id: CommitId) -> SpanId {
    SpanId::from(number(id))
}

fn commit(id: CommitId) -> SpanId {
    SpanId::from(!number(id))
}

/// The time of the clock on the wall, then.
fn wall(instant: Instant) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(clock::now_us()).saturating_sub(instant.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    #[test]
    fn as_many_are_traced_as_was_asked_for_and_each_has_ids_of_its_own() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let ids: Vec<_> = (0..20_000).map(|_| CommitId::random(&mut rng)).collect();
        let chosen = |per_million| ids.iter().filter(|id| is_chosen(**id, per_million)).count();
        assert_eq!((chosen(0), chosen(1_000_000)), (0, ids.len()));
        assert!((150..250).contains(&chosen(10_000)), "{}", chosen(10_000));
        assert!(!is_chosen(CommitId::NONE, 1_000_000));
        for id in &ids {
            assert!(trace(*id) != TraceId::INVALID && op(*id) != SpanId::INVALID && op(*id) != commit(*id));
        }
        let traces: std::collections::BTreeSet<_> = ids.iter().map(|id| trace(*id).to_bytes()).collect();
        assert_eq!(traces.len(), ids.len());
    }
}
