//! The hot store of an embedded node: in this process.

use super::{Call, ClientState, Clients, HotError, HotLog, HotState, HotStore, Mismatch, Reply};
use crate::fanout::{Event, Fanout};
use crate::ids::{CommitId, Epoch, Position, ProjectId, Seq};
use crate::project::canvas::{Canvas, Object, View as _};
use crate::protocol::commit::{Commit, Origin};
use async_trait::async_trait;
use dashmap::DashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

/// Commits below the watermark that the log keeps, so that a room that missed some can read them.
const KEPT_SAVED: usize = 4_096;
/// Bytes of such commits.
const KEPT_BYTES: usize = 4 << 20;

/// One project's hot state.
struct Hot {
    position: Position,
    saved: Position,
    canvas: Canvas,
    clients: Clients,
    /// The last commits; the newest is at `position`.
    log: VecDeque<Commit>,
    log_bytes: usize,
    /// Commit id before the first of `log`.
    before: CommitId,
}

/// Keeps hot states in memory, one lock per project.
pub struct MemoryHot {
    projects: DashMap<ProjectId, Hot>,
    dirty: DashMap<ProjectId, ()>,
    dirtied: Notify,
    fanout: Arc<dyn Fanout>,
}

impl MemoryHot {
    /// An empty store that publishes to `fanout`.
    #[must_use]
    pub fn new(fanout: Arc<dyn Fanout>) -> Self {
        Self { projects: DashMap::new(), dirty: DashMap::new(), dirtied: Notify::new(), fanout }
    }
}

impl Hot {
    /// Seq of the last commit that is no longer in the log.
    fn base(&self) -> Seq {
        self.position.seq - self.log.len() as Seq
    }

    /// The commit id at a seq, if the log reaches down to it.
    fn id_at(&self, seq: Seq) -> Option<CommitId> {
        let index = seq.checked_sub(self.base())?;
        match usize::try_from(index).ok()? {
            0 => Some(self.before),
            n => self.log.get(n - 1).map(|c| c.id),
        }
    }

    fn after(&self, seq: Seq) -> Vec<Commit> {
        let skip = usize::try_from(seq.saturating_sub(self.base())).unwrap_or(usize::MAX);
        self.log.iter().skip(skip).cloned().collect()
    }

    /// What is wrong with a call, if anything.
    fn check(&self, call: &Call) -> Option<Reply> {
        let room = call.position;
        if room.epoch != self.position.epoch {
            return Some(Reply::Mismatch(Mismatch::Epoch(self.position.epoch)));
        }
        if room.seq < self.base() {
            return Some(Reply::Mismatch(Mismatch::Trimmed));
        }
        if self.id_at(room.seq) != Some(room.id) {
            return Some(Reply::Mismatch(Mismatch::Fork));
        }
        if room.seq < self.position.seq {
            return Some(Reply::Stale(self.after(room.seq)));
        }
        let mut ahead = Clients::new();
        for (index, proposal) in call.proposals.iter().enumerate() {
            let Origin::Client { author, cid, digest } = proposal.commit.origin else {
                continue;
            };
            let last = ahead.get(&author).or_else(|| self.clients.get(&author)).map_or(0, |c| c.cid);
            if cid != last + 1 {
                return Some(Reply::Cid { index, last });
            }
            ahead.insert(author, ClientState { cid, seq: 0, digest });
        }
        None
    }

    fn store(&mut self, call: Call) -> Vec<Commit> {
        let mut stored = Vec::with_capacity(call.proposals.len());
        for proposal in call.proposals {
            let seq = self.position.seq + 1;
            for effect in proposal.effects {
                self.canvas.set(effect.id, effect.props.map(|props| Object { rev: seq, props }));
            }
            if let Origin::Client { author, cid, digest } = proposal.commit.origin {
                self.clients.insert(author, ClientState { cid, seq, digest });
            }
            self.position = Position { seq, id: proposal.commit.id, ..self.position };
            self.log_bytes += proposal.commit.weight();
            self.log.push_back(proposal.commit.clone());
            stored.push(proposal.commit);
        }
        stored
    }

    /// Lets go of commits that are saved and old.
    fn trim(&mut self) {
        let unsaved = usize::try_from(self.position.seq - self.saved.seq).unwrap_or(usize::MAX);
        while self.log.len() > unsaved.saturating_add(KEPT_SAVED)
            || (self.log_bytes > KEPT_BYTES && self.log.len() > unsaved)
        {
            let Some(commit) = self.log.pop_front() else { return };
            self.log_bytes -= commit.weight();
            self.before = commit.id;
        }
    }
}

#[async_trait]
impl HotStore for MemoryHot {
    async fn commit(&self, project: &ProjectId, call: Call) -> Result<Reply, HotError> {
        let Some(mut hot) = self.projects.get_mut(project) else {
            return Ok(Reply::Mismatch(Mismatch::Empty));
        };
        if let Some(refused) = hot.check(&call) {
            return Ok(refused);
        }
        let first = hot.position.seq + 1;
        let previous = hot.position.id;
        let commits = hot.store(call);
        let epoch = hot.position.epoch;
        // Published under the project's lock, so that events leave in the order of their seqs.
        self.fanout.publish(project, Event::Commits { epoch, first, previous, commits: commits.into() });
        // Marked under the lock, too: whoever clears the mark holds it and has seen these commits.
        self.dirty.insert(project.clone(), ());
        drop(hot);
        self.dirtied.notify_one();
        Ok(Reply::Accepted)
    }

    async fn load(&self, project: &ProjectId) -> Result<Option<HotState>, HotError> {
        Ok(self.projects.get(project).map(|hot| HotState {
            position: hot.position,
            canvas: hot.canvas.clone(),
            clients: hot.clients.clone(),
            saved: hot.saved,
            log: hot.log.iter().cloned().collect(),
            before: hot.before,
        }))
    }

    async fn install(&self, project: &ProjectId, state: HotState) -> Result<bool, HotError> {
        let mut slot = match self.projects.entry(project.clone()) {
            dashmap::Entry::Occupied(old) if old.get().position.epoch >= state.position.epoch => return Ok(false),
            slot => slot.insert(Hot {
                position: state.position,
                saved: state.saved,
                canvas: state.canvas,
                clients: state.clients,
                log_bytes: state.log.iter().map(Commit::weight).sum(),
                log: state.log.into(),
                before: state.before,
            }),
        };
        tracing::debug!(%project, objects = slot.value_mut().canvas.len(), "installed in the hot store");
        Ok(true)
    }

    async fn log_after(&self, project: &ProjectId, seq: Seq) -> Result<Option<HotLog>, HotError> {
        Ok(self
            .projects
            .get(project)
            .map(|hot| HotLog { position: hot.position, after: hot.id_at(seq).map(|id| (id, hot.after(seq))) }))
    }

    async fn mark_saved(&self, project: &ProjectId, position: Position) -> Result<bool, HotError> {
        let Some(mut hot) = self.projects.get_mut(project) else {
            return Ok(false);
        };
        if hot.position.epoch != position.epoch || hot.id_at(position.seq) != Some(position.id) {
            return Ok(false);
        }
        if position.seq > hot.saved.seq {
            hot.saved = position;
            hot.trim();
            self.fanout.publish(project, Event::Saved(position));
        }
        if hot.saved.seq == hot.position.seq {
            // Under the project's lock: a commit that came in between has marked it again, or waits for the lock.
            self.dirty.remove(project);
        }
        Ok(true)
    }

    async fn forget(&self, project: &ProjectId, position: Position) -> Result<bool, HotError> {
        let saved = |hot: &Hot| hot.position == position && hot.saved.seq == position.seq;
        Ok(self.projects.remove_if(project, |_, hot| saved(hot)).is_some())
    }

    async fn discard(&self, project: &ProjectId, epoch: Epoch) -> Result<(), HotError> {
        if self.projects.remove_if(project, |_, hot| hot.position.epoch <= epoch).is_some() {
            self.dirty.remove(project);
        }
        self.fanout.publish(project, Event::Ended { epoch });
        Ok(())
    }

    async fn dirty(&self) -> Result<Vec<ProjectId>, HotError> {
        Ok(self.dirty.iter().map(|entry| entry.key().clone()).collect())
    }

    async fn dirtied(&self) {
        self.dirtied.notified().await;
    }
}

#[cfg(test)]
mod tests;
