//! The union of what is known of a lineage that ended: every client's batches once, in its order, without holes.

use crate::ids::{Author, Cid, CommitId};
use crate::mechanism::{Mechanism, on};
use crate::protocol::commit::{Commit, Origin};
use rand::Rng;
use std::collections::HashMap;

/// What `sources` have beyond `last`, the highest durable cid of each client. Each source is in the order in which its commits were accepted; earlier
/// sources are preferred. They are gone through again until nothing more fits, because one may fill the holes of another. Every commit gets a new id: the old one
/// names a place in a history that is over. The server's own commits are left out; it makes them again when they are needed.
pub fn merge(mut last: HashMap<Author, Cid>, sources: &[&[Commit]], rng: &mut impl Rng) -> Vec<Commit> {
    let mut merged = Vec::new();
    loop {
        let before = merged.len();
        for commit in sources.iter().copied().flatten() {
            let Origin::Client { author, cid, .. } = commit.origin else { continue };
            let known = last.entry(author).or_default();
            if cid == *known + 1 {
                *known = cid;
                let id = if on(Mechanism::Fresh) { CommitId::random(rng) } else { commit.id };
                merged.push(Commit { id, ..commit.clone() });
            }
        }
        if merged.len() == before || !on(Mechanism::Repeat) {
            return merged;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::change::Changes;
    use crate::protocol::commit::Outcome;

    fn commit(by: u8, cid: Cid) -> Commit {
        let origin = Origin::Client { author: Author([by; 8]), cid, digest: 0 };
        Commit { id: CommitId([9; 8]), origin, outcome: Outcome::Changed(Changes::none()) }
    }

    fn merged(last: &[(u8, Cid)], sources: &[&[Commit]]) -> Vec<(u8, Cid)> {
        let last = last.iter().map(|(by, cid)| (Author([*by; 8]), *cid)).collect();
        let merged = merge(last, sources, &mut rand::rng());
        assert!(merged.iter().all(|c| c.id != CommitId([9; 8])), "each has a new id");
        let name =
            |c: &Commit| if let Origin::Client { author, cid, .. } = c.origin { (author.0[0], cid) } else { (0, 0) };
        merged.iter().map(name).collect()
    }

    #[test]
    fn each_batch_comes_once_in_its_clients_order() {
        let one = [commit(1, 1), commit(2, 1), commit(1, 2)];
        let other = [commit(1, 2), commit(1, 3), commit(2, 1)];
        assert_eq!(merged(&[], &[&one, &other]), [(1, 1), (2, 1), (1, 2), (1, 3)]);
        assert_eq!(merged(&[(1, 2)], &[&one, &other]), [(2, 1), (1, 3)]);
    }

    #[test]
    fn one_source_fills_the_holes_of_another() {
        assert_eq!(merged(&[], &[&[commit(1, 2), commit(1, 3)], &[commit(1, 1)]]), [(1, 1), (1, 2), (1, 3)]);
        assert_eq!(merged(&[], &[&[commit(1, 2)]]), [], "nobody has the first");
    }
}
