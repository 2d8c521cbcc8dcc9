//! What went wrong, found by comparing what the clients of one project have lived through.

use super::history::History;
use super::replica::Replica;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Counts of everything that must not be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Losses {
    /// Batches that were acked and are in nobody's stream.
    pub missing: u64,
    /// Batches that are in the stream more than once.
    pub doubled: u64,
    /// Batches that follow another of their author's than the one before.
    pub out_of_order: u64,
    /// Seqs at which two clients saw different commits, and replicas that differ from a fresh one.
    pub differing: u64,
    /// Batches that were never answered.
    pub unanswered: u64,
    /// Seqs that nobody saw, because all were brought back by snapshots: nothing can be said of these.
    pub unseen: u64,
}

impl Losses {
    /// Whether nothing went wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        Self { unseen: 0, ..*self } == Self::default()
    }

    /// Adds those of another project.
    pub fn add(&mut self, other: Self) {
        self.missing += other.missing;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.differing += other.differing;
        self.unanswered += other.unanswered;
        self.unseen += other.unseen;
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { missing, doubled, out_of_order, differing, unanswered, unseen } = self;
        write!(
            f,
            "acked but missing {missing}, doubled {doubled}, out of order {out_of_order}, differing {differing}, \
             unanswered {unanswered}, unseen {unseen}"
        )
    }
}

/// Compares the clients of one project, each with its history and its last replica, with a fresh replica at `head`.
#[must_use]
pub fn find(clients: &[(&History, &Replica)], fresh: &Replica, head: u64) -> Losses {
    let mut losses = Losses::default();
    let mut stream: BTreeMap<u64, (&SmolStr, u64)> = BTreeMap::new();
    let mut first = u64::MAX;
    for (history, replica) in clients {
        losses.differing += u64::from(*replica != fresh);
        for (n, segment) in history.segments.iter().enumerate() {
            first = first.min(segment.base + 1);
            // What was not saved when a snapshot put an end to it may have been of a lineage that is lost.
            let firm = if n + 1 == history.segments.len() { u64::MAX } else { segment.saved_seq };
            for (seq, seen) in (segment.base + 1..=firm).zip(&segment.commits) {
                let commit = (&seen.author, seen.cid);
                losses.differing += u64::from(*stream.entry(seq).or_insert(commit) != commit);
            }
        }
    }
    losses.unseen = (head + 1).saturating_sub(first).saturating_sub(stream.len() as u64);
    let mut last: HashMap<&SmolStr, u64> = HashMap::new();
    let mut there: HashSet<(&SmolStr, u64)> = HashSet::new();
    for (author, cid) in stream.into_values().filter(|(author, _)| !author.is_empty()) {
        if !there.insert((author, cid)) {
            losses.doubled += 1;
        } else if last.insert(author, cid).is_some_and(|before| before + 1 != cid) && losses.unseen == 0 {
            losses.out_of_order += 1;
        }
    }
    for (history, _) in clients {
        // What was saved without an answer was answered by a welcome.
        let open = history
            .sent
            .range(history.saved + 1..)
            .filter(|(cid, _)| !history.acked.contains(cid) && !history.rejected.contains_key(cid));
        losses.unanswered += open.count() as u64;
        let acked = history.acked.iter().filter(|cid| !there.contains(&(&history.author, **cid)));
        losses.missing += if losses.unseen == 0 { acked.count() as u64 } else { 0 };
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Seen, Segment};

    fn history(author: &str, acked: &[u64], base: u64, seen: &[(&str, u64)]) -> History {
        let commits = seen.iter().map(|(author, cid)| Seen { author: (*author).into(), cid: *cid, whole: None });
        History {
            author: author.into(),
            sent: acked.iter().map(|cid| (*cid, bytes::Bytes::new())).collect(),
            acked: acked.iter().copied().collect(),
            segments: vec![Segment { base, commits: commits.collect(), saved_seq: 0 }],
            ..History::default()
        }
    }

    #[test]
    fn each_kind_of_loss_is_found() {
        let empty = Replica::default();
        let check = |a: &History, b: &History, head| find(&[(a, &empty), (b, &empty)], &empty, head);
        let good = history("a", &[1, 2], 0, &[("", 0), ("a", 1), ("b", 1), ("a", 2)]);
        assert_eq!(check(&good, &history("b", &[1], 2, &[("b", 1), ("a", 2)]), 4), Losses::default());
        let lost = check(&good, &history("b", &[1, 2], 0, &[]), 4);
        assert_eq!((lost.missing, lost.is_none()), (1, false));
        assert_eq!(check(&good, &history("b", &[], 2, &[("a", 2)]), 4).differing, 1);
        let twice = history("a", &[1], 0, &[("a", 1), ("a", 1), ("a", 3)]);
        let found = check(&twice, &history("b", &[], 0, &[]), 3);
        assert_eq!((found.doubled, found.out_of_order), (1, 1));
        assert_eq!(check(&good, &good, 5).unseen, 1);
    }
}
