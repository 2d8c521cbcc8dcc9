//! When a room passes on what is new: at once, unless it has just done so.
//!
//! A write to a socket costs about the same with ten commits in it as with one, and a round of writes to everybody is most of what a busy room does.
//! So two rounds keep a distance that grows with the number of members: a room with few of them, or one in which little happens, never waits; a
//! crowded one sends fewer and fuller frames.
//!
//! In a node that is pressed ([`crate::pressure`]) commits wait longer before they go to those who are not about to be answered anyway, and answers do
//! not.

use super::Room;
use crate::hot::CALL_BATCHES;
use crate::hub::join;
use crate::ids::Seq;
use crate::metrics;
use std::time::Duration;
use tokio::time::Instant;

/// The distance of two rounds, for each member but the first few.
const PER_MEMBER: Duration = Duration::from_micros(140);
/// A room of so many gains nothing by waiting: what comes for them within a millisecond is one commit, as a rule.
const FEW: u32 = 4;
/// The longest distance: a delay that nobody sees.
const LONGEST: Duration = Duration::from_millis(8);

/// In a node that can do no more, commits wait for so long besides: two frames of a screen.
const PRESSED: Duration = Duration::from_millis(33);

/// What everybody was told, and when they are told more.
#[derive(Debug)]
pub(super) struct Telling {
    /// Everybody who keeps up was sent the commits up to here.
    pub(super) told: Seq,
    /// The next round comes no earlier.
    next: Instant,
    /// Commits, answers or word of what is saved wait for it.
    waits: bool,
    /// Commits that were held back go by then.
    held: Option<Instant>,
    /// The next call to a hot store that is shared comes no earlier.
    next_call: Instant,
    /// Batches wait for that.
    pub(super) call_waits: bool,
}

impl Telling {
    pub(super) fn new(told: Seq, now: Instant) -> Self {
        Self { told, next: now, waits: false, held: None, next_call: now, call_waits: false }
    }

    /// Whether there is something for the next round.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// When the next round is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let round = self.waits.then_some(self.next);
        [round, self.held].into_iter().flatten().min()
    }

    /// Whether a call to a shared hot store may be made: two calls keep this distance, unless one is full.
    fn may_call(&mut self, now: Instant, is_full: bool, distance: Duration) -> bool {
        let may = is_full || now >= self.next_call;
        if may {
            self.next_call = now + distance;
        }
        self.call_waits = !may;
        may
    }

    /// When batches that wait for their call may have it.
    pub(super) fn call_deadline(&self) -> Option<Instant> {
        self.call_waits.then_some(self.next_call)
    }
}

impl Room {
    /// There are commits that nobody was sent, or answers may be due: all of it comes with the next round.
    pub(in crate::hub) fn settle(&mut self) {
        self.telling.waits = true;
    }

    /// Makes a round if one is due.
    pub(super) fn tell_when_due(&mut self, now: Instant) {
        if self.telling.held.is_some_and(|due| now >= due) {
            self.telling.held = None;
            self.members.release();
        }
        if self.telling.waits && now >= self.telling.next {
            self.telling.waits = false;
            self.telling.next = now + self.distance();
            self.tell_commits();
            self.members.settle(self.answered(), self.replica.saved().seq, self.settings.ack_means_saved);
            self.untold();
        }
    }

    /// Batches up to here may be answered: embedded, an ack means saved.
    pub(super) fn answered(&self) -> Seq {
        if self.settings.ack_means_saved { self.replica.saved().seq } else { self.telling.told }
    }

    /// Whether the next call may be made: two calls to a hot store that is shared are half as far apart as two rounds, because a call costs that store
    /// much the same with ten batches in it as with one. A call that is full does not wait.
    pub(super) fn may_call(&mut self) -> bool {
        let distance = self.distance() / 2;
        let is_full = self.queue.len() >= CALL_BATCHES;
        self.settings.ack_means_saved || self.telling.may_call(Instant::now(), is_full, distance)
    }

    /// How far apart rounds are.
    fn distance(&self) -> Duration {
        let members = u32::try_from(self.roster.len().max(self.members.len())).unwrap_or(u32::MAX);
        PER_MEMBER.saturating_mul(members.saturating_sub(FEW)).min(LONGEST)
    }

    /// Everybody is brought to the head in another way.
    pub(in crate::hub) fn all_told(&mut self) {
        self.telling.told = self.replica.position().seq;
        self.publish_seq();
    }

    /// Sends everybody the commits that nobody was sent.
    pub(in crate::hub) fn tell_commits(&mut self) {
        let (told, head) = (self.telling.told, self.replica.position().seq);
        if told == head {
            return;
        }
        self.telling.told = head;
        self.publish_seq();
        metrics::commits(head - told);
        self.tally.deliveries += (head - told) * self.members.len() as u64;
        if let Some(commits) = self.replica.id_at(told).and_then(|id| self.replica.after(told, id)) {
            let wait = self.settings.pressure.wait(PRESSED);
            if wait > Duration::ZERO {
                metrics::commits_held(head - told);
                self.telling.held.get_or_insert_with(|| Instant::now() + wait);
            }
            self.members.commits(told + 1, commits, wait > Duration::ZERO);
            return;
        }
        // More came at once than the replica remembers.
        join::restart_all(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_keep_their_distance_unless_they_are_full() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let far = Duration::from_millis(4);
        let mut telling = Telling::new(0, start);
        assert!(telling.may_call(at(0), false, far), "a batch alone at rest goes at once");
        assert_eq!(telling.call_deadline(), None);
        assert!(!telling.may_call(at(1), false, far));
        assert_eq!(telling.call_deadline(), Some(at(4)), "it waits for its turn");
        assert!(telling.may_call(at(2), true, far), "a full call does not wait");
        assert_eq!(telling.call_deadline(), None);
        assert!(!telling.may_call(at(5), false, far), "and the distance counts from it");
        assert!(telling.may_call(at(6), false, far));
    }
}
