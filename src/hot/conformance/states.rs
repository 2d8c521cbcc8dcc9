//! Whole states and the log.

use super::Backend;
use super::world::{World, author, commit_id, facts, id, project, put, start, void};
use crate::fanout::Event;
use crate::hot::log::Log;
use crate::hot::{ClientState, Freeze, HotState, Over, Proposal, Reply};
use crate::ids::Position;
use crate::project::apply::Effect;
use crate::project::canvas::Object;
use crate::protocol::commit::Commit;
use crate::protocol::props::Props;
use bytes::Bytes;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3_600);

pub(in crate::hot) async fn a_state_is_installed_over_what_it_names(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let install = |state: HotState, over| {
        let hot = world.hot.clone();
        async move { hot.install(&project(), state, over).await.expect("it answers") }
    };
    let at = world.head;
    let frozen = |token, position| Over::Frozen { token, position };
    assert!(!install(start(2), Over::Empty).await, "there is something");
    assert!(!install(start(2), frozen(7, at)).await, "nobody has stopped it");
    assert_eq!(world.hot.freeze(&project(), 7, LONG).await, Ok(Freeze::Frozen(at)));
    assert!(!install(start(2), Over::Empty).await);
    assert!(!install(start(2), frozen(8, at)).await, "another one has stopped it");
    assert!(!install(start(2), frozen(7, Position { seq: 1, ..at })).await, "it stands elsewhere");
    assert!(!install(start(2), frozen(7, Position { id: commit_id(), ..at })).await);
    assert_eq!(world.load().await.position, at);
    assert!(install(start(2), frozen(7, at)).await);
    assert_eq!(world.load().await.position.epoch, 2);
    assert!(!install(start(3), frozen(7, at)).await, "it is not frozen any more");
    assert_eq!(world.events.recv().await, Some(Event::Began { epoch: 2 }));
    world.head = Position { epoch: 2, ..at };
    world.commit(vec![put(1, 1, "a", None)]).await;
}

/// Values that translation would spoil.
fn delicate() -> Props {
    let huge = "x".repeat(300_000);
    let mut list: Vec<(&str, Vec<u8>)> = vec![
        ("minus zero", [&[0xcb][..], &(-0.0_f64).to_be_bytes()].concat()),
        ("one", [&[0xcb][..], &1.0_f64.to_be_bytes()].concat()),
        ("long one", vec![0xd3, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("large", [&[0xcf][..], &u64::MAX.to_be_bytes()].concat()),
        ("extension", vec![0xd4, 5, 0]),
        ("binary", vec![0xc4, 3, 0, 0xff, 0]),
        ("empty", vec![0x80]),
    ];
    let mut text = vec![0xdb];
    text.extend_from_slice(&u32::try_from(huge.len()).expect("small").to_be_bytes());
    text.extend_from_slice(huge.as_bytes());
    list.push(("huge", text));
    let list: Vec<_> = list.iter().map(|(name, raw)| (*name, raw.as_slice())).collect();
    Props::parse(Props::from_pairs(&list).as_bytes(), 32).expect("sound")
}

pub(in crate::hot) async fn what_is_loaded_is_what_was_committed(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let props = delicate();
    let effect = Effect { id: id("delicate"), base_rev: None, props: Some(props.clone()) };
    world.commit(vec![put(1, 1, "plain", None), Proposal { effects: vec![effect], ..void(2, 1) }]).await;
    let state = world.load().await;
    let found = crate::project::canvas::View::object(&state.canvas, &id("delicate")).expect("it is there");
    assert_eq!((found.rev, found.props.as_bytes()), (2, props.as_bytes()));
    assert_eq!(state.position, world.head);
}

/// A state with something of everything.
fn rich(commits: u64) -> HotState {
    let position = |seq| Position { epoch: 1 << 40, seq, id: commit_id() };
    let log: Vec<Commit> = (1..=commits).map(|cid| void(3, cid).commit).collect();
    let mut state = HotState { saved: position(500), ..start(1 << 40) };
    let head = Position { seq: 500 + commits, id: log.last().map_or(state.saved.id, |last| last.id), ..state.saved };
    state.position = head;
    state.log = Log::new(head.seq, state.saved.id, log);
    for n in 0..3_000 {
        state.canvas.set(id(&format!("object-{n}")), Some(Object { rev: n + 1, props: Props::empty() }));
    }
    state.canvas.set(id("delicate"), Some(Object { rev: 1, props: delicate() }));
    for raw in [&[][..], &[1, 2, 3], Props::empty().as_bytes(), &[0xff; 20]] {
        state.canvas.quarantine(id(&format!("aside-{}", raw.len())), Bytes::copy_from_slice(raw));
    }
    for n in 0..200 {
        state.clients.insert(author(n), ClientState { cid: 1 << 45, seq: u64::from(n), digest: u64::MAX });
    }
    state
}

pub(in crate::hot) async fn what_is_loaded_is_what_was_installed(backend: &impl Backend) {
    let state = rich(200);
    let world = World::of(backend, state.clone()).await;
    let loaded = world.load().await;
    assert!(facts(&loaded) == facts(&state));
    assert!(world.hot.dirty(true).await.expect("it answers").iter().any(|dirty| dirty.project == project()));
    // And again, over itself.
    let position = state.position;
    assert_eq!(world.hot.freeze(&project(), 1, LONG).await, Ok(Freeze::Frozen(position)));
    let over = Over::Frozen { token: 1, position };
    assert_eq!(world.hot.install(&project(), loaded, over).await, Ok(true));
    assert!(facts(&world.load().await) == facts(&state));
    let reply = world.call(position, vec![put(1, (1 << 45) + 1, "new", None)]).await;
    assert!(matches!(reply, Reply::Accepted { first: 701, .. }), "{reply:?}");
}

/// More than a store may send at once.
pub(in crate::hot) async fn a_long_log_is_installed(backend: &impl Backend) {
    let state = rich(20_000);
    assert!(state.log.bytes() > 1 << 20, "{}", state.log.bytes());
    let mut world = World::of(backend, state.clone()).await;
    assert!(facts(&world.load().await) == facts(&state));
    // It goes on, and can be read and trimmed anywhere.
    let end = world.commit(vec![void(4, (1 << 45) + 1)]).await;
    for back in [19_999, 10_000, 65, 1] {
        let seq = end.seq - back;
        let log = world.hot.log_after(&project(), seq, usize::MAX >> 12).await.expect("it answers");
        let (id, after) = log.expect("it is there").after.expect("in the log");
        assert_eq!((Some(id), after.len() as u64), (state.log.id_at(seq), back));
    }
    assert!(world.saved(end).await);
    assert_eq!(world.load().await.saved, end);
}

pub(in crate::hot) async fn a_log_is_read_from_within_a_call(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let filled = world.fill(20, 7).await;
    for seq in 0..=21 {
        let log =
            world.hot.log_after(&project(), seq, usize::MAX >> 12).await.expect("it answers").expect("it is there");
        assert_eq!(log.position, world.head);
        let all = [&[Position { epoch: 1, ..Position::START }], &filled[..]].concat();
        let first = usize::try_from(seq).expect("small");
        let want = all.get(first).map(|at| (at.id, all[first + 1..].iter().map(|at| at.id).collect::<Vec<_>>()));
        assert_eq!(log.after.map(|(id, after)| (id, after.iter().map(|c| c.id).collect())), want, "{seq}");
    }
}

pub(in crate::hot) async fn what_is_saved_is_left_out_for_who_asks_so(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let filled = world.fill(20, 7).await;
    assert!(world.saved(filled[9]).await);
    for (known, from) in [(3, 10), (10, 10), (15, 15), (20, 20)] {
        let known = filled[known - 1];
        let log = world.hot.unsaved_after(&project(), known.seq, usize::MAX >> 12).await.expect("it answers");
        let log = log.expect("it is there");
        assert_eq!((log.saved, log.unsaved_from(known)), (filled[9], filled[from - 1]), "after {known:?}");
        let (id, after) = log.after.expect("in the log");
        assert_eq!(id, filled[from - 1].id);
        let ids: Vec<_> = after.iter().map(|commit| commit.id).collect();
        assert_eq!(ids, filled[from..].iter().map(|at| at.id).collect::<Vec<_>>());
    }
    let log = world.hot.log_after(&project(), 3, usize::MAX >> 12).await.expect("it answers").expect("it is there");
    assert_eq!(log.after.map(|(id, after)| (id, after.len())), Some((filled[2].id, 17)), "and only then");
}

pub(in crate::hot) async fn a_log_is_read_in_pieces(backend: &impl Backend) {
    let mut world = World::begin(backend).await;
    let filled = world.fill(300, 5).await;
    let weight = void(1, 1).commit.weight();
    for (bytes, count) in [(0, 1), (1, 1), (weight - 1, 1), (weight, 2), (10 * weight, 11), (200 * weight + 1, 201)] {
        let log = world.hot.log_after(&project(), 8, bytes).await.expect("it answers").expect("it is there");
        let (id, commits) = log.after.expect("in the log");
        assert_eq!((id, commits.len(), commits[0].id), (filled[7].id, count, filled[8].id), "{bytes}");
    }
}
