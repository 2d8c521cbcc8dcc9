//! The hot store of an embedded node: in this process.

mod look;
#[cfg(test)]
mod sim;

use super::log::{KEPT_SAVED, Log};
use super::unsaved::Unsaved;
use super::{
    Call, ClientState, Clients, Dirty, Freeze, HotError, HotLog, HotState, HotStore, MISSED, Mismatch, Over, Reply,
    Verified,
};
use crate::fanout::{Event, Fanout};
use crate::ids::{Position, ProjectId, Seq};
use crate::mechanism::{Mechanism, on};
use crate::project::canvas::{Canvas, Object, View as _};
use crate::protocol::commit::{Commit, Origin};
use crate::protocol::run::Run;
use async_trait::async_trait;
use dashmap::DashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// One project's hot state.
#[cfg_attr(test, derive(Clone))]
struct Hot {
    position: Position,
    saved: Position,
    canvas: Canvas,
    clients: Clients,
    log: Log,
    /// Who has stopped it, and until when.
    frozen: Option<(u64, Instant)>,
}

/// A project that has unsaved commits.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// Somebody wants them durable at once.
    urgent: bool,
    unsaved: Unsaved,
}

/// Keeps hot states in memory, one lock per project.
pub struct MemoryHot {
    projects: DashMap<ProjectId, Hot>,
    dirty: DashMap<ProjectId, Mark>,
    dirtied: Notify,
    fanout: Arc<dyn Fanout>,
}

impl MemoryHot {
    /// An empty store that publishes to `fanout`.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>) -> Self {
        Self { projects: DashMap::new(), dirty: DashMap::new(), dirtied: Notify::new(), fanout }
    }

    fn mark(&self, project: &ProjectId, urgent: bool) {
        let fresh = || Mark { urgent: false, unsaved: Unsaved::since(Instant::now()) };
        self.dirty.entry(project.clone()).or_insert_with(fresh).urgent |= urgent;
    }
}

impl Hot {
    fn is_frozen(&self) -> bool {
        self.frozen.is_some_and(|(_, until)| Instant::now() < until)
    }

    /// How a room's position differs from this history, if it does.
    fn mismatch(&self, room: Position) -> Option<Mismatch> {
        if room.epoch != self.position.epoch {
            return Some(Mismatch::Epoch(self.position.epoch));
        }
        if self.is_frozen() {
            return Some(Mismatch::Frozen);
        }
        if !on(Mechanism::Pos) {
            return None;
        }
        if room.seq < self.log.base() && on(Mechanism::Trimmed) {
            return Some(Mismatch::Trimmed);
        }
        let below = room.seq < self.log.base();
        (!below && self.log.id_at(room.seq) != Some(room.id)).then_some(Mismatch::Fork)
    }

    fn missed(&self, seq: Seq) -> Vec<Commit> {
        self.log.after(seq).take(MISSED).cloned().collect()
    }

    /// Why a call is not accepted, if it is not.
    fn check(&self, call: &Call) -> Option<Reply> {
        if let Some(mismatch) = self.mismatch(call.position) {
            return Some(Reply::Mismatch(mismatch));
        }
        let overtaken = call.position.seq < self.position.seq;
        let cid = self.off_count(call);
        if overtaken {
            let far = self.position.seq - call.position.seq > MISSED as Seq;
            let holds = cid.is_none() && !far && !call.at_head() && self.untouched(call);
            return (!holds).then(|| Reply::Stale(self.missed(call.position.seq)));
        }
        cid.map(|(index, last)| Reply::Cid { index, last })
    }

    /// The first proposal whose cid does not fit, and its client's last.
    fn off_count(&self, call: &Call) -> Option<(usize, u64)> {
        let mut ahead = Clients::new();
        for (index, proposal) in call.proposals.iter().enumerate() {
            let Origin::Client { author, cid, digest } = proposal.commit.origin else { continue };
            let last = ahead.get(&author).or_else(|| self.clients.get(&author)).map_or(0, |c| c.cid);
            if cid != last + 1 && (on(Mechanism::Contig) || cid <= last) {
                return Some((index, last));
            }
            ahead.insert(author, ClientState { cid, seq: 0, digest });
        }
        None
    }

    /// Whether all that a call touches is as the room saw it.
    fn untouched(&self, call: &Call) -> bool {
        call.touched().iter().all(|touched| self.canvas.object(touched.id).map(|object| object.rev) == touched.base)
    }

    fn store(&mut self, call: &Call) -> Run {
        let run = Run { first: self.position.seq + 1, previous: self.position.id, ..call.run() };
        for touched in call.touched() {
            if let Some((index, props)) = touched.left {
                let rev = run.first + index as Seq;
                self.canvas.set(touched.id.clone(), props.map(|props| Object { rev, props: props.clone() }));
            }
        }
        for (commit, seq) in run.commits.iter().zip(run.first..) {
            if let Origin::Client { author, cid, digest } = commit.origin {
                self.clients.insert(author, ClientState { cid, seq, digest });
            }
            self.log.push(commit.clone());
        }
        self.position = run.end();
        run
    }
}

#[async_trait]
impl HotStore for MemoryHot {
    async fn commit(&self, project: &ProjectId, call: &Call) -> Result<Reply, HotError> {
        let Some(mut hot) = self.projects.get_mut(project) else {
            return Ok(Reply::Mismatch(Mismatch::Empty));
        };
        if let Some(refused) = hot.check(call) {
            return Ok(refused);
        }
        let missed = hot.missed(call.position.seq);
        let run = hot.store(call);
        let first = run.first;
        // Published under the project's lock, so that events leave in the order of their seqs.
        self.fanout.publish(project, Event::Commits(run));
        // Marked under the lock, too: whoever clears the mark holds it and has seen these commits.
        self.mark(project, call.urgent);
        drop(hot);
        self.dirtied.notify_one();
        Ok(Reply::Accepted { first, missed })
    }

    async fn verify(&self, project: &ProjectId, position: Position) -> Result<Verified, HotError> {
        let Some(hot) = self.projects.get(project) else {
            return Ok(Verified::Mismatch(Mismatch::Empty));
        };
        Ok(match hot.mismatch(position) {
            Some(mismatch) => Verified::Mismatch(mismatch),
            None => Verified::Same { head: hot.position.seq, saved: hot.saved, missed: hot.missed(position.seq) },
        })
    }

    async fn load(&self, project: &ProjectId) -> Result<Option<HotState>, HotError> {
        Ok(self.projects.get(project).map(|hot| HotState {
            position: hot.position,
            canvas: hot.canvas.clone(),
            clients: hot.clients.clone(),
            saved: hot.saved,
            log: hot.log.clone(),
        }))
    }

    async fn freeze(&self, project: &ProjectId, token: u64, lease: Duration) -> Result<Freeze, HotError> {
        let Some(mut hot) = self.projects.get_mut(project) else {
            return Ok(Freeze::Empty);
        };
        if on(Mechanism::Lease) && hot.is_frozen() && hot.frozen.is_some_and(|(by, _)| by != token) {
            return Ok(Freeze::Busy);
        }
        hot.frozen = Some((token, Instant::now() + lease));
        Ok(Freeze::Frozen(hot.position))
    }

    async fn install(&self, project: &ProjectId, state: HotState, over: Over) -> Result<bool, HotError> {
        let slot = self.projects.entry(project.clone());
        let same = match (&slot, over) {
            (dashmap::Entry::Vacant(_), Over::Empty) => true,
            (dashmap::Entry::Occupied(old), Over::Frozen { token, position }) => {
                let old = old.get();
                old.position == position && old.frozen.is_some_and(|(by, _)| by == token)
            }
            _ => false,
        };
        let newer = matches!(&slot, dashmap::Entry::Occupied(old) if old.get().position.epoch >= state.position.epoch);
        if !same && (newer || on(Mechanism::Fp)) {
            return Ok(false);
        }
        let HotState { position, saved, canvas, clients, log } = state;
        tracing::debug!(%project, objects = canvas.len(), "installed in the hot store");
        let dirty = position.seq > saved.seq;
        let hot = slot.insert(Hot { position, saved, canvas, clients, log, frozen: None });
        if dirty {
            self.mark(project, false);
        }
        self.fanout.publish(project, Event::Began { epoch: position.epoch });
        drop(hot);
        self.dirtied.notify_one();
        Ok(true)
    }

    async fn log_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError> {
        Ok(self.look(project, |_| seq, bytes))
    }

    async fn unsaved_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError> {
        let after = |hot: &Hot| if hot.saved.epoch == hot.position.epoch { seq.max(hot.saved.seq) } else { seq };
        Ok(self.look(project, after, bytes))
    }

    async fn mark_saved(&self, project: &ProjectId, position: Position) -> Result<bool, HotError> {
        let Some(mut hot) = self.projects.get_mut(project) else {
            return Ok(false);
        };
        if hot.position.epoch != position.epoch || hot.log.id_at(position.seq) != Some(position.id) {
            return Ok(false);
        }
        if position.seq > hot.saved.seq {
            hot.saved = position;
            hot.log.trim(position.seq, KEPT_SAVED);
            self.fanout.publish(project, Event::Saved(position));
        }
        if hot.saved.seq == hot.position.seq {
            // Under the project's lock: a commit that came in between has marked it again, or waits for the lock.
            self.dirty.remove(project);
        } else if let Some(mut mark) = self.dirty.get_mut(project) {
            mark.unsaved.saved(hot.saved.seq);
        }
        Ok(true)
    }

    async fn forget(&self, project: &ProjectId, position: Position) -> Result<(), HotError> {
        self.projects.remove_if(project, |_, hot| hot.position == position && hot.saved.seq == position.seq);
        Ok(())
    }

    async fn erase(&self, project: &ProjectId) -> Result<(), HotError> {
        self.projects.remove(project);
        self.dirty.remove(project);
        Ok(())
    }

    async fn dirty(&self, _all: bool) -> Result<Vec<Dirty>, HotError> {
        let now = Instant::now();
        let dirty = |e: dashmap::mapref::multiple::RefMulti<'_, ProjectId, Mark>| Dirty {
            project: e.key().clone(),
            urgent: e.value().urgent,
            age: e.value().unsaved.age(now),
        };
        Ok(self.dirty.iter().map(dirty).collect())
    }

    async fn dirtied(&self) {
        self.dirtied.notified().await;
    }

    async fn claim(&self, _project: &ProjectId, _lease: Duration) -> Result<bool, HotError> {
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
