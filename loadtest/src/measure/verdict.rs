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

    /// Takes another one in: what it counts, and what was looked at.
    pub fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.differing += other.differing;
        self.open += other.open;
        self.refused += other.refused;
        self.broken += other.broken;
        self.skipped += other.skipped;
        self.because(|| other.reason);
        self.also_checked(&other.checked);
    }

    /// Something else was looked at.
    pub fn also_checked(&mut self, what: &str) {
        let between = if self.checked.is_empty() || what.is_empty() { "" } else { "; " };
        self.checked = format!("{}{between}{what}", self.checked);
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
        match (self.is_good(), skipped) {
            (true, 0) => return f.write_str("nothing lost"),
            (true, skipped) => {
                return write!(
                    f,
                    "nothing lost, but snapshots stood for {skipped} commits that clients did not get one by one"
                );
            }
            _ => {}
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
        assert!(verdict.is_good() && verdict.to_string().contains("nothing lost, but snapshots stood for 3 commits"));
        verdict.open = 1;
        verdict.because(|| "first".to_owned());
        verdict.because(|| "second".to_owned());
        assert!(!verdict.is_good() && verdict.to_string().ends_with("open 1, refused 0, broken 0, skipped 3: first"));
    }

    #[test]
    fn two_make_one() {
        let one = || Verdict { checked: "copies".to_owned(), ..Verdict::default() };
        let other = Verdict { lost: 2, reason: "it is".to_owned(), checked: "joins".to_owned(), ..Verdict::default() };
        let mut both = one();
        both.add(other);
        assert_eq!((both.lost, both.reason.as_str(), both.checked.as_str()), (2, "it is", "copies; joins"));
        both.add(Verdict::default());
        assert_eq!(both.checked, "copies; joins");
    }
}
