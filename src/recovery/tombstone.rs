//! Deleting a project: a tombstone ends its durable log for good, and what was in the log is erased.
//!
//! The tombstone is a seal in the last epoch there is. So every fence against an older lineage is one against a late append, too: a saver that
//! knows an older tail finds the place taken, reads the tail, and sees that there is nothing to save any more. Called by the hub.

use super::lineage::Both;
use crate::chance;
use crate::clock;
use crate::durable::checkpoint;
use crate::durable::load::{Tail, tail};
use crate::durable::{Appended, DELETED, DurableError, Entry};
use crate::ids::{CommitId, Position, ProjectId};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use rand::RngExt as _;
use std::time::Duration;

/// Tries to be first where others append.
const TRIES: usize = 16;

/// When [`erase`] is to be called once more: DynamoDB keeps what is younger than ten minutes, because a writer may still believe in an older end of the log.
pub const AGAIN: Duration = Duration::from_secs(11 * 60);

/// Puts the tombstone where the log ends, if there is none. From then on nothing is appended any more.
///
/// # Errors
/// Any [`DurableError`]: call it again.
pub async fn end(project: &ProjectId, stores: &Both) -> Result<Tail, DurableError> {
    for _ in 0..TRIES {
        let last = tail(&*stores.durable, project, &Tail::START).await?;
        if last.is_deleted() {
            return Ok(last);
        }
        let entry = tombstone(last.position);
        let position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        if stores.durable.append(project, &entry).await? == Appended::Stored {
            tracing::info!(%project, seq = position.seq, "the project was deleted");
            return Ok(Tail { position, direct: false, entry: entry.from });
        }
    }
    Err(DurableError::Unavailable("others write to the project all the time".to_owned()))
}

fn tombstone(after: Position) -> Entry {
    let marker = CommitId::random(&mut chance::rng());
    let commit = Commit { id: marker, origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) };
    let (from, prev, at_ms) = (after.seq + 1, after.id, clock::now_ms());
    Entry { epoch: DELETED, direct: false, from, prev, commits: vec![commit], at_ms }
}

/// Erases what a project had whose log has ended here; called again, what was left.
///
/// # Errors
/// Any [`DurableError`]: call it again.
pub async fn erase(project: &ProjectId, stores: &Both, tombstone: &Tail) -> Result<(), DurableError> {
    if let Err(error) = stores.hot.erase(project).await {
        // The saver of whoever has it dirty does so, and what nobody changes expires.
        tracing::warn!(%project, %error, "the hot store keeps a deleted project for a while");
    }
    let build = chance::rng().random();
    checkpoint::erase(&*stores.durable, project, tombstone, clock::now_ms(), build).await
}

#[cfg(test)]
mod tests;
