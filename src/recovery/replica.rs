//! A room's copy of its project: what joins, reads and new batches are computed from. Pure.

use crate::hot::log::{KEPT_SAVED, Log};
use crate::hot::{ClientState, Clients, HotState};
use crate::ids::{Author, Cid, CommitId, Epoch, Position, Seq};
use crate::mechanism::{Mechanism, on};
use crate::project::apply::Effect;
use crate::project::canvas::{Canvas, Object};
use crate::protocol::change::InvalidChanges;
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::refusal::Code;

/// With so many commits unsaved, or bytes of commits kept, a project takes no more until the durable store has caught up: nothing that was
/// accepted is ever dropped to make room.
const UNSAVED: Seq = 100_000;
/// See [`UNSAVED`].
const UNSAVED_BYTES: usize = 64 << 20;

/// State, position, cid table and the latest commits of one project.
#[derive(Debug, Clone)]
pub struct Replica {
    position: Position,
    saved: Position,
    canvas: Canvas,
    clients: Clients,
    log: Log,
}

/// An event that does not continue this replica's history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Commits in between are missing.
    #[error("there is a hole: the event starts at seq {found}, the replica ends at {at}")]
    Hole {
        /// Seq of the event's first commit.
        found: Seq,
        /// Seq of the replica.
        at: Seq,
    },
    /// Another history.
    #[error("the event follows another history")]
    Fork,
    /// The event cannot be read.
    #[error(transparent)]
    Changes(#[from] InvalidChanges),
}

impl Replica {
    /// A replica of a state, whose log reaches down to its watermark at least.
    #[must_use]
    pub fn new(state: HotState) -> Self {
        let HotState { position, saved, canvas, clients, mut log } = state;
        log.trim(saved.seq, KEPT_SAVED);
        Self { position, saved, canvas, clients, log }
    }

    /// Where the replica stands.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The watermark: everything up to here is durable.
    #[must_use]
    pub fn saved(&self) -> Position {
        self.saved
    }

    /// The objects.
    #[must_use]
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Whether so much is unsaved that nothing more may be accepted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.position.seq - self.saved.seq >= UNSAVED || self.log.bytes() >= UNSAVED_BYTES
    }

    /// The last batch of a client.
    #[must_use]
    pub fn client(&self, author: &Author) -> Option<ClientState> {
        self.clients.get(author).copied()
    }

    /// The whole state, to be installed in the hot store.
    #[must_use]
    pub fn to_hot(&self) -> HotState {
        HotState {
            position: self.position,
            canvas: self.canvas.clone(),
            clients: self.clients.clone(),
            saved: self.saved,
            log: self.log.clone(),
        }
    }

    /// Goes on in a new lineage of the same history.
    pub fn enter_epoch(&mut self, epoch: Epoch) {
        self.position.epoch = epoch;
        self.saved.epoch = epoch;
    }

    /// The commit id at a seq, if it is still known.
    #[must_use]
    pub fn id_at(&self, seq: Seq) -> Option<CommitId> {
        self.log.id_at(seq)
    }

    /// The commits after a position of this history; `None` when it is another history or too long ago.
    #[must_use]
    pub fn after(&self, seq: Seq, id: CommitId) -> Option<impl ExactSizeIterator<Item = &Commit> + Clone> {
        (self.id_at(seq)? == id).then(|| self.log.after(seq))
    }

    /// Bytes that a delta after `seq` has, about.
    #[must_use]
    pub fn bytes_after(&self, seq: Seq) -> usize {
        self.log.after(seq).map(Commit::weight).sum()
    }

    /// A commit of this room that the hot store has accepted at the next seq, with the effects that it was computed to have.
    pub fn accept(&mut self, commit: Commit, effects: Vec<Effect>) {
        let seq = self.position.seq + 1;
        for effect in effects {
            self.canvas.set(effect.id, effect.props.map(|props| Object { rev: seq, props }));
        }
        self.push(commit);
    }

    /// Commits that came by fan-out or from the log. Those that the replica has already are passed over. Returns how many were new.
    ///
    /// # Errors
    /// [`Broken`]; the replica then stands where it stood, or after the last good one.
    pub fn learn(&mut self, first: Seq, previous: CommitId, commits: &[Commit]) -> Result<usize, Broken> {
        if first > self.position.seq + 1 {
            return Err(Broken::Hole { found: first, at: self.position.seq });
        }
        let last = first + commits.len() as Seq - 1;
        if last <= self.position.seq {
            let same = commits.last().is_none_or(|c| self.id_at(last).is_none_or(|id| id == c.id));
            return if same { Ok(0) } else { Err(Broken::Fork) };
        }
        let known = usize::try_from(self.position.seq + 1 - first).unwrap_or(usize::MAX);
        let before = if known == 0 { previous } else { commits[known - 1].id };
        if before != self.position.id && on(Mechanism::Link) {
            return Err(Broken::Fork);
        }
        for commit in &commits[known..] {
            if let Outcome::Changed(changes) = &commit.outcome {
                self.canvas.absorb(changes.decode()?, self.position.seq + 1);
            }
            self.push(commit.clone());
        }
        Ok(commits.len() - known)
    }

    fn push(&mut self, commit: Commit) {
        let seq = self.position.seq + 1;
        if let Origin::Client { author, cid, digest } = commit.origin {
            self.clients.insert(author, ClientState { cid, seq, digest });
        }
        self.position = Position { seq, id: commit.id, ..self.position };
        self.log.push(commit);
    }

    /// Moves the watermark, if `position` is on this history. Returns whether it moved.
    pub fn mark_saved(&mut self, position: Position) -> bool {
        let other = self.id_at(position.seq) != Some(position.id);
        if position.seq <= self.saved.seq || position.seq > self.position.seq || (other && on(Mechanism::Savedid)) {
            return false;
        }
        self.saved = Position { epoch: self.position.epoch, ..position };
        self.log.trim(position.seq, KEPT_SAVED);
        true
    }

    /// The latest batches of a client, oldest first: cid, seq, and the code of a refused one.
    pub fn batches(&self, author: Author) -> impl Iterator<Item = (Cid, Seq, Option<Code>)> {
        self.log.iter().zip(self.log.base() + 1..).filter_map(move |(commit, seq)| {
            match (&commit.origin, &commit.outcome) {
                (Origin::Client { author: by, .. }, _) if *by != author => None,
                (Origin::Client { cid, .. }, Outcome::Refused(code)) => Some((*cid, seq, Some(*code))),
                (Origin::Client { cid, .. }, Outcome::Changed(_)) => Some((*cid, seq, None)),
                (Origin::Server, _) => None,
            }
        })
    }

    /// A client's highest cid, and its highest durable one.
    #[must_use]
    pub fn cids(&self, author: &Author) -> (Cid, Cid) {
        let Some(client) = self.clients.get(author) else {
            return (0, 0);
        };
        if client.seq <= self.saved.seq {
            return (client.cid, client.cid);
        }
        // Its unsaved commits are all in the log, and its cids have no holes.
        let first = self.log.after(self.saved.seq).find_map(|commit| match commit.origin {
            Origin::Client { author: by, cid, .. } if by == *author => Some(cid),
            _ => None,
        });
        (client.cid, first.map_or(client.cid, |cid| cid - 1))
    }
}

#[cfg(test)]
mod tests;
