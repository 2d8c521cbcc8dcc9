use super::*;
use crate::durable::memory::MemoryStore;
use crate::fanout::local::LocalFanout;
use crate::protocol::message::Role;

fn project() -> ProjectId {
    ProjectId::parse("a").expect("valid")
}

/// Two nodes that share a durable store and hear nothing of each other.
fn nodes() -> (Arc<Registry>, Arc<Registry>) {
    let durable: Arc<dyn DurableStore> = Arc::new(MemoryStore::new());
    let node = || Registry::start(durable.clone(), Arc::new(LocalFanout::default()));
    (node(), node())
}

fn name(user: &str) -> impl FnMut(&mut Rights) -> Result<(), String> + '_ {
    move |rights| {
        rights.members.insert(user.into(), Some(Role::Viewer));
        Ok(())
    }
}

#[tokio::test]
async fn whoever_watches_hears_of_changes() {
    let (node, _) = nodes();
    let mut watching = node.watch(&project()).await.expect("read");
    assert_eq!(*watching.borrow_and_update(), Current::default());
    node.change(&project(), name("ana")).await.expect("changed");
    assert!(watching.has_changed().expect("alive"));
    assert!(watching.borrow_and_update().rights.members.contains_key("ana"));
    node.change(&project(), name("ana")).await.expect("nothing to change");
    assert!(!watching.has_changed().expect("alive"), "the same again is no change");
}

#[tokio::test]
async fn another_nodes_change_is_read_when_it_says_so() {
    let (one, other) = nodes();
    let mut watching = other.watch(&project()).await.expect("read");
    one.change(&project(), name("ana")).await.expect("changed");
    other.heard(&project(), Some(1));
    watching.changed().await.expect("alive");
    assert_eq!(watching.borrow_and_update().version, 1);
    other.heard(&project(), Some(1));
    tokio::task::yield_now().await;
    assert!(!watching.has_changed().expect("alive"), "that was known");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_nobody_told_of_is_found_within_a_minute() {
    let (one, other) = nodes();
    let mut watching = other.watch(&project()).await.expect("read");
    one.change(&project(), name("ana")).await.expect("changed");
    let found = tokio::time::timeout(Duration::from_secs(60), watching.changed()).await;
    found.expect("in time").expect("alive");
    assert_eq!(watching.borrow().version, 1);
}

#[tokio::test(start_paused = true)]
async fn projects_that_nobody_watches_are_forgotten() {
    let (node, _) = nodes();
    drop(node.watch(&project()).await.expect("read"));
    assert_eq!(node.live.len(), 1);
    tokio::time::sleep(RECHECK + Duration::from_secs(1)).await;
    assert_eq!(node.live.len(), 0);
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_kept() {
    let (one, other) = nodes();
    let users: Vec<_> = (0..8).map(|n| format!("u{n}")).collect();
    let project = project();
    let changes = users.iter().enumerate().map(|(n, user)| {
        let node = if n % 2 == 0 { &one } else { &other };
        node.change(&project, name(user))
    });
    for result in futures_util::future::join_all(changes).await {
        result.expect("changed");
    }
    assert_eq!(one.read(&project).await.expect("read").rights.members.len(), 8);
}

#[tokio::test]
async fn a_record_has_a_bound_and_a_broken_one_is_an_outage() {
    let (node, _) = nodes();
    let crowd = |rights: &mut Rights| {
        rights.members =
            (0..9_000).map(|n| (format!("user-with-a-long-name-{n}").into(), Some(Role::Viewer))).collect();
        Ok(())
    };
    assert!(matches!(node.change(&project(), crowd).await, Err(RightsError::Refused(_))));
    node.durable.put_record(&project(), 0, &Bytes::from_static(b"{")).await.expect("stored");
    assert!(matches!(node.watch(&project()).await, Err(RightsError::Unavailable(_))), "never taken for none");
}
