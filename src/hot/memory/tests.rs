use super::*;
use crate::fanout::local::LocalFanout;
use crate::hot::Proposal;
use crate::ids::{Author, ObjectId};
use crate::project::apply::Effect;
use crate::protocol::change::Changes;
use crate::protocol::commit::Outcome;
use crate::protocol::props::Props;

struct Board {
    hot: MemoryHot,
    fanout: Arc<LocalFanout>,
    project: ProjectId,
}

fn at(seq: Seq) -> Position {
    Position { epoch: 1, seq, id: if seq == 0 { CommitId::NONE } else { CommitId(seq.to_be_bytes()) } }
}

fn proposal(seq: Seq, cid: u64) -> Proposal {
    let id = ObjectId::parse(&format!("o{seq}")).expect("id");
    Proposal {
        commit: Commit {
            id: at(seq).id,
            origin: Origin::Client { author: Author([1; 8]), cid, digest: 0 },
            outcome: Outcome::Changed(Changes::none()),
        },
        effects: vec![Effect { id, base_rev: None, props: Some(Props::empty()) }],
    }
}

impl Board {
    async fn new() -> Self {
        let fanout = Arc::new(LocalFanout::default());
        let hot = MemoryHot::new(fanout.clone());
        let project = ProjectId::parse("p").expect("id");
        let board = Self { hot, fanout, project };
        assert!(board.install(1).await);
        board
    }

    async fn install(&self, epoch: Epoch) -> bool {
        let position = Position { epoch, ..at(0) };
        let state = HotState { position, saved: position, ..HotState::start() };
        self.hot.install(&self.project, state).await.expect("it answers")
    }

    async fn commit(&self, position: Position, proposals: Vec<Proposal>) -> Reply {
        self.hot.commit(&self.project, Call { position, proposals }).await.expect("it answers")
    }
}

#[tokio::test]
async fn a_call_is_stored_whole_or_not_at_all() {
    let board = Board::new().await;
    let hole = board.commit(at(0), vec![proposal(1, 1), proposal(2, 3)]).await;
    assert!(matches!(hole, Reply::Cid { index: 1, last: 1 }), "{hole:?}");
    assert_eq!(board.hot.load(&board.project).await.expect("it answers").map(|s| s.position), Some(at(0)));
    assert!(matches!(board.commit(at(0), vec![proposal(1, 1), proposal(2, 2)]).await, Reply::Accepted));
    let state = board.hot.load(&board.project).await.expect("it answers").expect("installed");
    assert_eq!((state.position, state.canvas.len(), state.log.len()), (at(2), 2, 2));
}

#[tokio::test]
async fn other_histories_are_told_apart() {
    let board = Board::new().await;
    board.commit(at(0), vec![proposal(1, 1), proposal(2, 2)]).await;
    let stale = board.commit(at(1), vec![proposal(3, 3)]).await;
    assert!(matches!(&stale, Reply::Stale(missed) if missed.len() == 1 && missed[0].id == at(2).id), "{stale:?}");
    let mismatch = |reply| match reply {
        Reply::Mismatch(mismatch) => mismatch,
        other => panic!("{other:?}"),
    };
    let fork = Position { id: CommitId([9; 8]), ..at(2) };
    assert_eq!(mismatch(board.commit(fork, vec![proposal(3, 3)]).await), Mismatch::Fork);
    assert_eq!(mismatch(board.commit(at(3), vec![proposal(4, 3)]).await), Mismatch::Fork);
    let epoch = Position { epoch: 2, ..at(2) };
    assert_eq!(mismatch(board.commit(epoch, vec![proposal(3, 3)]).await), Mismatch::Epoch(1));
    let nobody = ProjectId::parse("q").expect("id");
    let empty = board.hot.commit(&nobody, Call { position: at(0), proposals: vec![] }).await.expect("it answers");
    assert_eq!(mismatch(empty), Mismatch::Empty);
}

#[tokio::test]
async fn the_dirty_mark_stays_until_all_is_saved() {
    let board = Board::new().await;
    let mut heard = board.fanout.subscribe(&board.project);
    board.commit(at(0), vec![proposal(1, 1), proposal(2, 2)]).await;
    board.hot.dirtied().await;
    let saved = |position| board.hot.mark_saved(&board.project, position);
    assert!(saved(at(1)).await.expect("it answers"));
    assert_eq!(board.hot.dirty().await.expect("it answers"), std::slice::from_ref(&board.project));
    assert!(!saved(Position { id: CommitId([9; 8]), ..at(2) }).await.expect("it answers"), "another history");
    assert!(!board.hot.forget(&board.project, at(2)).await.expect("it answers"), "something is unsaved");
    assert!(saved(at(2)).await.expect("it answers"));
    assert!(board.hot.dirty().await.expect("it answers").is_empty());
    assert!(matches!(heard.recv().await, Some(Event::Commits { first: 1, ref commits, .. }) if commits.len() == 2));
    assert!(matches!(heard.recv().await, Some(Event::Saved(position)) if position == at(1)));
    assert!(board.hot.forget(&board.project, at(2)).await.expect("it answers"));
}

#[tokio::test]
async fn the_log_keeps_what_is_unsaved_and_some_of_the_rest() {
    let board = Board::new().await;
    let many = KEPT_SAVED as Seq + 100;
    for seq in 1..=many {
        board.commit(at(seq - 1), vec![proposal(seq, seq)]).await;
    }
    let board = &board;
    let log =
        |seq| async move { board.hot.log_after(&board.project, seq).await.expect("it answers").expect("installed") };
    assert_eq!(log(0).await.after.map(|(_, commits)| commits.len()), Some(KEPT_SAVED + 100));
    board.hot.mark_saved(&board.project, at(many)).await.expect("it answers");
    assert!(log(99).await.after.is_none(), "trimmed");
    assert_eq!(log(100).await.after.map(|(id, commits)| (id, commits.len())), Some((at(100).id, KEPT_SAVED)));
    assert!(log(many + 1).await.after.is_none(), "beyond the end");
}

#[tokio::test]
async fn only_a_newer_epoch_replaces_a_state() {
    let board = Board::new().await;
    assert!(!board.install(1).await);
    assert!(board.install(2).await);
    let mut heard = board.fanout.subscribe(&board.project);
    board.hot.discard(&board.project, 1).await.expect("it answers");
    assert!(board.hot.load(&board.project).await.expect("it answers").is_some(), "a newer lineage stays");
    board.hot.discard(&board.project, 2).await.expect("it answers");
    assert!(board.hot.load(&board.project).await.expect("it answers").is_none());
    assert!(matches!(heard.recv().await, Some(Event::Ended { epoch: 1 })));
}
