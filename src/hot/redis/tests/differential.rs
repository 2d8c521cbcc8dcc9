//! Redis and the reference, fed alike: the same random calls and interruptions must have the same answers, events and states.

use super::board::Board;
use crate::fanout::local::LocalFanout;
use crate::fanout::{Event, Fanout as _};
use crate::hot::conformance::Backend as _;
use crate::hot::conformance::marks::marked;
use crate::hot::conformance::world::{facts, id, project, put, remove, start, void};
use crate::hot::memory::MemoryHot;
use crate::hot::redis::{KEPT, Publish};
use crate::hot::{Call, HotState, HotStore, Over, Proposal, Reply, Verified};
use crate::ids::{CommitId, Position, Seq};
use crate::project::canvas::{Canvas, View as _};
use crate::protocol::commit::{Commit, Outcome};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

/// Longer than any run, or over at once: nothing here depends on the clock.
const LEASES: [Duration; 2] = [Duration::ZERO, Duration::from_secs(3_600)];

/// One step. Numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    /// A room commits: (author, object, kind, wrong cid) of each proposal.
    Call {
        room: usize,
        urgent: bool,
        proposals: Vec<(u8, u8, u8, bool)>,
    },
    /// A room looks and, when it is on this history, catches up; else it starts over.
    Look {
        room: usize,
    },
    /// Something before the head is saved.
    Save {
        back: u64,
        wrong: bool,
    },
    Freeze {
        token: u64,
        long: bool,
    },
    Install {
        token: u64,
        over_empty: bool,
        newer: bool,
    },
    Lose,
    Read {
        back: u64,
        bytes: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let proposal = (1..5_u8, 0..12_u8, 0..8_u8, prop::bool::weighted(0.01));
    let proposals = prop_oneof![
        6 => prop::collection::vec(proposal.clone(), 1..5),
        1 => prop::collection::vec(proposal, 1..65),
    ];
    prop_oneof![
        12 => (0..3_usize, any::<bool>(), proposals).prop_map(|(room, urgent, proposals)| Step::Call { room, urgent, proposals }),
        4 => (0..3_usize).prop_map(|room| Step::Look { room }),
        2 => (0..20_u64, prop::bool::weighted(0.2)).prop_map(|(back, wrong)| Step::Save { back, wrong }),
        1 => (1..3_u64, prop::bool::weighted(0.3)).prop_map(|(token, long)| Step::Freeze { token, long }),
        1 => (1..3_u64, any::<bool>(), any::<bool>()).prop_map(|(token, over_empty, newer)| Step::Install { token, over_empty, newer }),
        1 => Just(Step::Lose),
        2 => (0..20_u64, 0..3_000_usize).prop_map(|(back, bytes)| Step::Read { back, bytes }),
    ]
}

/// What a room believes.
#[derive(Clone, Default)]
struct Room {
    position: Option<Position>,
    canvas: Canvas,
    cids: HashMap<u8, u64>,
}

impl Room {
    fn adopt(state: Option<HotState>) -> Self {
        let Some(state) = state else { return Self::default() };
        let cids = state.clients.iter().map(|(author, client)| (author.0[0], client.cid)).collect();
        Self { position: Some(state.position), canvas: state.canvas, cids }
    }

    fn call(&self, urgent: bool, parts: &[(u8, u8, u8, bool)]) -> Call {
        let position = self.position.unwrap_or(Position::START);
        let (mut cids, mut revs) = (self.cids.clone(), HashMap::<String, Option<Seq>>::new());
        let mut proposals = Vec::new();
        for ((by, object, kind, wrong), seq) in parts.iter().zip(position.seq + 1..) {
            let cid = cids.entry(*by).or_default();
            *cid += 1 + u64::from(*wrong);
            let name = format!("o{object}");
            let known = self.canvas.object(&id(&name)).map(|object| object.rev);
            let rev = revs.entry(name.clone()).or_insert(known);
            let proposal = match kind {
                0 => void(*by, *cid),
                1 if rev.is_none() => Proposal { absent: vec![id(&name)], ..void(*by, *cid) },
                2 => Proposal { at_head: true, ..void(*by, *cid) },
                3 if rev.is_some() => remove(*by, *cid, &name, rev.take()),
                _ => put(*by, *cid, &name, rev.replace(seq)),
            };
            proposals.push(proposal);
        }
        Call { position, proposals, urgent }
    }

    /// Applies commits that follow.
    fn follow(&mut self, commits: &[Commit]) {
        let Some(position) = &mut self.position else { return };
        for commit in commits {
            position.seq += 1;
            position.id = commit.id;
            if let Outcome::Changed(changes) = &commit.outcome {
                self.canvas.absorb(changes.decode().expect("sound"), position.seq);
            }
            if let crate::protocol::commit::Origin::Client { author, cid, .. } = commit.origin {
                self.cids.insert(author.0[0], cid);
            }
        }
    }
}

struct Pair {
    memory: MemoryHot,
    board: Board,
    memory_events: UnboundedReceiver<Event>,
    redis_events: UnboundedReceiver<Event>,
    rooms: [Room; 3],
    epoch: u64,
    log: Vec<Position>,
}

impl Pair {
    async fn new() -> Self {
        let (board, fanout) = (Board::new().await, Arc::new(LocalFanout::default()));
        let memory_events = fanout.subscribe(&project()).await.expect("local");
        let redis_events = board.listen(&project()).await;
        let memory = MemoryHot::new(fanout);
        Self { memory, board, memory_events, redis_events, rooms: Default::default(), epoch: 1, log: Vec::new() }
    }

    fn stores(&self) -> [&dyn HotStore; 2] {
        [&self.memory, &*self.board.hot]
    }

    async fn loaded(&self) -> Option<HotState> {
        let project = project();
        let [a, b] = self.stores().map(|hot| hot.load(&project));
        let (a, b) = (a.await.expect("it answers"), b.await.expect("it answers"));
        assert_eq!(a.as_ref().map(facts), b.as_ref().map(facts));
        a
    }

    async fn step(&mut self, step: &Step) {
        let at = |back: u64| self.log.iter().rev().nth(usize::try_from(back).expect("small")).copied();
        let [memory, redis] = self.stores();
        match step {
            Step::Call { room, urgent, proposals } => self.call(*room, *urgent, proposals).await,
            Step::Look { room } => self.look(*room).await,
            Step::Save { back, wrong } => {
                let mut position = at(*back).unwrap_or(Position::START);
                position.id = if *wrong { CommitId([1; 8]) } else { position.id };
                assert_eq!(memory.mark_saved(&project(), position).await, redis.mark_saved(&project(), position).await);
            }
            Step::Freeze { token, long } => {
                let lease = LEASES[usize::from(*long)];
                assert_eq!(
                    memory.freeze(&project(), *token, lease).await,
                    redis.freeze(&project(), *token, lease).await
                );
            }
            Step::Install { token, over_empty, newer } => self.install(*token, *over_empty, *newer).await,
            Step::Lose => {
                self.memory.wipe();
                self.board.lose().await;
                // Whoever looks finds nothing that is unsaved.
                assert!(redis.log_after(&project(), 0, 1).await.expect("it answers").is_none());
            }
            Step::Read { back, bytes } => {
                let seq = at(*back).map_or(*back, |position| position.seq);
                let a = memory.log_after(&project(), seq, *bytes).await.expect("it answers");
                let b = redis.log_after(&project(), seq, *bytes).await.expect("it answers");
                assert_eq!(a.map(|log| (log.position, log.after)), b.map(|log| (log.position, log.after)));
            }
        }
    }

    async fn call(&mut self, room: usize, urgent: bool, parts: &[(u8, u8, u8, bool)]) {
        let call = self.rooms[room].call(urgent, parts);
        let project = project();
        let [a, b] = self.stores().map(|hot| hot.commit(&project, &call));
        let (a, b) = (a.await.expect("it answers"), b.await.expect("it answers"));
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        let room = &mut self.rooms[room];
        match a {
            Reply::Accepted { first, missed } => {
                room.follow(&missed);
                let commits: Vec<_> = call.proposals.iter().map(|proposal| proposal.commit.clone()).collect();
                room.follow(&commits);
                let epoch = call.position.epoch;
                self.log.extend(commits.iter().zip(first..).map(|(commit, seq)| Position {
                    epoch,
                    seq,
                    id: commit.id,
                }));
            }
            Reply::Stale(missed) => room.follow(&missed),
            Reply::Cid { .. } | Reply::Mismatch(_) => {}
        }
    }

    async fn look(&mut self, room: usize) {
        let position = self.rooms[room].position.unwrap_or(Position::START);
        let project = project();
        let [a, b] = self.stores().map(|hot| hot.verify(&project, position));
        let (a, b) = (a.await.expect("it answers"), b.await.expect("it answers"));
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        match a {
            Verified::Same { missed, .. } => self.rooms[room].follow(&missed),
            Verified::Mismatch(_) => self.rooms[room] = Room::adopt(self.loaded().await),
        }
    }

    async fn install(&mut self, token: u64, over_empty: bool, newer: bool) {
        let found = self.loaded().await;
        let position = found.as_ref().map_or(Position::START, |state| state.position);
        let over = if over_empty { Over::Empty } else { Over::Frozen { token, position } };
        let epoch = self.epoch + u64::from(newer);
        let state = found.map_or_else(
            || start(epoch),
            |mut state| {
                state.position.epoch = epoch;
                state
            },
        );
        let project = project();
        let [a, b] = self.stores().map(|hot| hot.install(&project, state.clone(), over));
        let (a, b) = (a.await, b.await);
        assert_eq!(a, b);
        if a == Ok(true) {
            self.epoch = epoch;
            self.log.iter_mut().for_each(|position| position.epoch = epoch);
        }
    }

    /// Both must have told the same by now.
    async fn settle(&mut self) {
        let state = self.loaded().await;
        for all in [false, true] {
            let [a, b] = self.stores().map(|hot| hot.dirty(all));
            assert_eq!(marked(a.await), marked(b.await), "all: {all}");
        }
        // What another node finds is what is not saved.
        let unsaved = state.filter(|state| state.position.seq > state.saved.seq);
        let unsaved: Vec<_> = unsaved.map(|_| (project(), false)).into_iter().collect();
        assert_eq!(marked(self.board.node(2, Publish::ByScript, KEPT).dirty(true).await), unsaved);
        while let Ok(event) = self.memory_events.try_recv() {
            let heard = tokio::time::timeout(Duration::from_secs(10), self.redis_events.recv()).await;
            assert_eq!(heard.expect("it was published"), Some(event));
        }
        assert!(self.redis_events.try_recv().is_err(), "more than was to be said");
    }
}

async fn run(steps: &[Step]) {
    let mut pair = Pair::new().await;
    pair.install(1, true, false).await;
    for step in steps {
        pair.step(step).await;
    }
    pair.settle().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn redis_does_as_the_reference(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(run(&steps));
    }
}
