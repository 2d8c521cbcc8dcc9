//! What was loaded from the durable store, as a hot state. Pure; called wherever a project is opened or a lineage begins.

use crate::durable::ClientRecord;
use crate::durable::load::Loaded;
use crate::hot::log::Log;
use crate::hot::{ClientState, HotState};
use crate::ids::CommitId;

/// What the durable store has, as a hot state that is saved whole.
#[must_use]
pub fn hot_state(loaded: Loaded) -> HotState {
    let state = |c: ClientRecord| ClientState { cid: c.cid, seq: c.seq, digest: c.digest };
    let mut recent = loaded.recent;
    // The id before the first commit is that of one more commit, given up for it; before seq 1 there is none.
    let before = match recent.front() {
        Some((1, _)) => CommitId::NONE,
        Some(_) => recent.pop_front().map_or(loaded.position.id, |(_, commit)| commit.id),
        None => loaded.position.id,
    };
    HotState {
        position: loaded.position,
        saved: loaded.position,
        canvas: loaded.canvas,
        clients: loaded.clients.into_iter().map(|(author, client)| (author, state(client))).collect(),
        log: Log::new(loaded.position.seq, before, recent.into_iter().map(|(_, commit)| commit).collect()),
    }
}
