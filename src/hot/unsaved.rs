//! Since when a project has had unsaved commits, told by those who commit, look and save. Pure.

use crate::ids::Seq;
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

    /// How old the oldest unsaved commit is, or less.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
