//! Sequencing a project on the durable store alone, while the hot one is away.
//!
//! A *direct* epoch is begun by a seal and may be served by no hot store: every batch is a compare-and-append, which is a total order by itself. Any node may join
//! it. It ends when a node that reaches the hot store heals the project. Never decides when to begin one; the room does, which is the only caller.

use super::lineage::{made_so_again, sealed};
use super::merge::merge;
use super::state::hot_state;
use crate::chance;
use crate::clock;
use crate::durable::load::{Tail, load};
use crate::durable::{Appended, DurableStore, Entry};
use crate::hot::HotState;
use crate::ids::{Epoch, Position, ProjectId};
use crate::mechanism::{Mechanism, on};
use crate::metrics;
use crate::protocol::commit::Commit;

/// What became of an attempt to go on without the hot store.
#[derive(Debug)]
pub enum Went {
    /// This is the project now, in a direct epoch, and here the log ends.
    Direct(Box<HotState>, Tail),
    /// A node that reaches the hot store has ended the direct epoch that this node was in: it is for that node to go on.
    Ended,
    /// The project was deleted.
    Deleted,
    /// The durable store does not answer either, or others are at it: try again later.
    NotNow(String),
}

/// Joins the direct epoch that the durable log is in, or begins one with `mine` on top: commits that the room has and that may be in neither store. `was` is the
/// direct epoch that the room was in before, if it was in one; should that have been ended, no other is begun.
pub async fn go(project: &ProjectId, durable: &dyn DurableStore, mine: &[Commit], was: Option<Epoch>) -> Went {
    let loaded = match load(durable, project).await {
        Ok(loaded) => loaded,
        Err(error) => return Went::NotNow(error.to_string()),
    };
    let tail = loaded.tail();
    if tail.is_deleted() {
        return Went::Deleted;
    }
    let state = hot_state(loaded);
    if tail.direct && on(Mechanism::Direct) {
        return Went::Direct(Box::new(state), tail);
    }
    if was.is_some_and(|was| tail.position.epoch > was) {
        return Went::Ended;
    }
    let last = state.clients.iter().map(|(author, client)| (*author, client.cid)).collect();
    let left = made_so_again(&state, merge(last, &[mine], &mut chance::rng()));
    tracing::warn!(%project, left = left.len(), "the hot store is away: the project goes on, on the durable store alone");
    match sealed(project, durable, state, left, true).await {
        Ok((replica, tail)) => {
            metrics::direct_begun();
            Went::Direct(Box::new(replica.to_hot()), tail)
        }
        Err(why) => Went::NotNow(why),
    }
}

/// Appends commits behind `position`, in a direct epoch. Returns where the log ends then.
///
/// # Errors
/// A sentence: others were first, or the outcome is not known. Read the log, and propose again what it lacks.
pub async fn append(
    project: &ProjectId,
    durable: &dyn DurableStore,
    position: Position,
    commits: Vec<Commit>,
) -> Result<Tail, String> {
    let (from, at_ms) = (position.seq + 1, clock::now_ms());
    let all = Entry { epoch: position.epoch, direct: true, from, prev: position.id, commits, at_ms };
    let mut tail = Tail { position, direct: true, entry: 0 };
    for entry in all.cut() {
        match durable.append(project, &entry).await {
            Ok(Appended::Stored) => {}
            Ok(Appended::Conflict) => return Err("another node was first".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        tail.position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        tail.entry = entry.from;
    }
    Ok(tail)
}

#[cfg(test)]
mod tests;
