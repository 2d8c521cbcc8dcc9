//! The room's calls: from waiting batches to the hot store and back to everybody.

use super::{Done, Room};
use crate::chance;
use crate::hot::{HotError, Reply};
use crate::hub::propose::{Answer, AtOnce, Proposed, Verdict, Waiting, propose};
use crate::ids::{Cid, Seq, SessionId};
use crate::mechanism::{Mechanism, on};
use crate::metrics::{self, ops::Ops};
use crate::project::canvas::View as _;
use crate::project::rebalance;
use crate::protocol::close::Close;
use crate::protocol::message::ServerMessage;
use crate::protocol::op::{Batch, Body};
use crate::protocol::run::Run;
use crate::recovery::course::Need;
use crate::recovery::lineage::install;
use tokio::time::Instant;

/// What the server's own batches have as cid, which goes no further: those that re-key …
pub(super) const OF_KEYS: Cid = 0;
/// … and those that end leases.
pub(super) const OF_LEASES: Cid = 1;

impl Room {
    /// Starts the next call, if none is in flight and there is something to do.
    pub(super) fn start(&mut self) {
        self.telling.call_waits = false;
        if self.in_flight.is_some() {
            return;
        }
        if self.course.is_direct() {
            self.start_direct();
            return;
        }
        if !self.take_course() || self.queue.is_empty() {
            return;
        }
        if !self.course.installed {
            let (project, stores, replica) = (self.project.clone(), self.stores.both(), self.replica.clone());
            self.in_flight = Some(Box::pin(async move { Done::Installed(install(&project, &stores, &replica).await) }));
            return;
        }
        if !self.may_call() {
            return;
        }
        let Some(proposed) = self.next_call() else { return };
        let (project, stores) = (self.project.clone(), self.stores.clone());
        self.in_flight = Some(Box::pin(async move {
            let started = Instant::now();
            let reply = stores.hot.commit(&project, &proposed.call).await;
            metrics::ops::committed(started.elapsed());
            Done::Committed(Box::new(proposed), reply)
        }));
    }

    /// What waits, as the next call; `None` when all of it could be answered at once.
    pub(super) fn next_call(&mut self) -> Option<Proposed> {
        let proposed = propose(&self.replica, &mut self.queue, &self.settings.limits, &mut chance::rng());
        for (session, say) in &proposed.at_once {
            self.at_once(*session, *say);
        }
        if proposed.call.proposals.is_empty() {
            return None;
        }
        metrics::ops::call(proposed.call.proposals.len());
        self.called = Instant::now();
        Some(proposed)
    }

    pub(super) fn at_once(&mut self, session: SessionId, say: AtOnce) {
        let position = self.replica.position();
        match say {
            AtOnce::Repeat(cid, last) => {
                metrics::repeated();
                if let Some(author) = self.members.get_mut(session).map(|m| m.who.author) {
                    let latest = self.replica.batches(author).find(|(known, ..)| *known == cid);
                    // Of one too long ago only the client's last seq is known; it was answered when it was saved.
                    let (seq, code) = latest.map_or((last, None), |(_, seq, code)| (seq, code));
                    self.members.decided(session, Answer { cid, seq, verdict: Verdict::again(code) });
                    self.settle();
                }
            }
            AtOnce::Gap(expected) => {
                if let Some(member) = self.members.answered_at_once(session) {
                    member.say(&ServerMessage::Gap { expected });
                }
            }
            AtOnce::InUse => {
                tracing::warn!(project = %self.project, session, seq = position.seq, "two pages share a client id");
                if let Some(member) = self.members.answered_at_once(session) {
                    let message = "this client id has sent other ops with the same cid: start with a new client id";
                    member.outbox.close(Close::ClientIdInUse, message);
                }
            }
        }
    }

    pub(super) fn finish(&mut self, done: Done) {
        self.in_flight = None;
        match done {
            Done::Installed(begun) => self.begun(begun, true),
            Done::Healed(begun) => self.begun(begun, false),
            Done::Committed(proposed, reply) => self.committed(*proposed, reply),
            Done::Verified(asked, answer) => self.verified(asked, answer),
            Done::Loaded(answer) => self.loaded(answer),
            Done::Cold(found) => self.cold(found),
            Done::Went(went) => self.went(went),
            Done::Appended(proposed, stored) => self.appended(*proposed, stored),
            Done::Looked(looked) => self.looked(looked),
            Done::News(known, news) => self.news(known, news),
        }
    }

    fn committed(&mut self, proposed: Proposed, reply: Result<Reply, HotError>) {
        let asked = proposed.call.position;
        match reply {
            Ok(Reply::Accepted { first, missed }) => {
                self.course.proved = Instant::now();
                self.course.moved = self.course.proved;
                self.in_order();
                self.catch_up(asked, &missed);
                self.accepted(proposed, first);
            }
            Ok(Reply::Stale(missed)) => {
                self.course.heard();
                self.again(proposed);
                self.catch_up(asked, &missed);
            }
            // The store counts otherwise than this replica, though both stand at the same commit: what the store has holds.
            Ok(Reply::Cid { index, last }) => {
                tracing::error!(project = %self.project, index, last, "the hot store's counters are not the replica's");
                self.again(proposed);
                self.course.need = Need::Load;
            }
            Ok(Reply::Mismatch(mismatch)) => {
                self.again(proposed);
                self.off_course(mismatch, asked);
            }
            // It may have been done all the same: the counters tell when it is proposed again.
            Err(error) => {
                self.again(proposed);
                self.in_trouble(&error);
            }
        }
    }

    /// Puts the batches of a call back to the front of the queue.
    pub(super) fn again(&mut self, proposed: Proposed) {
        proposed.batches.into_iter().rev().for_each(|waiting| self.queue.push_front(waiting));
    }

    pub(super) fn accepted(&mut self, proposed: Proposed, first: Seq) {
        // Others came in between: everything is that much later than it was computed.
        let later = first - (proposed.call.position.seq + 1);
        let run = Run { first, ..proposed.call.run() };
        if self.replica.position().seq + 1 == first {
            for proposal in proposed.call.proposals {
                self.replica.accept(proposal.commit, proposal.effects);
            }
        } else if self.replica.id_at(run.end().seq) != Some(run.end().id) && on(Mechanism::Ackhole) {
            // What lies between has not been read to its end, or another history stands there: the store failed over under the call. No answer before the
            // replica has it: proposed again, it is found to be a repeat, or has its place in another lineage.
            self.again(proposed);
            self.course.ask();
            return;
        }
        self.fill_from_ahead();
        self.follow(&run, &proposed.answers, later);
        self.count(&proposed.batches, &proposed.answers);
        for (session, answer) in proposed.answers {
            match session {
                Some(session) => self.members.decided(session, Answer { seq: answer.seq + later, ..answer }),
                None if answer.cid == OF_KEYS => self.rebalancing = false,
                None => {}
            }
        }
        self.settle();
        self.long_keys.extend(proposed.long_keys);
        self.rebalance_next();
    }

    /// Counts ops by what they came to. Batches and answers are in the same order, one for one.
    fn count(&mut self, batches: &[Waiting], answers: &[(Option<SessionId>, Answer)]) {
        let mut counted = Ops::default();
        for (waiting, (_, answer)) in batches.iter().zip(answers) {
            let Body::Ops(ops) = &waiting.batch.body else { continue };
            let is_accepted = matches!(answer.verdict, Verdict::Accepted(_));
            ops.iter().for_each(|op| counted.add(&op.action, is_accepted));
        }
        self.tally.ops += counted.accepted();
        counted.count();
    }

    /// Queues a re-keying of the next stretch with a long order key: one at a time, because each may mend several.
    fn rebalance_next(&mut self) {
        while !self.rebalancing {
            let Some(id) = self.long_keys.pop_first() else { return };
            let canvas = self.replica.canvas();
            if canvas.object(&id).is_some_and(|object| rebalance::is_due(&object.props)) {
                let ops = rebalance::rebalance(canvas, &id);
                if ops.is_empty() {
                    // Its neighbours are as it is: there is nothing to gain from trying each.
                    self.long_keys.clear();
                    return;
                }
                let batch = Batch { cid: OF_KEYS, body: Body::Ops(ops), durable: false, digest: 0 };
                self.queue.push_back(Waiting { from: None, batch });
                self.rebalancing = true;
            }
        }
    }
}
