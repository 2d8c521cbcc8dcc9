//! How large the log becomes, and that nothing else is lost while it is kept small.

use super::board::Board;
use crate::hot::conformance::Backend as _;
use crate::hot::conformance::world::{World, id, nothing, project, start};
use crate::hot::log::KEPT_SAVED;
use crate::hot::{CALL_BATCHES, Proposal};
use crate::ids::Seq;
use crate::project::apply::Effect;
use crate::project::canvas::View as _;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::Outcome;
use crate::protocol::props::Props;
use std::collections::VecDeque;

/// Objects that are changed over and over, and who changes them.
const OBJECTS: u64 = 1_000;
const AUTHORS: u64 = 8;
/// Calls between two saves, and between what is committed and what is saved.
const SAVE_EVERY: usize = 8;
const BEHIND: usize = 16;
/// Calls between two looks at the size.
const LOOK_EVERY: usize = 128;
/// Calls in the log, at most: what is saved and kept, what waits to be saved or has come since, and the one that is cut into.
const CALLS: usize = KEPT_SAVED / CALL_BATCHES + BEHIND + SAVE_EVERY + 1;
/// Bytes that the log takes, at most: a commit of this test has about 50.
const BYTES: usize = CALLS * CALL_BATCHES * 100;

impl Board {
    /// Entries and bytes of the log.
    async fn log_size(&self) -> (usize, usize) {
        let log = &self.state_keys()[3];
        (self.ask(&format!("XLEN {log}")).await, self.ask(&format!("MEMORY USAGE {log} SAMPLES 0")).await)
    }
}

/// Properties that say where an object is. JSON would take longer than all the rest.
fn place(x: u64) -> Props {
    let [high, low] = u16::try_from(x).expect("small").to_be_bytes();
    Props::from_pairs(&[("x", &[0xcd, high, low])])
}

/// The batch that makes this seq: it moves an object.
fn step(seq: Seq) -> Proposal {
    let (n, round) = (seq % OBJECTS, seq / OBJECTS);
    let object = id(&format!("object-{n}"));
    let moved = place(round);
    // Each object is made in the first round and then has the rev of the round before.
    let base = if seq <= OBJECTS { None } else { Some(seq - OBJECTS) };
    let change = Change::Put { id: object.clone(), props: moved.clone() };
    let (by, cid) = (u8::try_from(seq % AUTHORS).expect("few"), seq.div_ceil(AUTHORS));
    let outcome = Outcome::Changed(Changes::encode(&[change]));
    Proposal { effects: vec![Effect { id: object, base_rev: base, props: Some(moved) }], ..nothing(by, cid, outcome) }
}

/// So many commits, in full calls, saved as autosave does it: a while later, a few calls at once.
async fn stays_bounded(commits: usize) {
    let board = Board::new().await;
    let mut world = World::begin(&board).await;
    // Where the last save led, and each call since.
    let mut ends = VecDeque::from([world.head]);
    for call in 0..commits / CALL_BATCHES {
        let proposals: Vec<_> = (world.head.seq + 1..).take(CALL_BATCHES).map(step).collect();
        ends.push_back(world.commit(proposals).await);
        world.events.recv().await;
        if ends.len() > BEHIND + SAVE_EVERY {
            ends.drain(..SAVE_EVERY);
            assert!(world.saved(ends[0]).await);
            world.events.recv().await;
        }
        if call % LOOK_EVERY == 0 {
            let (entries, bytes) = board.log_size().await;
            assert!(entries <= CALLS && bytes <= BYTES, "{entries} entries, {bytes} bytes at {}", world.head.seq);
            let saved = ends[0];
            let log = world.hot.log_after(&project(), saved.seq, usize::MAX >> 12).await.expect("it answers");
            let (id, after) = log.expect("it is there").after.expect("all that is not saved");
            assert_eq!((id, after.len() as Seq), (saved.id, world.head.seq - saved.seq));
        }
    }
    let state = world.load().await;
    assert_eq!((state.position, state.saved), (world.head, ends[0]));
    let head = world.head.seq;
    assert_eq!((state.clients.len() as u64, state.canvas.len() as u64), (AUTHORS, OBJECTS));
    for (author, client) in &state.clients {
        let last =
            (0..AUTHORS).map(|n| head - n).find(|seq| seq % AUTHORS == u64::from(author.0[0])).expect("one of them");
        assert_eq!((client.seq, client.cid), (last, last.div_ceil(AUTHORS)));
    }
    for last in head - OBJECTS + 1..=head {
        let object = state.canvas.object(&id(&format!("object-{}", last % OBJECTS))).expect("it is there");
        assert_eq!((object.rev, &object.props), (last, &place(last / OBJECTS)));
    }
}

#[tokio::test]
async fn a_log_that_nobody_saves_keeps_everything() {
    let board = Board::new().await;
    let mut world = World::begin(&board).await;
    let filled = world.fill(20_000, CALL_BATCHES).await;
    // A watermark that does not move is no reason either.
    assert!(world.saved(start(1).position).await);
    let log = world.load().await.log;
    assert!(log.base() == 0 && log.iter().map(|commit| commit.id).eq(filled.iter().map(|at| at.id)));
    assert_eq!(board.log_size().await.0, 20_000_usize.div_ceil(CALL_BATCHES));
}

#[tokio::test]
async fn the_log_stays_bounded_over_a_million_ops() {
    stays_bounded(1_000_000).await;
}
