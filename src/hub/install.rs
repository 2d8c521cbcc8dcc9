//! Putting a project into the hot store that was only in the durable one: at its first commit, never for a mere look.

use super::Stores;
use super::replica::Replica;
use crate::clock;
use crate::durable::Appended;
use crate::hot::{HotState, Over};
use crate::ids::{CommitId, Epoch, Position, ProjectId};
use crate::protocol::commit::Commit;
use crate::recovery::seal;

/// What an installation has led to.
#[derive(Debug)]
pub(super) enum Installed {
    /// The project is hot, in a new epoch that begins with this seal.
    Yes {
        /// The new lineage.
        epoch: Epoch,
        /// Its first commit, durable already.
        seal: Commit,
    },
    /// A store does not answer: try again later.
    NotNow(String),
    /// Another node was first: load the project anew.
    Lost(String),
}

/// Seals the durable log with the marker of a new epoch, then installs the replica's state under it.
///
/// Compare-and-append makes one installer win; the others hear of it here.
pub(super) async fn install(project: &ProjectId, stores: &Stores, replica: &Replica) -> Installed {
    let entry = seal::marker(replica.position(), CommitId::random(&mut rand::rng()), clock::now_ms());
    match stores.durable.append(project, &entry).await {
        Ok(Appended::Stored) => {}
        Ok(Appended::Conflict) => return Installed::Lost("another node has written to the project".to_owned()),
        Err(error) => return Installed::NotNow(error.to_string()),
    }
    let position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
    let mut state = HotState { position, saved: position, ..replica.to_hot() };
    entry.commits.iter().for_each(|commit| state.log.push(commit.clone()));
    match stores.hot.install(project, state, Over::Empty).await {
        Ok(true) => match entry.commits.into_iter().next() {
            Some(seal) => Installed::Yes { epoch: position.epoch, seal },
            None => Installed::Lost("a seal without a marker".to_owned()),
        },
        Ok(false) => Installed::Lost("another room has installed the project".to_owned()),
        Err(error) => Installed::NotNow(error.to_string()),
    }
}
