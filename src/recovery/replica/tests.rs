use super::*;
use crate::hot::log::KEPT_SAVED;
use crate::ids::ObjectId;
use crate::project::canvas::View as _;
use crate::protocol::change::{Change, Changes};
use crate::protocol::props::Props;

fn author(n: u8) -> Author {
    Author([n; 8])
}

fn id(n: Seq) -> CommitId {
    CommitId(n.to_be_bytes())
}

/// The commit with this seq: it creates an object of that number.
fn commit(seq: Seq, by: u8, cid: Cid) -> Commit {
    let object = ObjectId::parse(&format!("o{seq}")).expect("id");
    let changes = Changes::encode(&[Change::Put { id: object, props: Props::empty() }]);
    Commit {
        id: id(seq),
        origin: Origin::Client { author: author(by), cid, digest: 1 },
        outcome: Outcome::Changed(changes),
    }
}

fn empty() -> Replica {
    Replica::new(HotState::start())
}

/// A replica with `count` commits of one author.
fn with(count: Seq) -> Replica {
    let mut replica = empty();
    let commits: Vec<_> = (1..=count).map(|seq| commit(seq, 1, seq)).collect();
    assert_eq!(replica.learn(1, CommitId::NONE, &commits), Ok(usize::try_from(count).expect("small")));
    replica
}

fn at(seq: Seq) -> Position {
    Position { epoch: 0, seq, id: id(seq) }
}

#[test]
fn events_apply_only_behind_their_predecessor() {
    let mut replica = with(3);
    assert_eq!(replica.learn(5, id(4), &[commit(5, 1, 5)]), Err(Broken::Hole { found: 5, at: 3 }));
    assert_eq!(replica.learn(4, id(9), &[commit(4, 1, 4)]), Err(Broken::Fork), "another predecessor");
    assert_eq!(replica.learn(2, id(1), &[commit(2, 1, 2), commit(3, 1, 3)]), Ok(0), "known already");
    let mut other = commit(3, 1, 3);
    other.id = CommitId([9; 8]);
    assert_eq!(replica.learn(3, id(2), &[other]), Err(Broken::Fork), "another commit at a known seq");
    assert_eq!(replica.learn(3, id(2), &[commit(3, 1, 3), commit(4, 1, 4)]), Ok(1), "half of it is new");
    assert_eq!((replica.position(), replica.canvas().len()), (at(4), 4));
}

#[test]
fn a_delta_needs_the_same_history() {
    let replica = with(5);
    let after = |seq, id| replica.after(seq, id).map(|commits| commits.map(|c| c.id).collect::<Vec<_>>());
    assert_eq!(after(3, id(3)), Some(vec![id(4), id(5)]));
    assert_eq!(after(5, id(5)), Some(vec![]));
    assert_eq!(after(0, CommitId::NONE).map(|c| c.len()), Some(5));
    assert_eq!(after(3, id(4)), None);
    assert_eq!(after(6, id(6)), None);
}

#[test]
fn the_watermark_moves_forwards_on_this_history_only() {
    let mut replica = with(5);
    assert!(replica.mark_saved(at(3)));
    assert!(!replica.mark_saved(at(2)), "it never falls");
    assert!(!replica.mark_saved(Position { id: id(9), ..at(4) }), "another history");
    assert!(!replica.mark_saved(at(6)), "not there yet");
    assert_eq!(replica.saved().seq, 3);
}

#[test]
fn cids_tell_the_last_and_the_durable_one() {
    let mut replica = empty();
    let commits = [commit(1, 1, 1), commit(2, 2, 1), commit(3, 1, 2), commit(4, 1, 3)];
    replica.learn(1, CommitId::NONE, &commits).expect("in order");
    assert_eq!(replica.cids(&author(1)), (3, 0));
    replica.mark_saved(at(3));
    assert_eq!((replica.cids(&author(1)), replica.cids(&author(2))), ((3, 2), (1, 1)));
    replica.mark_saved(at(4));
    assert_eq!((replica.cids(&author(1)), replica.cids(&author(3))), ((3, 3), (0, 0)));
}

#[test]
fn what_is_unsaved_is_kept_and_the_rest_is_bounded() {
    let many = KEPT_SAVED as Seq + 500;
    let mut replica = with(many);
    assert!(replica.after(0, CommitId::NONE).is_some(), "nothing is saved: everything is kept");
    replica.mark_saved(at(many - 10));
    let oldest = many - 10 - KEPT_SAVED as Seq;
    assert_eq!(replica.after(oldest, id(oldest)).map(|c| c.len()), Some(KEPT_SAVED + 10));
    assert!(replica.id_at(oldest - 1).is_none());
}

#[test]
fn too_much_unsaved_is_full() {
    let mut replica = with(UNSAVED - 1);
    assert!(!replica.is_full());
    replica.learn(UNSAVED, id(UNSAVED - 1), &[commit(UNSAVED, 1, UNSAVED)]).expect("in order");
    assert!(replica.is_full());
    replica.mark_saved(at(1));
    assert!(!replica.is_full());
}

#[test]
fn a_clients_latest_batches_are_told_with_their_refusals() {
    let mut replica = empty();
    let mut refused = commit(2, 1, 2);
    refused.outcome = Outcome::Refused(Code::Exists);
    replica.learn(1, CommitId::NONE, &[commit(1, 1, 1), refused, commit(3, 2, 1)]).expect("in order");
    let told: Vec<_> = replica.batches(author(1)).collect();
    assert_eq!(told, [(1, 1, None), (2, 2, Some(Code::Exists))]);
}
