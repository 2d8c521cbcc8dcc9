//! Snapshots and resumes: what a server encodes, read by the load test's client, and what no server would send.

use super::board::{Board, id};
use super::dice::Dice;
use super::session::{Session, Way};
use collabcanvas::hot::HotState;
use collabcanvas::hub::snapshot;
use collabcanvas::ids::{CommitId, Position};
use collabcanvas::project::canvas::{Canvas, Object};
use collabcanvas::protocol::limits::FRAME_DEPTH;
use collabcanvas::protocol::value::Value;
use collabcanvas::protocol::{Encoding, pack, props::Props};
use collabcanvas::recovery::replica::Replica;
use loadtest::short::Names;

const WAYS: [Way; 3] = [Way::Packed, Way::Json, Way::Short];
const EPOCH: u64 = 7;

/// Whatever was committed, a client that comes with any position has the same state in the end, by a delta or a snapshot.
pub(crate) fn check(data: &[u8]) {
    let mut dice = Dice::new(data);
    let mut board = Board::new(false);
    let mut states = vec![board.canvas.clone()];
    for _ in 0..dice.below(6) {
        board.batch(&mut dice);
        states.push(board.canvas.clone());
    }
    resumed(&board, &states, &mut dice);
    let canvas = any_canvas(&mut dice);
    let position = Position { epoch: EPOCH, seq: 9, id: CommitId([9; 8]) };
    Session::new(dice.pick(&WAYS)).snapshot(position, &canvas);
    damaged(position, &canvas, &mut dice);
    garbage(dice.rest());
}

/// The position after the commit at `seq`.
fn position(board: &Board, seq: usize) -> Position {
    let id = seq.checked_sub(1).map_or(CommitId::NONE, |last| board.commits[last].id);
    Position { epoch: EPOCH, seq: seq as u64, id }
}

/// A client that comes with a position of this history, or with any other.
fn resumed(board: &Board, states: &[Canvas], dice: &mut Dice<'_>) {
    let head = board.commits.len();
    let mut replica = Replica::new(HotState::start());
    let learned = replica.learn(1, CommitId::NONE, &board.commits);
    assert_eq!(learned, Ok(head));
    let mut beyond = position(board, head);
    beyond.seq += 1 + dice.below(2) as u64;
    assert!(replica.after(beyond.seq, beyond.id).is_none(), "what lies ahead is no history");
    let at = position(board, dice.below(head + 1));
    assert!(replica.after(at.seq, CommitId([255; 8])).is_none(), "another commit is another history");
    let after = replica.after(at.seq, at.id).expect("all of it is kept");
    let after: Vec<_> = after.cloned().collect();
    let mut session = Session::new(dice.pick(&WAYS));
    session.snapshot(at, &states[usize::try_from(at.seq).expect("few")]);
    session.delta(at, position(board, head), &after, &board.canvas);
}

/// Objects with any sound values, some so large that they need chunks of their own.
fn any_canvas(dice: &mut Dice<'_>) -> Canvas {
    let mut canvas = Canvas::new();
    for n in 0..dice.below(6) {
        let length = dice.below(24);
        let mut raw = dice.take(length).to_vec();
        if Value::new(raw.clone().into(), FRAME_DEPTH - 8).is_err() {
            raw.clear();
            pack::bin(&mut raw, &vec![7; dice.pick(&[0, 1, 300, 40_000])]);
        }
        let props = Props::from_pairs(&[("v", &raw), ("", &[0xc0])]);
        canvas.set(id(&format!("o{n}")), Some(Object { rev: dice.byte().into(), props }));
    }
    canvas
}

/// A chunk with a wrong byte is read or refused.
fn damaged(position: Position, canvas: &Canvas, dice: &mut Dice<'_>) {
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        let snapshot = snapshot::encode(position, canvas, encoding);
        let mut chunk = snapshot.chunks[0].payload().to_vec();
        let at = (dice.below(256) * 256 + dice.below(256)) % chunk.len();
        chunk[at] ^= dice.byte();
        let _ = Names::default().read(&chunk, encoding);
    }
}

/// What no server sends is read or refused.
fn garbage(data: &[u8]) {
    let mut names = Names::default();
    // No value of MessagePack has this byte as its first.
    for frame in data.split(|byte| *byte == 0xc1) {
        let _ = names.read(frame, Encoding::MessagePack);
        let _ = names.read(frame, Encoding::Json);
    }
}
