//! From waiting batches to a call: checks the counters, applies the conflict rule, names the commits. Pure but for the randomness that is
//! handed in.

use crate::clock;
use crate::hot::{CALL_BATCHES, Call, ClientState, Clients, Proposal};
use crate::ids::{Author, Cid, CommitId, ObjectId, Seq, SessionId};
use crate::mechanism::{Mechanism, on};
use crate::project::apply::{apply, reapply};
use crate::project::canvas::{Draft, Object, View};
use crate::project::lease::Maker;
use crate::project::rebalance;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::limits::Limits;
use crate::protocol::message::WireObject;
use crate::protocol::op::{Batch, Body};
use crate::protocol::props::Props;
use crate::protocol::refusal::{Code, Refusal};
use crate::recovery::replica::Replica;
use rand::Rng;
use std::collections::{HashMap, VecDeque};

/// With so many bytes of resulting objects a call is full.
const CALL_BYTES: usize = 8 << 20;

/// The session of a batch that a room proposes for somebody who need not be here: no session has this number.
pub const NOBODY: SessionId = 0;

/// A batch that waits for its call.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Whose it is, and which session waits for the answer, or [`NOBODY`]; `None` for one of the server's own.
    pub from: Option<(SessionId, Author)>,
    /// What it asks for.
    pub batch: Batch,
}

/// What to tell the author once the call is through.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Which batch.
    pub cid: Cid,
    /// Its seq.
    pub seq: Seq,
    /// Yes or no.
    pub verdict: Verdict,
}

/// The answer to a batch that has taken its seq.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It changed the project; these objects were gone.
    Accepted(Vec<ObjectId>),
    /// It was refused for good; this is what the object is now.
    Refused(Box<Refusal>, Option<WireObject>),
}

impl Verdict {
    /// The answer to a batch that has been answered before: refused with this code, or accepted.
    #[must_use]
    pub fn again(code: Option<Code>) -> Self {
        match code {
            Some(code) => Self::Refused(Box::new(Refusal::again(code)), None),
            None => Self::Accepted(Vec::new()),
        }
    }
}

/// What to tell an author at once, because the batch goes nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// This cid is there already: answer it again. The client's last batch has this seq.
    Repeat(Cid, Seq),
    /// A cid was skipped.
    Gap(Cid),
    /// The same cid with other ops: two pages share the client id.
    InUse,
}

/// A call, and what to say afterwards.
#[derive(Debug)]
pub struct Proposed {
    /// For the hot store.
    pub call: Call,
    /// One for each proposal, and one more for each repeat of a batch of this very call.
    pub answers: Vec<(Option<SessionId>, Answer)>,
    /// One for each batch that goes nowhere.
    pub at_once: Vec<(SessionId, AtOnce)>,
    /// What was taken from the queue, in its order, to be computed anew if others were first: the batches of the call, and those that repeat one of
    /// them, for whoever sent them waits for an answer too.
    pub batches: Vec<Waiting>,
    /// Objects whose order keys have grown too long.
    pub long_keys: Vec<ObjectId>,
}

/// Takes up to [`CALL_BATCHES`] waiting batches and makes a call of them.
pub fn propose(replica: &Replica, queue: &mut VecDeque<Waiting>, limits: &Limits, rng: &mut impl Rng) -> Proposed {
    let mut draft = Draft::new(replica.canvas());
    let mut ahead = Clients::new();
    let mut proposed = Proposed {
        call: Call { position: replica.position(), proposals: Vec::new(), urgent: false },
        answers: Vec::new(),
        at_once: Vec::new(),
        batches: Vec::new(),
        long_keys: Vec::new(),
    };
    let mut bytes = 0;
    let mut in_call: HashMap<(Author, Cid), usize> = HashMap::new();
    while proposed.call.proposals.len() < CALL_BATCHES && bytes < CALL_BYTES {
        let Some(waiting) = queue.pop_front() else { break };
        if let Some((session, author)) = waiting.from {
            let last = ahead.get(&author).copied().or_else(|| replica.client(&author));
            match off_count(&waiting.batch, last) {
                // The batch it repeats may be in this call (of a session that was replaced, say): both get the same answer.
                Some(AtOnce::Repeat(cid, _)) if in_call.contains_key(&(author, cid)) => {
                    let same = proposed.answers[in_call[&(author, cid)]].1.clone();
                    proposed.answers.push((Some(session), same));
                    proposed.batches.push(waiting);
                    continue;
                }
                Some(say) => {
                    proposed.at_once.push((session, say));
                    continue;
                }
                None => {}
            }
        }
        proposed.call.urgent |= waiting.batch.durable;
        let seq = proposed.call.position.seq + 1 + proposed.call.proposals.len() as Seq;
        let (proposal, verdict) = compute(&draft, &waiting, seq, limits, CommitId::random(rng));
        if let Origin::Client { author, cid, digest } = proposal.commit.origin {
            ahead.insert(author, ClientState { cid, seq, digest });
            in_call.insert((author, cid), proposed.answers.len());
        }
        for effect in &proposal.effects {
            bytes += effect.props.as_ref().map_or(0, Props::size);
            // Keys of the server's own making are as short as they get.
            if waiting.from.is_some() && effect.props.as_ref().is_some_and(rebalance::is_due) {
                proposed.long_keys.push(effect.id.clone());
            }
            draft.set(effect.id.clone(), effect.props.clone().map(|props| Object { rev: seq, props }));
        }
        proposed
            .answers
            .push((waiting.from.map(|(session, _)| session), Answer { cid: waiting.batch.cid, seq, verdict }));
        proposed.call.proposals.push(proposal);
        proposed.batches.push(waiting);
    }
    proposed
}

/// What is wrong with a batch's cid, if anything.
fn off_count(batch: &Batch, last: Option<ClientState>) -> Option<AtOnce> {
    let (cid, seq, digest) = last.map_or((0, 0, 0), |c| (c.cid, c.seq, c.digest));
    if batch.cid == cid + 1 {
        return None;
    }
    if batch.cid > cid {
        if !on(Mechanism::Contig) {
            return None;
        }
        return Some(AtOnce::Gap(cid + 1));
    }
    let differs = batch.cid == cid && batch.digest != digest && batch.digest != 0 && digest != 0;
    Some(if differs { AtOnce::InUse } else { AtOnce::Repeat(batch.cid, seq) })
}

fn compute(view: &dyn View, waiting: &Waiting, seq: Seq, limits: &Limits, id: CommitId) -> (Proposal, Verdict) {
    let batch = &waiting.batch;
    let origin = waiting.from.map_or(Origin::Server, |(_, author)| Origin::Client {
        author,
        cid: batch.cid,
        digest: batch.digest,
    });
    let result = match &batch.body {
        Body::Ops(ops) => {
            let maker = Maker { author: waiting.from.map(|(_, author)| author), now_ms: clock::now_ms() };
            apply(view, ops, seq, maker, limits)
        }
        Body::Invalid(refusal) => Err(refusal.clone()),
        Body::Void(code) => Err(Refusal::again(*code)),
        Body::Again(changes) => match changes.decode() {
            Ok(changes) => Ok(reapply(view, changes, seq)),
            Err(error) => Err(Refusal::new(Code::Quarantined, error.to_string())),
        },
    };
    match result {
        Ok(effects) => {
            let outcome = Outcome::Changed(Changes::encode(&effects.changes));
            let at_head = moves(&effects.changes);
            let proposal = Proposal {
                commit: Commit { id, origin, outcome },
                effects: effects.objects,
                absent: effects.gone.clone(),
                at_head,
            };
            (proposal, Verdict::Accepted(effects.gone))
        }
        Err(refusal) => {
            let current = refusal.id.as_ref().and_then(|id| {
                view.object(id).map(|o| WireObject { id: id.clone(), rev: o.rev, props: o.props.clone() })
            });
            let commit = Commit { id, origin, outcome: Outcome::Refused(refusal.code) };
            // Why it is refused may lie in any object, unless nothing about the project could have saved it.
            let at_head = matches!(batch.body, Body::Ops(_));
            (
                Proposal { commit, effects: Vec::new(), absent: Vec::new(), at_head },
                Verdict::Refused(Box::new(refusal), current),
            )
        }
    }
}

/// Whether changes set a parent: that there is no cycle depends on the whole chain.
fn moves(changes: &[Change]) -> bool {
    let sets_parent = |props: &Props| props.get("parent").is_some();
    changes.iter().any(|change| match change {
        Change::Put { props, .. } | Change::Set { set: props, .. } => sets_parent(props),
        Change::Delete { .. } => false,
    })
}

#[cfg(test)]
mod tests;
