//! Since when a project has had unsaved commits, told by those who commit, look and save. Pure.

use crate::ids::Seq;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// The age of what is unsaved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsaved {
    /// No unsaved commit is older.
    since: Instant,
    /// When a saver last looked, and the head that it saw: what came later is younger.
    seen: Option<(Instant, Seq)>,
}

impl Unsaved {
    /// The first unsaved commit has just been accepted.
    pub(super) fn since(now: Instant) -> Self {
        Self { since: now, seen: None }
    }

    /// A saver that began to look at this time has seen this head.
    pub(super) fn seen(&mut self, looked: Instant, head: Seq) {
        self.seen = Some((looked, head));
    }

    /// When a saver looked who has saved all that it saw, if everything up to `seq` is saved.
    pub(super) fn all_seen_by(&self, seq: Seq) -> Option<Instant> {
        self.seen.filter(|(_, head)| *head <= seq).map(|(looked, _)| looked)
    }

    /// Everything up to `seq` is saved, and there is more.
    pub(super) fn saved(&mut self, seq: Seq) {
        if let Some(looked) = self.all_seen_by(seq) {
            self.since = self.since.max(looked);
        }
    }

    /// No unsaved commit is older than this, either.
    pub(super) fn younger(&mut self, since: Instant) {
        self.since = self.since.max(since);
    }

    /// How old the oldest unsaved commit is, or less.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

/// Commits that are told apart at most: of more, the later ones count as old as the last of these.
const APART: usize = 32;

/// What one node has left unsaved of a project: its own commits, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Left(VecDeque<(Seq, Instant)>);

impl Left {
    /// Its commits up to `seq` were accepted now; [`Seq::MAX`] when it is not known how far, or whether.
    pub(crate) fn add(&mut self, seq: Seq, now: Instant) {
        let is_full = self.0.len() >= APART;
        match self.0.back_mut() {
            Some((last, _)) if is_full => *last = seq.max(*last),
            _ => self.0.push_back((seq, now)),
        }
    }

    /// Everything up to `seq` is saved. Returns when the oldest was accepted that is left; `None` when nothing is.
    pub(crate) fn saved(&mut self, seq: Seq) -> Option<Instant> {
        while self.0.pop_front_if(|(first, _)| *first <= seq).is_some() {}
        self.0.front().map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_knows_what_is_left_of_its_own() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut left = Left::default();
        for n in 1..=40 {
            left.add(10 * n, at(n));
        }
        assert_eq!(left.saved(5), Some(at(1)));
        assert_eq!(left.saved(10), Some(at(2)));
        assert_eq!(left.saved(309), Some(at(31)));
        assert_eq!(left.saved(320), Some(at(32)), "as old as the last that is told apart");
        assert_eq!(left.saved(400), None);
        left.add(Seq::MAX, at(50));
        assert_eq!(left.saved(500), Some(at(50)), "what may have been accepted is left until a saver has looked");
    }

    #[test]
    fn what_was_saved_no_longer_counts_and_what_was_left_over_does() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let age = |unsaved: &Unsaved, ms| u64::try_from(unsaved.age(at(ms)).as_millis()).expect("small");
        let mut unsaved = Unsaved::since(at(0));
        assert_eq!(age(&unsaved, 700), 700);
        unsaved.seen(at(500), 9);
        unsaved.saved(5);
        assert_eq!(age(&unsaved, 700), 700, "of what it saw, something is not saved yet");
        unsaved.saved(9);
        assert_eq!(age(&unsaved, 700), 200, "what is left came after the look");
        unsaved.seen(at(600), 12);
        unsaved.saved(12);
        unsaved.seen(at(550), 12);
        unsaved.saved(12);
        assert_eq!(age(&unsaved, 700), 100, "it never grows by being saved");
    }
}
