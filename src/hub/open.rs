//! Opening a room: subscribe first, then load, so that nothing falls in between.

use super::mailbox::{JoinError, RoomHandle, mailbox};
use super::room::{Course, Room};
use super::{Hub, Slot, Stores};
use crate::durable::load::{Tail, load, tail};
use crate::hot::{HotError, HotState};
use crate::ids::{Position, ProjectId};
use crate::metrics;
use crate::recovery::course::Need;
use crate::recovery::hot_state;
use crate::recovery::replica::Replica;
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
    let found = match find(&hub.stores, &project).await {
        Ok(found) => found,
        Err(error) => {
            if !matches!(error, JoinError::Deleted) {
                tracing::error!(%project, %error, "the project cannot be opened");
            }
            drop(subscription);
            hub.stores.fanout.prune(&project);
            return Err(error);
        }
    };
    metrics::opened(started.elapsed());
    let (handle, mut mailbox) = mailbox();
    let standing = Course::new(found.installed, lives, found.need);
    let (room, asides) = Room::new(project.clone(), hub.stores.clone(), hub.settings.clone(), found.replica, standing);
    let place = Place { hub, project, slot };
    tokio::spawn(async move {
        room.run(asides, &mut mailbox, subscription).await;
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

/// How a room begins.
struct Found {
    replica: Replica,
    /// Whether the hot store has the project.
    installed: bool,
    /// What must be done first: begin a new lineage, if what the hot store has is not the durable store's history.
    need: Need,
}

/// The project's state. An error is an error, never an empty project.
async fn find(stores: &Stores, project: &ProjectId) -> Result<Found, JoinError> {
    // Read first: a hot store that is read later has all of it, or has come back from an old copy.
    let tail = tail(&*stores.durable, project, &Tail::START).await;
    if tail.as_ref().is_ok_and(Tail::is_deleted) {
        return Err(JoinError::Deleted);
    }
    match stores.hot.load(project).await {
        Ok(Some(hot)) if tail.as_ref().is_ok_and(|tail| is_behind(&hot, tail.position)) => {
            tracing::warn!(%project, hot = ?hot.position, "the hot store has an old state");
            Ok(Found { replica: durable(stores, project).await?, installed: false, need: Need::Heal })
        }
        Ok(Some(hot)) => {
            if let Err(error) = tail {
                // Work goes on while the durable store is away.
                tracing::warn!(%project, %error, "opened without a look at the durable store");
            }
            Ok(Found { replica: Replica::new(hot), installed: true, need: Need::Nothing })
        }
        Ok(None) => {
            // A direct epoch is ended at once: other nodes may be in it still, and would not be heard of.
            let need = if tail.is_ok_and(|tail| tail.direct) { Need::Heal } else { Need::Nothing };
            Ok(Found { replica: durable(stores, project).await?, installed: false, need })
        }
        Err(HotError::Refused(why)) => {
            tracing::error!(%project, why, "the hot state cannot be read");
            Ok(Found { replica: durable(stores, project).await?, installed: false, need: Need::Heal })
        }
        Err(error @ HotError::Unavailable(_)) => {
            tracing::warn!(%project, %error, "opened from the durable store");
            Ok(Found { replica: durable(stores, project).await?, installed: false, need: Need::Verify(None) })
        }
    }
}

/// Whether a hot state lacks what the durable log, which ends at `tail`, has: it came back from an old copy.
fn is_behind(hot: &HotState, tail: Position) -> bool {
    let forked = hot.log.id_at(tail.seq).is_some_and(|id| id != tail.id);
    tail.epoch > hot.position.epoch || (tail.epoch == hot.position.epoch && (tail.seq > hot.position.seq || forked))
}

/// What the durable store has.
async fn durable(stores: &Stores, project: &ProjectId) -> Result<Replica, JoinError> {
    let loaded = load(&*stores.durable, project).await.map_err(|e| JoinError::Unavailable(e.to_string()))?;
    if loaded.tail().is_deleted() {
        return Err(JoinError::Deleted);
    }
    let quarantined = loaded.canvas.quarantined().len();
    if quarantined > 0 {
        tracing::error!(%project, quarantined, "stored objects cannot be read and are set aside; the rest is served");
        metrics::quarantined(quarantined);
    }
    Ok(Replica::new(hot_state(loaded)))
}
