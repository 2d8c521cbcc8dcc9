//! Cases about projects that were deleted.

use super::Backend;
use super::world::{World, project};
use crate::durable::checkpoint::checkpoint_if_due;
use crate::durable::checkpoint::erase;
use crate::durable::load::{Tail, load, tail};
use crate::durable::{Appended, DELETED, Entry};
use crate::ids::{CommitId, Position};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};

fn server(id: u8) -> Commit {
    Commit { id: CommitId([id; 8]), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) }
}

/// An entry of this epoch behind a position, of so many commits.
fn entry(epoch: u64, after: Position, commits: u8) -> Entry {
    let commits = (1..=commits).map(server).collect();
    Entry { epoch, direct: false, from: after.seq + 1, prev: after.id, commits, at_ms: 7 }
}

pub(in crate::durable) async fn what_was_deleted_is_gone_and_stays_so(backend: &impl Backend) {
    let store = backend.store();
    let mut world = World::new(40);
    world.grow(&*store, 6).await;
    world.checkpointed(&*store).await;
    world.grow(&*store, 4).await;
    let last = tail(&*store, &project(), &Tail::START).await.expect("a tail").position;
    assert_eq!(store.append(&project(), &entry(DELETED, last, 1)).await.expect("append"), Appended::Stored);
    let tombstone = tail(&*store, &project(), &Tail::START).await.expect("a tail");
    assert!(tombstone.is_deleted());
    let look = checkpoint_if_due(&*store, &project(), 1_000, 0, 9).await.expect("a look");
    assert_eq!(look.made, None, "whoever looks in between keeps nothing");
    for build in 0..2 {
        erase(&*store, &project(), &tombstone, 1_000, build).await.expect("erased, also a second time");
        let store = backend.reopened().await;
        let loaded = load(&*store, &project()).await.expect("whole");
        assert!(loaded.tail().is_deleted() && loaded.canvas.iter().len() == 0 && loaded.clients.is_empty());
        assert_eq!(store.entries(&project(), 1).await.expect("entries"), Vec::new(), "nothing of it is left");
        assert_eq!(store.versions(&project()).await.expect("versions").len(), 1);
    }
    for late in [entry(last.epoch, last, 1), entry(last.epoch, last, 3), entry(last.epoch + 1, last, 1)] {
        let appended = store.append(&project(), &late).await.expect("append");
        assert_eq!(appended, Appended::Conflict, "whoever knows an older tail finds the place taken: {late:?}");
    }
    assert!(load(&*store, &project()).await.expect("whole").tail().is_deleted());
}
