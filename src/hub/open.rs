//! Opening a room: subscribe first, then load, so that nothing falls in between.

use super::mailbox::{JoinError, RoomHandle, mailbox};
use super::replica::Replica;
use super::room::Room;
use super::{Hub, Slot, Stores};
use crate::durable::ClientRecord;
use crate::durable::load::{Loaded, load};
use crate::hot::log::Log;
use crate::hot::{ClientState, HotState};
use crate::ids::{CommitId, ProjectId};
use crate::metrics;
use std::sync::Arc;
use std::time::Instant;

/// Loads a project and starts its room.
pub(super) async fn open(hub: Arc<Hub>, project: ProjectId, slot: Slot) -> Result<RoomHandle, JoinError> {
    let started = Instant::now();
    let subscription = match hub.stores.fanout.subscribe(&project).await {
        Ok(subscription) => subscription,
        Err(error) => return Err(JoinError::Unavailable(error)),
    };
    // Read before the state: should the store become another meanwhile, the first verification notices.
    let lives = hub.stores.hot.lives();
    let (replica, installed) = match replica(&hub.stores, &project).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%project, %error, "the project cannot be opened");
            drop(subscription);
            hub.stores.fanout.prune(&project);
            return Err(JoinError::Unavailable(error));
        }
    };
    metrics::opened(started.elapsed());
    let (handle, mut mailbox) = mailbox();
    let (room, made) = Room::new(project.clone(), hub.stores.clone(), hub.settings.clone(), replica, installed, lives);
    let place = Place { hub, project, slot };
    tokio::spawn(async move {
        room.run(made, &mut mailbox, subscription).await;
        drop(place);
        // Whoever was about to join finds the mailbox closed and opens a new room.
        drop(mailbox);
    });
    Ok(handle)
}

/// A room's place in the hub, given up however the room ends: a panic must not leave a project that nobody can open.
struct Place {
    hub: Arc<Hub>,
    project: ProjectId,
    slot: Slot,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.stores.fanout.prune(&self.project);
        self.hub.remove(&self.project, &self.slot);
        metrics::closed();
    }
}

/// The project's state, and whether the hot store has it. An error is an error, never an empty project.
async fn replica(stores: &Stores, project: &ProjectId) -> Result<(Replica, bool), String> {
    if let Some(hot) = stores.hot.load(project).await.map_err(|e| e.to_string())? {
        return Ok((Replica::new(hot), true));
    }
    let loaded = load(&*stores.durable, project).await.map_err(|e| e.to_string())?;
    let quarantined = loaded.canvas.quarantined().len();
    if quarantined > 0 {
        tracing::error!(%project, quarantined, "stored objects cannot be read and are set aside; the rest is served");
        metrics::quarantined(quarantined);
    }
    Ok((Replica::new(hot_state(loaded)), false))
}

/// What the durable store has, as a hot state that is saved whole.
pub(super) fn hot_state(loaded: Loaded) -> HotState {
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
