//! What `src/hot/lua/commit.lua` is told about a call. Pure: the script does at the head nothing but compare and store, so that everything that can be
//! computed is computed here.

use super::layout::{self, NO_REV};
use crate::hot::{Call, ClientState};
use crate::ids::{Author, Cid, ProjectId, Seq};
use crate::link::Invocation;
use crate::protocol::commit::Origin;
use std::collections::HashMap;

/// An author's part in a call.
struct Counter {
    author: Author,
    /// Index of its first proposal.
    first: usize,
    /// The cid that the store must have: the one before its first.
    before: Cid,
    /// What it has after the call.
    after: ClientState,
}

/// The counters of a call, by first proposal, and the first proposal, if any, that does not follow within the call, with the cid before it. Authors
/// that come after such a one need not be asked for.
fn counters(call: &Call) -> (Vec<Counter>, Option<(usize, Cid)>) {
    let mut places: HashMap<Author, usize> = HashMap::new();
    let mut all: Vec<Counter> = Vec::new();
    for (index, (proposal, seq)) in call.proposals.iter().zip(call.position.seq + 1..).enumerate() {
        let Origin::Client { author, cid, digest } = proposal.commit.origin else { continue };
        let after = ClientState { cid, seq, digest };
        match places.get(&author) {
            // No cid is 0: none is before it, and what the store has never fits.
            None => {
                places.insert(author, all.len());
                all.push(Counter { author, first: index, before: cid.wrapping_sub(1), after });
            }
            Some(place) if all[*place].after.cid + 1 == cid => all[*place].after = after,
            Some(place) => {
                let last = all[*place].after.cid;
                return (all, Some((index, last)));
            }
        }
    }
    (all, None)
}

fn short(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a call touches fewer than 2^32 things").to_be_bytes()
}

/// Adds the arguments; the script's header lists them.
pub(super) fn arguments(script: &mut Invocation<'_>, project: &ProjectId, call: &Call, publish: bool, sent_us: u64) {
    let run = call.run();
    let end = run.end();
    let (counters, hole) = counters(call);
    let touched = call.touched();
    let (mut sets, mut removals, mut looks) = (Vec::new(), Vec::new(), Vec::new());
    for object in &touched {
        match object.left {
            Some((index, Some(props))) => sets.push((object, layout::object(run.first + index as Seq, props))),
            Some((_, None)) => removals.push(object),
            None => looks.push(object),
        }
    }
    let mut plan = Vec::with_capacity(96);
    let (hole_at, hole_last) = hole.unwrap_or_default();
    [sets.len(), removals.len(), looks.len(), counters.len(), hole_at]
        .iter()
        .for_each(|n| plan.extend_from_slice(&short(*n)));
    [call.at_head(), publish, hole.is_some()].iter().for_each(|flag| plan.push(u8::from(*flag)));
    plan.extend_from_slice(&hole_last.to_be_bytes());
    plan.extend_from_slice(project.as_str().as_bytes());
    let cids: Vec<u8> =
        counters.iter().flat_map(|c| short(c.first).into_iter().chain(c.before.to_be_bytes())).collect();
    let in_order = sets.iter().map(|(object, _)| *object).chain(removals.iter().chain(&looks).copied());
    let bases: Vec<u8> = in_order.flat_map(|object| object.base.map_or(NO_REV, u64::to_be_bytes)).collect();
    script.arg(&layout::position(call.position)[..]).arg(plan).arg(run.pack(sent_us)).arg(end.seq);
    script.arg(&layout::position(end)[..]).arg(cids).arg(bases);
    for (object, blob) in &sets {
        script.arg(object.id.as_str()).arg(&blob[..]);
    }
    for object in removals.iter().chain(&looks) {
        script.arg(object.id.as_str());
    }
    for counter in &counters {
        script.arg(&counter.author.0[..]).arg(&layout::client(counter.after)[..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hot::Proposal;
    use crate::ids::{CommitId, Position};
    use crate::protocol::change::Changes;
    use crate::protocol::commit::{Commit, Outcome};

    fn call(cids: &[(u8, Cid)]) -> Call {
        let proposal = |&(author, cid)| Proposal {
            commit: Commit {
                id: CommitId([author; 8]),
                origin: Origin::Client { author: Author([author; 8]), cid, digest: 0 },
                outcome: Outcome::Changed(Changes::none()),
            },
            effects: Vec::new(),
            absent: Vec::new(),
            at_head: false,
        };
        Call { position: Position::START, proposals: cids.iter().map(proposal).collect(), urgent: false }
    }

    #[test]
    fn a_hole_within_a_call_ends_the_questions() {
        let (counters, hole) = counters(&call(&[(1, 5), (2, 1), (1, 6), (1, 8), (3, 1)]));
        assert_eq!(hole, Some((3, 6)));
        let asked: Vec<_> = counters.iter().map(|c| (c.author.0[0], c.first, c.before)).collect();
        assert_eq!(asked, [(1, 0, 4), (2, 1, 0)]);
    }

    #[test]
    fn the_last_cid_of_each_author_is_kept() {
        let (counters, hole) = counters(&call(&[(1, 1), (2, 7), (1, 2)]));
        assert_eq!(hole, None);
        let kept: Vec<_> = counters.iter().map(|c| (c.after.cid, c.after.seq)).collect();
        assert_eq!(kept, [(2, 3), (7, 2)]);
    }
}
