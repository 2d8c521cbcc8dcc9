//! Whether anything was lost.

use serde::Serialize;
use std::fmt;

/// Counts of all that must not be, and what was looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Messages that should have arrived and did not.
    pub lost: u64,
    /// Batches that are in the stream twice, or not behind their predecessor.
    pub doubled: u64,
    /// Clients whose stream had a hole, and copies that differ from a fresh one.
    pub differing: u64,
    /// Batches without an answer, or never called saved.
    pub open: u64,
    /// Batches that were refused.
    pub refused: u64,
    /// Frames that broke the protocol and sessions that broke off, with the first reason.
    pub broken: u64,
    /// Commits that some client did not see one by one, because it was brought back by a snapshot: no loss.
    pub skipped: u64,
    /// The first reason of all.
    pub reason: String,
    /// What was looked at, in a sentence.
    pub checked: String,
}

impl Verdict {
    /// Whether all is well.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lost + self.doubled + self.differing + self.open + self.refused + self.broken == 0
    }

    /// Keeps the first reason.
    pub fn because(&mut self, reason: impl FnOnce() -> String) {
        if self.reason.is_empty() {
            self.reason = reason();
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lost, doubled, differing, open, refused, broken, skipped, reason, .. } = self;
        if self.is_good() {
            return f.write_str("nothing lost");
        }
        write!(
            f,
            "lost {lost}, doubled {doubled}, differing {differing}, open {open}, refused {refused}, broken {broken}, skipped {skipped}: {reason}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_no_loss_and_the_first_reason_stays() {
        let mut verdict = Verdict { skipped: 3, ..Verdict::default() };
        assert!(verdict.is_good());
        verdict.open = 1;
        verdict.because(|| "first".to_owned());
        verdict.because(|| "second".to_owned());
        assert!(!verdict.is_good() && verdict.to_string().ends_with("open 1, refused 0, broken 0, skipped 3: first"));
    }
}
