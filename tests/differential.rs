//! The commit script against the conflict rule. Rooms that have not seen each other's batches propose real ones to one Redis, which opens none of
//! them; whatever it accepts must be what `project/apply` makes of it at the place that it got there. A store in memory, fed alike, must say the same.

#[path = "differential/asked.rs"]
mod asked;
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

use asked::{AUTHORS, Asked, asked, author};
use collabcanvas::fanout::local::LocalFanout;
use collabcanvas::hot::memory::MemoryHot;
use collabcanvas::hot::redis::{KEPT, Publish, RedisHot};
use collabcanvas::hot::{Call, HotState, HotStore, Over, Reply, Verified};
use collabcanvas::hub::propose::{AtOnce, Proposed, Waiting, propose};
use collabcanvas::ids::{Position, ProjectId, Seq};
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::{Link, Target};
use collabcanvas::project::apply::apply;
use collabcanvas::project::canvas::Canvas;
use collabcanvas::project::lease::{Lease, Maker};
use collabcanvas::protocol::change::Change;
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::op::{Body, LEASE};
use collabcanvas::protocol::refusal::Code;
use collabcanvas::recovery::replica::Replica;
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use support::redis::Redis;

const ROOMS: usize = 3;
/// Runs of up to 120 steps each.
const CASES: u32 = 300;

/// One step.
#[derive(Debug, Clone)]
enum Step {
    /// A client hands a batch to a room.
    Submit(usize, Asked),
    /// A room proposes what waits in it.
    Call(usize),
    /// A room hears what the others did.
    Look(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..ROOMS, asked()).prop_map(|(room, asked)| Step::Submit(room, asked)),
        3 => (0..ROOMS).prop_map(Step::Call),
        1 => (0..ROOMS).prop_map(Step::Look),
    ]
}

struct Room {
    replica: Replica,
    queue: VecDeque<Waiting>,
}

impl Room {
    fn learn(&mut self, commits: &[Commit]) {
        let at = self.replica.position();
        self.replica.learn(at.seq + 1, at.id, commits).expect("the store has one history");
    }
}

/// How often what happened: a test in which nothing is contested would say nothing.
type Tally = RefCell<BTreeMap<String, usize>>;

struct World<'a> {
    project: ProjectId,
    stores: [&'a dyn HotStore; 2],
    rooms: Vec<Room>,
    limits: Limits,
    /// What the rule makes of what was accepted, one after the other.
    canvas: Canvas,
    head: Seq,
    /// The last cid of each author that is a commit, and that was given to a batch.
    cids: [u64; AUTHORS],
    given: [u64; AUTHORS],
    tally: &'a Tally,
}

impl World<'_> {
    fn count(&self, what: impl Into<String>) {
        *self.tally.borrow_mut().entry(what.into()).or_default() += 1;
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Submit(room, asked) => {
                let given = &mut self.given[asked.by];
                let cid = asked.cid(*given);
                *given = cid.max(*given);
                let waiting = asked.waiting(cid, &self.canvas);
                self.rooms[*room].queue.push_back(waiting);
            }
            Step::Call(room) => self.call(*room).await,
            Step::Look(room) => self.look(*room).await,
        }
    }

    async fn look(&mut self, room: usize) {
        let at = self.rooms[room].replica.position();
        let [a, b] = self.stores.map(|store| store.verify(&self.project, at));
        let (a, b) = (a.await.expect("it answers"), b.await.expect("it answers"));
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        match a {
            Verified::Same { missed, .. } => self.rooms[room].learn(&missed),
            Verified::Mismatch(why) => panic!("{why:?}"),
        }
    }

    /// Proposes what waits in a room; what others were in the way of stays there.
    async fn call(&mut self, room: usize) {
        let Room { replica, queue } = &mut self.rooms[room];
        let proposed = propose(replica, queue, &self.limits, &mut rand::rng());
        for (session, say) in &proposed.at_once {
            self.count(format!("{say:?}").split('(').next().unwrap_or_default());
            if let AtOnce::Gap(expected) = say {
                // The client sends again from there.
                self.given[usize::try_from(*session).expect("small") - 1] = expected - 1;
            }
        }
        if proposed.call.proposals.is_empty() {
            return;
        }
        let [a, b] = self.stores.map(|store| store.commit(&self.project, &proposed.call));
        let (a, b) = (a.await.expect("it answers"), b.await.expect("it answers"));
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
        match a {
            Reply::Accepted { first, missed } => {
                self.count(if missed.is_empty() { "accepted" } else { "accepted though overtaken" });
                self.rooms[room].learn(&missed);
                self.accepted(room, first, proposed);
            }
            Reply::Stale(missed) => {
                self.count("stale");
                self.rooms[room].learn(&missed);
                proposed.batches.into_iter().rev().for_each(|batch| self.rooms[room].queue.push_front(batch));
            }
            other => panic!("{other:?}"),
        }
    }

    fn accepted(&mut self, room: usize, first: Seq, proposed: Proposed) {
        assert_eq!(first, self.head + 1, "seqs have no holes");
        let Call { proposals, .. } = proposed.call;
        for proposal in proposals {
            self.head += 1;
            self.is_the_rule(&proposal.commit, &proposed.batches);
            if let Outcome::Changed(changes) = &proposal.commit.outcome {
                self.canvas.absorb(changes.decode().expect("sound"), self.head);
            }
            self.rooms[room].replica.accept(proposal.commit, proposal.effects);
        }
    }

    /// A commit is what the rule makes of its batch now, whatever state it was computed from.
    fn is_the_rule(&mut self, commit: &Commit, batches: &[Waiting]) {
        let Origin::Client { author: by, cid, .. } = commit.origin else { panic!("no client's") };
        let of = |waiting: &&Waiting| waiting.from.is_some_and(|(_, author)| author == by) && waiting.batch.cid == cid;
        let batch = &batches.iter().find(of).expect("it was proposed").batch;
        let last = &mut self.cids[usize::from(by.0[0]) - 1];
        *last += 1;
        assert_eq!(cid, *last, "cids have no holes and come once");
        let maker = Maker { author: Some(by), now_ms: collabcanvas::clock::now_ms() };
        let ruled = match &batch.body {
            Body::Ops(ops) => apply(&self.canvas, ops, self.head, maker, &self.limits).map_err(|refusal| refusal.code),
            Body::Invalid(refusal) => Err(refusal.code),
            Body::Void(code) => Err(*code),
            Body::Again(_) => panic!("no client's"),
        };
        let ruled = ruled.map(|effects| without_terms(&effects.changes));
        let done = match &commit.outcome {
            Outcome::Changed(changes) => Ok(without_terms(&changes.decode().expect("sound"))),
            Outcome::Refused(code) => Err(*code),
        };
        // What a project may have in all is held by each room for what it knows: rooms that create at the same moment may pass it by a call each.
        if done.is_ok() && ruled == Err(Code::TooManyObjects) {
            return self.count("over the limit together");
        }
        assert_eq!(done, ruled, "{batch:?}");
        self.count(done.map_or_else(|code| code.to_string(), |_| "changed".to_owned()));
    }

    /// In the end everybody has the same.
    async fn settle(&mut self) {
        for room in 0..ROOMS {
            self.look(room).await;
            assert_eq!(self.rooms[room].replica.canvas(), &self.canvas);
        }
        for store in self.stores {
            let state = store.load(&self.project).await.expect("it answers").expect("it is there");
            assert_eq!((state.position.seq, &state.canvas), (self.head, &self.canvas));
            let cids: Vec<_> = (0..AUTHORS).map(|n| state.clients.get(&author(n)).map_or(0, |c| c.cid)).collect();
            assert_eq!(cids, self.cids);
        }
    }
}

/// Changes as text, without what depends on when and where a lease was computed: its token and its end.
fn without_terms(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        match change {
            Change::Set { id, set, .. } if set.get(LEASE).is_some() => {
                text += &format!("{id} leased to {:?}\n", Lease::of(set).map(|lease| lease.by));
            }
            change => text += &format!("{change:?}\n"),
        }
    }
    text
}

async fn run(hot: &RedisHot, project: &str, steps: &[Step], tally: &Tally) {
    let memory = MemoryHot::new(Arc::new(LocalFanout::default()));
    let project = ProjectId::parse(project).expect("an id");
    for store in [hot as &dyn HotStore, &memory] {
        assert!(store.install(&project, HotState::start(), Over::Empty).await.expect("it answers"));
    }
    let rooms = (0..ROOMS).map(|_| Room { replica: Replica::new(HotState::start()), queue: VecDeque::new() }).collect();
    let mut world = World {
        project,
        stores: [hot, &memory],
        rooms,
        limits: Limits { objects: 6, object_bytes: 200, ..Limits::default() },
        canvas: Canvas::new(),
        head: Position::START.seq,
        cids: [0; AUTHORS],
        given: [0; AUTHORS],
        tally,
    };
    for step in steps {
        world.step(step).await;
    }
    world.settle().await;
}

#[test]
fn what_the_script_accepts_is_what_the_rule_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (server, hot) = runtime.block_on(async {
        let server = Redis::start().await;
        let link = Link::open(&Target::parse(&server.url()).expect("a url")).await.expect("it answers");
        (server, RedisHot::new(link, Keyspace::default(), 1, Publish::ByScript, KEPT))
    });
    let (tally, cases) = (Tally::default(), RefCell::new(0));
    let config =
        ProptestConfig { cases: CASES, max_shrink_iters: 400, failure_persistence: None, ..Default::default() };
    // The same cases each time: what they must show would else be left to chance.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let held = TestRunner::new_with_rng(config, rng).run(&prop::collection::vec(step(), 1..120), |steps| {
        *cases.borrow_mut() += 1;
        runtime.block_on(run(&hot, &format!("p{}", cases.borrow()), &steps, &tally));
        Ok(())
    });
    drop(server);
    if let Err(error) = held {
        panic!("{error}");
    }
    let tally = tally.into_inner();
    for happens in [
        "accepted",
        "accepted though overtaken",
        "stale",
        "Repeat",
        "Gap",
        "InUse",
        "changed",
        "exists",
        "precondition",
        "leased",
        "cycle",
        "not_a_number",
        "invalid_op",
        "too_many_objects",
        "object_too_large",
        "forbidden",
    ] {
        assert!(tally.contains_key(happens), "{happens} never happened: {tally:?}");
    }
}
