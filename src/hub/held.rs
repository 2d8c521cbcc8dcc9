//! Commits that a room has heard of and that its lineage lacks: they go through the ordinary commit once more. Pure.

use super::propose::{NOBODY, Waiting};
use crate::ids::{Author, Cid};
use crate::mechanism::{Mechanism, on};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::op::{Batch, Body};
use crate::recovery::replica::Replica;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a commit is held whose predecessor nobody has, after its author has gone: as long as autosave takes at most.
pub const GIVE_UP: Duration = Duration::from_secs(5);

/// Held commits, by client and counter.
#[derive(Debug, Default)]
pub struct Held {
    commits: BTreeMap<(Author, Cid), (Commit, Instant)>,
}

impl Held {
    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// Number of held commits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commits.len()
    }

    /// Puts commits aside that the replica lacks. The server's own are made anew when they are needed.
    pub fn put<'a>(&mut self, commits: impl IntoIterator<Item = &'a Commit>, replica: &Replica, now: Instant) {
        for commit in commits {
            if on(Mechanism::Retain)
                && let Origin::Client { author, cid, .. } = commit.origin
                && cid > replica.client(&author).map_or(0, |client| client.cid)
            {
                self.commits.entry((author, cid)).or_insert_with(|| (commit.clone(), now));
            }
        }
    }

    /// Lets go of what the replica has by now.
    pub fn settle(&mut self, replica: &Replica) {
        self.commits.retain(|(author, cid), _| *cid > replica.client(author).map_or(0, |client| client.cid));
    }

    /// All held commits, in the order of each client.
    pub fn commits(&self) -> impl Iterator<Item = &Commit> {
        self.commits.values().map(|(commit, _)| commit)
    }

    /// The batches that can be proposed now: for each client those that follow the replica's last without a hole.
    #[must_use]
    pub fn due(&self, replica: &Replica) -> Vec<Waiting> {
        let mut next: BTreeMap<Author, Cid> = BTreeMap::new();
        let mut due = Vec::new();
        for ((author, cid), (commit, _)) in &self.commits {
            let expected =
                next.entry(*author).or_insert_with(|| replica.client(author).map_or(0, |client| client.cid) + 1);
            if *cid == *expected {
                *expected += 1;
                due.push(again(*author, *cid, commit));
            }
        }
        due
    }

    /// Gives up what has waited too long for a predecessor while its author is away. Returns how many that were.
    pub fn give_up(&mut self, replica: &Replica, is_here: impl Fn(&Author) -> bool, now: Instant) -> usize {
        let due: std::collections::BTreeSet<_> =
            self.due(replica).iter().filter_map(|w| Some((w.from?.1, w.batch.cid))).collect();
        let before = self.commits.len();
        self.commits.retain(|key, (_, since)| due.contains(key) || is_here(&key.0) || now < *since + GIVE_UP);
        before - self.commits.len()
    }
}

/// The batch that proposes a held commit once more.
fn again(author: Author, cid: Cid, commit: &Commit) -> Waiting {
    let digest = if let Origin::Client { digest, .. } = commit.origin { digest } else { 0 };
    let body = match &commit.outcome {
        Outcome::Changed(changes) => Body::Again(changes.clone()),
        Outcome::Refused(code) => Body::Void(*code),
    };
    Waiting { from: Some((NOBODY, author)), batch: Batch { cid, body, durable: false, digest } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hot::HotState;
    use crate::ids::CommitId;
    use crate::protocol::change::Changes;

    fn commit(by: u8, cid: Cid) -> Commit {
        let origin = Origin::Client { author: Author([by; 8]), cid, digest: 7 };
        Commit { id: CommitId([by; 8]), origin, outcome: Outcome::Changed(Changes::none()) }
    }

    fn due(held: &Held, replica: &Replica) -> Vec<(u8, Cid)> {
        held.due(replica).iter().filter_map(|w| Some((w.from?.1.0[0], w.batch.cid))).collect()
    }

    #[test]
    fn what_follows_without_a_hole_is_due_in_order() {
        let replica = Replica::new(HotState::start());
        let mut held = Held::default();
        held.put(&[commit(2, 1), commit(1, 2), commit(1, 1), commit(3, 2)], &replica, Instant::now());
        assert_eq!(due(&held, &replica), [(1, 1), (1, 2), (2, 1)]);
        assert_eq!(held.len(), 4);
    }

    #[test]
    fn what_the_replica_has_is_let_go() {
        let mut replica = Replica::new(HotState::start());
        let mut held = Held::default();
        held.put(&[commit(1, 1), commit(1, 2)], &replica, Instant::now());
        replica.learn(1, CommitId::NONE, &[commit(1, 1)]).expect("in order");
        held.settle(&replica);
        assert_eq!(due(&held, &replica), [(1, 2)]);
        held.put(&[commit(1, 1)], &replica, Instant::now());
        assert_eq!(held.len(), 1, "known already");
    }

    #[test]
    fn a_hole_is_given_up_when_its_author_has_gone() {
        let replica = Replica::new(HotState::start());
        let (mut held, now) = (Held::default(), Instant::now());
        held.put(&[commit(1, 2), commit(2, 1)], &replica, now);
        assert_eq!(held.give_up(&replica, |_| false, now + GIVE_UP / 2), 0);
        assert_eq!(held.give_up(&replica, |_| true, now + GIVE_UP), 0, "its author may fill the hole");
        assert_eq!(held.give_up(&replica, |_| false, now + GIVE_UP), 1);
        assert_eq!(due(&held, &replica), [(2, 1)]);
    }
}
