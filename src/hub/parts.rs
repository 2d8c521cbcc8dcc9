//! Cutting a run of commits into messages: nothing large travels as one frame. Pure.

use crate::ids::Seq;
use crate::protocol::commit::Commit;

/// Commits in one message, in bytes, unless a single one is larger.
const PART_BYTES: usize = 64 << 10;

/// The parts of a run of commits that starts at `first`: each with the seq of its own first commit.
pub(super) fn parts<'c, 'a>(first: Seq, commits: &'c [&'a Commit]) -> impl Iterator<Item = (Seq, &'c [&'a Commit])> {
    let (mut next, mut rest) = (first, commits);
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let full = rest.iter().position(|commit| {
            bytes += commit.weight();
            bytes > PART_BYTES
        });
        let (part, after) = rest.split_at_checked(full.map_or(rest.len(), |n| n.max(1)))?;
        let at = next;
        next += part.len() as Seq;
        rest = after;
        (!part.is_empty()).then_some((at, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CommitId, ObjectId};
    use crate::protocol::change::{Change, Changes};
    use crate::protocol::commit::{Origin, Outcome};
    use crate::protocol::props::Props;

    fn commit(bytes: usize) -> Commit {
        let mut text = Vec::new();
        crate::protocol::pack::bin(&mut text, &vec![0; bytes]);
        let props = Props::from_pairs(&[("b", &text)]);
        let change = Change::Put { id: ObjectId::parse("a").expect("id"), props };
        Commit { id: CommitId::NONE, origin: Origin::Server, outcome: Outcome::Changed(Changes::encode(&[change])) }
    }

    #[test]
    fn parts_are_small_whole_and_in_order() {
        let commits: Vec<Commit> = [10, 30_000, 30_000, 200_000, 30_000, 10].map(commit).into();
        let list: Vec<&Commit> = commits.iter().collect();
        let lengths: Vec<_> = parts(7, &list).map(|(at, part)| (at, part.len())).collect();
        assert_eq!(lengths, [(7, 3), (10, 1), (11, 2)], "a large one goes alone");
        assert_eq!(parts(1, &[]).count(), 0);
    }
}
