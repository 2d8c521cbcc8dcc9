//! What a room knows while the hot store is away, and when it does what. Pure; the room acts on it.

use crate::durable::load::Tail;
use std::time::Duration;
use tokio::time::Instant;

/// How often a room in a direct epoch reads what other nodes have appended.
pub(super) const POLL: Duration = Duration::from_millis(300);
/// How often a room looks whether one has been begun.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How often it asks whether the hot store is there again.
pub(super) const PROBE: Duration = Duration::from_millis(500);
/// So often the hot store must be silent here before a project is left to the node that has it back: one question may have been under way before.
const LEAVE: u32 = 2;
/// First and longest pause after the durable store did not answer or another node was first.
pub(super) const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A room without a hot store.
#[derive(Debug)]
pub(super) struct Direct {
    /// Where the durable log ends, once the room is in a direct epoch.
    pub(super) tail: Option<Tail>,
    /// The log has more than that, or may have: it must be read before the next append.
    pub(super) behind: bool,
    /// Whether the durable store does its work.
    pub(super) works: bool,
    /// Another node has ended the direct epoch that the room was in; so often the hot store has not answered here since.
    pub(super) ended: Option<u32>,
    pub(super) poll: Instant,
    pub(super) retry: Instant,
    pub(super) pause: Duration,
    pub(super) probe: Instant,
    pub(super) probing: bool,
    /// The hot store has answered: the ordinary course goes on.
    pub(super) back: bool,
}

impl Direct {
    /// From now on.
    pub(super) fn new(now: Instant) -> Self {
        let (poll, retry, probe) = (now, now, now + PROBE);
        Self {
            tail: None,
            behind: false,
            works: true,
            ended: None,
            poll,
            retry,
            pause: PAUSE.0,
            probe,
            probing: false,
            back: false,
        }
    }

    /// Whether the room orders its batches itself, or could.
    pub(super) fn takes_batches(&self) -> bool {
        self.works && !self.left()
    }

    /// Whether another node reaches the hot store, and this one still does not.
    pub(super) fn left(&self) -> bool {
        self.ended.is_some_and(|failures| failures >= LEAVE)
    }

    /// Whether the hot store is still away.
    pub(super) fn is_on(&self) -> bool {
        !self.back
    }

    /// The hot store was there and is away again.
    pub(super) fn go_on(&mut self) {
        self.back = false;
    }

    /// The log must be read before anything else.
    pub(super) fn read_first(&mut self) {
        self.behind = true;
    }

    /// When the next step is due.
    pub(super) fn deadline(&self, has_work: bool, only_watches: bool) -> Instant {
        let work = if (has_work || (self.behind && self.tail.is_some())) && !only_watches {
            self.retry
        } else {
            self.poll.max(self.retry)
        };
        self.probe_due().map_or(work, |probe| probe.min(work))
    }

    /// When the hot store is asked again; `None` while it is being asked.
    pub(super) fn probe_due(&self) -> Option<Instant> {
        (!self.probing).then_some(self.probe)
    }
}
