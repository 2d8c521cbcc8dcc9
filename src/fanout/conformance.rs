//! What every fan-out does, whichever carries the events. Test only.

use super::{Event, Fanout, Subscription};
use crate::ids::{CommitId, Position, ProjectId};
use std::time::Duration;
use tokio::time::timeout;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).expect("an id")
}

/// An event with a number.
pub(super) fn numbered(seq: u64) -> Event {
    Event::Saved(Position { epoch: 1, seq, id: CommitId([3; 8]) })
}

/// The next event.
pub(super) async fn next(subscription: &mut Subscription) -> Event {
    timeout(PATIENCE, subscription.recv()).await.expect("in time").expect("open")
}

/// Everything that is promised.
pub(super) async fn check(fanout: &dyn Fanout) {
    only_subscribers_of_the_project_hear(fanout).await;
    order_is_kept(fanout).await;
    rights_come_back_to_their_node(fanout).await;
    those_who_left_are_forgotten(fanout).await;
    coming_while_another_goes_is_coming(fanout).await;
}

async fn only_subscribers_of_the_project_hear(fanout: &dyn Fanout) {
    let (a, b) = (project("a"), project("b"));
    let (mut first, mut second) =
        (fanout.subscribe(&a).await.expect("there"), fanout.subscribe(&a).await.expect("there"));
    let mut other = fanout.subscribe(&b).await.expect("there");
    fanout.publish(&a, numbered(1));
    fanout.publish(&b, numbered(2));
    assert_eq!(next(&mut first).await, numbered(1));
    assert_eq!(next(&mut second).await, numbered(1));
    assert_eq!(next(&mut other).await, numbered(2));
    assert!(first.try_recv().is_err() && other.try_recv().is_err());
}

async fn order_is_kept(fanout: &dyn Fanout) {
    let (a, b) = (project("order-a"), project("order-b"));
    let (mut at_a, mut at_b) = (fanout.subscribe(&a).await.expect("there"), fanout.subscribe(&b).await.expect("there"));
    (0..3_000).for_each(|seq| fanout.publish(if seq % 3 == 0 { &b } else { &a }, numbered(seq)));
    for seq in 0..3_000 {
        let at = if seq % 3 == 0 { &mut at_b } else { &mut at_a };
        assert_eq!(next(at).await, numbered(seq));
    }
}

async fn rights_come_back_to_their_node(fanout: &dyn Fanout) {
    let a = project("rights");
    let mut at = fanout.subscribe(&a).await.expect("there");
    let rights = |version| Event::Rights { version };
    for event in [rights(1), numbered(1), rights(u64::MAX)] {
        fanout.publish(&a, event.clone());
        assert_eq!(next(&mut at).await, event);
    }
}

async fn those_who_left_are_forgotten(fanout: &dyn Fanout) {
    let a = project("left");
    let (first, mut second) = (fanout.subscribe(&a).await.expect("there"), fanout.subscribe(&a).await.expect("there"));
    drop(first);
    fanout.prune(&a);
    fanout.publish(&a, numbered(1));
    assert_eq!(next(&mut second).await, numbered(1));
    drop(second);
    fanout.prune(&a);
    fanout.prune(&a);
    fanout.publish(&a, numbered(2));
    let mut third = fanout.subscribe(&a).await.expect("there");
    fanout.publish(&a, numbered(3));
    // What was published before may still be on its way.
    while next(&mut third).await != numbered(3) {}
}

async fn coming_while_another_goes_is_coming(fanout: &dyn Fanout) {
    let a = project("race");
    for seq in 0..50 {
        let old = fanout.subscribe(&a).await.expect("there");
        let (new, ()) = tokio::join!(fanout.subscribe(&a), async {
            drop(old);
            fanout.prune(&a);
            tokio::task::yield_now().await;
            fanout.prune(&a);
        });
        let mut new = new.expect("there");
        fanout.publish(&a, numbered(seq));
        assert_eq!(next(&mut new).await, numbered(seq));
        drop(new);
        fanout.prune(&a);
    }
}
