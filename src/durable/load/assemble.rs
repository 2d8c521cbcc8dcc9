//! Putting a project together from what was read of it.
//!
//! Owns what becomes of a damaged object, and which commits a room gets for deltas. Never does I/O. Called by `load`.

use super::super::layout::{self, chunk, corrupt, entry_name};
use super::super::{ClientRecord, DurableError, Entry, Pointer};
use super::{Loaded, RECENT_COMMITS, Tail, follow};
use crate::ids::{Author, CommitId, Epoch, ObjectId, ProjectId, Seq};
use crate::project::canvas::{Canvas, View as _};
use crate::protocol::change::Change;
use crate::protocol::commit::{Commit, Origin, Outcome};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// What was read of a project.
pub(super) struct Parts {
    pub(super) project: ProjectId,
    pub(super) pointer: Option<Pointer>,
    pub(super) chunks: Vec<Bytes>,
    pub(super) entries: Vec<Entry>,
}

impl Parts {
    /// Size of it all, about.
    pub(super) fn bytes(&self) -> usize {
        let log: usize = self.entries.iter().flat_map(|e| &e.commits).map(layout::weight).sum();
        log + self.chunks.iter().map(Bytes::len).sum::<usize>()
    }

    /// The project that this is. CPU only.
    pub(super) fn assemble(self) -> Result<Loaded, DurableError> {
        let project = &self.project;
        let mut state = State::default();
        let mut tail = Tail::START;
        if let Some(pointer) = &self.pointer {
            state = State::read(project, pointer, &self.chunks)?;
            tail = Tail::of_pointer(pointer);
        }
        let checkpoint_seq = tail.position.seq;
        let before: (Epoch, CommitId) = (tail.position.epoch, tail.position.id);
        let (first, inside) = follow(project, &mut tail, &self.entries)?;
        let mut log_bytes = 0;
        for (n, entry) in self.entries[first..].iter().enumerate() {
            for (seq, commit) in numbered(entry).skip(if n == 0 { inside } else { 0 }) {
                log_bytes += layout::weight(commit) as u64;
                state.absorb(project, entry, seq, commit)?;
            }
        }
        let (canvas, clients) = state.finish(project);
        Ok(Loaded {
            position: tail.position,
            direct: tail.direct,
            entry: tail.entry,
            state_bytes: state_bytes(&canvas, clients.len()),
            canvas,
            clients,
            recent: recent(self.entries, first, checkpoint_seq, before),
            log_bytes,
            checkpoint_seq,
        })
    }
}

fn numbered(entry: &Entry) -> impl Iterator<Item = (Seq, &Commit)> {
    (entry.from..).zip(&entry.commits)
}

/// Size of a state at rest, about: props, an id and framing for each object, and the client table.
fn state_bytes(canvas: &Canvas, clients: usize) -> u64 {
    let aside: usize = canvas.quarantined().map(|(_, raw)| raw.len()).sum();
    (canvas.bytes() + aside + 50 * canvas.len() + chunk::CLIENT_BYTES * clients) as u64
}

/// The newest commits. Entries from `first` on are known to be linked; those before only as far back as they link to the checkpoint, for
/// what lies behind a truncation proves nothing.
fn recent(
    mut entries: Vec<Entry>,
    first: usize,
    checkpoint_seq: Seq,
    (epoch, id): (Epoch, CommitId),
) -> VecDeque<(Seq, Commit)> {
    let mut oldest = first;
    // An entry that reaches across the checkpoint links to those before it by its own start.
    let (mut seq, mut id, mut epoch) = match entries.get(first) {
        Some(e) if e.from <= checkpoint_seq => (e.from - 1, e.prev, e.epoch),
        _ => (checkpoint_seq, id, epoch),
    };
    while let Some(entry) = oldest.checked_sub(1).map(|i| &entries[i]) {
        if entry.to() != seq || entry.last_id() != id || entry.epoch > epoch {
            break;
        }
        (seq, id, epoch) = (entry.from - 1, entry.prev, entry.epoch);
        oldest -= 1;
    }
    let mut recent = VecDeque::new();
    for entry in entries.drain(oldest..).rev() {
        let to = entry.to();
        for (back, commit) in entry.commits.into_iter().rev().enumerate() {
            if recent.len() == RECENT_COMMITS {
                return recent;
            }
            recent.push_front((to - back as Seq, commit));
        }
    }
    recent
}

/// A state that is being put together.
#[derive(Default)]
struct State {
    canvas: Canvas,
    clients: HashMap<Author, ClientRecord>,
    /// Kept apart until the log has been read: what it puts or deletes needs no old record.
    aside: BTreeMap<ObjectId, Bytes>,
}

impl State {
    fn read(project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<Self, DurableError> {
        let mut unpacked = chunk::Unpacked::default();
        for (n, bytes) in chunks.iter().enumerate() {
            chunk::decode(project, pointer.seq, n, bytes, &mut unpacked)?;
        }
        let found = unpacked.objects.len();
        let mut state = Self { clients: unpacked.clients, ..Self::default() };
        for (id, object) in unpacked.objects {
            state.canvas.set(id, Some(object));
        }
        let all = (found + unpacked.aside.len()) as u64;
        let clients = state.clients.len() as u64;
        if chunks.len() != pointer.chunks as usize
            || all != pointer.objects
            || clients != pointer.clients
            || state.canvas.len() != found
        {
            let why = format!(
                "{} chunks, {all} objects and {clients} clients instead of {}, {} and {}",
                chunks.len(),
                pointer.chunks,
                pointer.objects,
                pointer.clients
            );
            return Err(corrupt(project, format!("checkpoint at {}", pointer.seq), why));
        }
        for (id, raw) in unpacked.aside {
            // A damaged id may be another object's.
            let taken = state.canvas.object(&id).is_some() || state.aside.contains_key(&id);
            let id = if taken { chunk::made_name(&raw) } else { id };
            state.aside.insert(id, raw);
        }
        Ok(state)
    }

    fn absorb(&mut self, project: &ProjectId, entry: &Entry, seq: Seq, commit: &Commit) -> Result<(), DurableError> {
        if let Origin::Client { author, cid, digest } = commit.origin {
            let record = ClientRecord { cid, seq, digest, at_ms: entry.at_ms };
            self.clients.insert(author, record);
        }
        if let Outcome::Changed(changes) = &commit.outcome {
            let changes = changes.decode().map_err(|e| corrupt(project, entry_name(entry.from), e.to_string()))?;
            for change in &changes {
                if let Change::Put { id, .. } | Change::Delete { id } = change {
                    self.aside.remove(id);
                }
            }
            self.canvas.absorb(changes, seq);
        }
        Ok(())
    }

    fn finish(mut self, project: &ProjectId) -> (Canvas, HashMap<Author, ClientRecord>) {
        for (id, raw) in self.aside {
            tracing::error!(%project, object = %id, bytes = raw.len(), "a stored object cannot be read and is set aside");
            self.canvas.quarantine(id, raw);
        }
        (self.canvas, self.clients)
    }
}
