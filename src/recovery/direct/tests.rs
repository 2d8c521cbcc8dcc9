use super::*;
use crate::durable::load::load;
use crate::durable::memory::MemoryStore;
use crate::ids::{Author, Cid, CommitId};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Origin, Outcome};
use crate::recovery::lineage::sealed;

fn project() -> ProjectId {
    ProjectId::parse("board").expect("id")
}

fn commit(by: u8, cid: Cid) -> Commit {
    let origin = Origin::Client { author: Author([by; 8]), cid, digest: 1 };
    Commit { id: CommitId::random(&mut rand::rng()), origin, outcome: Outcome::Changed(Changes::none()) }
}

async fn go_direct(store: &MemoryStore, mine: &[Commit], was: Option<Epoch>) -> (HotState, Tail) {
    match go(&project(), store, mine, was).await {
        Went::Direct(state, tail) => (*state, tail),
        other => panic!("direct, not {other:?}"),
    }
}

#[tokio::test]
async fn what_a_room_has_is_sealed_and_others_join() {
    let store = MemoryStore::new();
    let (state, tail) = go_direct(&store, &[commit(1, 1), commit(1, 2)], None).await;
    assert_eq!((tail.direct, tail.position.epoch, tail.position.seq), (true, 1, 3));
    assert_eq!(state.clients[&Author([1; 8])].cid, 2);
    let (other, joined) = go_direct(&store, &[commit(2, 1)], None).await;
    assert_eq!((joined, other.position), (tail, state.position), "what the second has goes in as ordinary batches");
}

#[tokio::test]
async fn of_two_appends_one_wins() {
    let store = MemoryStore::new();
    let (_, tail) = go_direct(&store, &[], None).await;
    let one = append(&project(), &store, tail.position, vec![commit(1, 1)]).await.expect("first");
    append(&project(), &store, tail.position, vec![commit(2, 1)]).await.expect_err("somebody was first");
    let loaded = load(&store, &project()).await.expect("whole");
    assert_eq!((loaded.tail(), loaded.direct), (one, true));
}

#[tokio::test]
async fn a_direct_epoch_that_was_ended_is_not_begun_again() {
    let store = MemoryStore::new();
    let (state, tail) = go_direct(&store, &[], None).await;
    sealed(&project(), &store, state, Vec::new(), false).await.expect("another node heals");
    let again = go(&project(), &store, &[commit(1, 1)], Some(tail.position.epoch)).await;
    assert!(matches!(again, Went::Ended), "{again:?}");
    // The hot store went away for that node too, later.
    let (_, later) = go_direct(&store, &[commit(1, 1)], None).await;
    assert_eq!((later.position.epoch, later.direct), (3, true));
}
