//! What will happen, decided from a seed before anything does: the same seed, the same faults, targets and pauses.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use std::time::Duration;

/// Nodes.
pub(crate) const NODES: usize = 3;
/// Clients that leave for good in a cycle in which only one thing fails.
const LEAVERS: usize = 4;
/// One cycle in so many has an outage of a minute.
const LONG_EACH: usize = 25;
/// One cycle in so many has several faults at once.
const OVERLAP_EACH: usize = 3;

/// What happens to Redis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HotFault {
    /// Everything in it is deleted, so often.
    Flush { times: usize },
    /// It is killed, and comes back empty after a while.
    Replace { away: Duration },
    /// It dies while its replica lags this far behind, and the replica takes its place.
    Failover { lag: Duration },
    /// It is flushed while its replica lags; then the replica, with what was deleted and without what came later, takes its place.
    Rollback { lag: Duration },
    /// The replica takes its place, but for a while one node goes on with the old one.
    Split { lag: Duration, node: usize, apart: Duration },
    /// All subscriptions are killed, so often.
    Pubsub { times: usize },
    /// No node can connect.
    Refuse { away: Duration },
    /// Connections stay, and nothing comes through.
    Hang { away: Duration },
    /// One node alone does not reach it.
    Apart { node: usize, away: Duration },
}

/// What happens to a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeFault {
    /// SIGKILL, and a start after a pause.
    Kill { node: usize, pause: Duration },
    /// SIGSTOP, and SIGCONT after a while.
    Stop { node: usize, time: Duration },
}

/// How the durable store misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misery {
    /// Most calls are refused because there are too many.
    Throttled,
    /// Every call takes long.
    Slow,
    /// Most calls are done and their answers lost.
    Unanswered,
    /// Parts of bulk writes are handed back.
    Unprocessed,
    /// Nobody is there.
    Away,
}

/// What happens to the durable store, and for how long.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DurableFault {
    /// What.
    pub(crate) misery: Misery,
    /// How long.
    pub(crate) time: Duration,
}

/// One fault, or several that overlap, and the recovery from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cycle {
    /// When it begins, and what.
    pub(crate) hot: Option<(Duration, HotFault)>,
    /// The same for a node.
    pub(crate) node: Option<(Duration, NodeFault)>,
    /// The same for the durable store.
    pub(crate) durable: Option<(Duration, DurableFault)>,
    /// When clients leave for good, each right after an ack. Only where one thing fails: under several, authors have to stay.
    pub(crate) leave: Vec<Duration>,
    /// How long all is well afterwards.
    pub(crate) calm: Duration,
}

impl Cycle {
    /// What happens, as a word for tables.
    pub(crate) fn kind(&self) -> String {
        let hot = self.hot.as_ref().map(|(_, fault)| match fault {
            HotFault::Flush { .. } => "flush",
            HotFault::Replace { .. } => "redis-replaced",
            HotFault::Failover { .. } => "failover",
            HotFault::Rollback { .. } => "rollback",
            HotFault::Split { .. } => "split",
            HotFault::Pubsub { .. } => "pubsub-kill",
            HotFault::Refuse { away } | HotFault::Hang { away } if away.as_secs() > 20 => "redis-away-long",
            HotFault::Refuse { .. } => "redis-refuses",
            HotFault::Hang { .. } => "redis-hangs",
            HotFault::Apart { .. } => "node-apart",
        });
        let node = self.node.as_ref().map(|(_, fault)| match fault {
            NodeFault::Kill { .. } => "node-kill",
            NodeFault::Stop { .. } => "node-stop",
        });
        let durable = self.durable.as_ref().map(|(_, fault)| match fault.misery {
            Misery::Away if fault.time.as_secs() > 20 => "durable-away-long",
            Misery::Away => "durable-away",
            Misery::Throttled => "durable-throttled",
            Misery::Slow => "durable-slow",
            Misery::Unanswered => "durable-unanswered",
            Misery::Unprocessed => "durable-unprocessed",
        });
        [hot, node, durable].into_iter().flatten().collect::<Vec<_>>().join("+")
    }

    /// How many things fail.
    pub(crate) fn faults(&self) -> usize {
        usize::from(self.hot.is_some()) + usize::from(self.node.is_some()) + usize::from(self.durable.is_some())
    }

    /// Whether it contains an outage of a minute.
    pub(crate) fn is_long(&self) -> bool {
        self.kind().contains("-long")
    }
}

/// All cycles of a round.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// From what it was made.
    pub(crate) seed: u64,
    /// What happens, in this order.
    pub(crate) cycles: Vec<Cycle>,
}

fn millis(rng: &mut StdRng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.random_range(from..to))
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn new(seed: u64, cycles: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (long, overlaps) = (cycles / LONG_EACH, cycles / OVERLAP_EACH);
        let mut all: Vec<Cycle> = (seed..).take(long).map(|turn| minute(&mut rng, turn)).collect();
        all.extend((0..overlaps).map(|_| overlap(&mut rng)));
        let mut singles = Vec::new();
        while all.len() + singles.len() < cycles {
            let mut kinds: Vec<usize> = (0..SINGLES).collect();
            kinds.shuffle(&mut rng);
            let missing = cycles - all.len() - singles.len();
            singles.extend(kinds.into_iter().take(missing).map(|kind| single(&mut rng, kind)));
        }
        all.extend(singles);
        all.shuffle(&mut rng);
        for cycle in &mut all {
            cycle.calm = millis(&mut rng, 300, 1_000);
            if cycle.faults() == 1 && !cycle.is_long() {
                cycle.leave = (0..LEAVERS).map(|_| millis(&mut rng, 0, 1_500)).collect();
            }
        }
        Self { seed, cycles: all }
    }
}

/// Kinds of cycles in which one thing fails.
const SINGLES: usize = 16;

fn single(rng: &mut StdRng, kind: usize) -> Cycle {
    let at = Duration::from_millis(300);
    match kind {
        0..9 => Cycle { hot: Some((at, hot(rng, kind))), ..Cycle::default() },
        9..11 => Cycle { node: Some((at, node(rng, kind - 9))), ..Cycle::default() },
        _ => Cycle { durable: Some((at, durable(rng, kind - 11))), ..Cycle::default() },
    }
}

/// What may happen to Redis as one fault; the last of them is two in one, and only for overlaps.
fn hot(rng: &mut StdRng, kind: usize) -> HotFault {
    match kind {
        0 => HotFault::Flush { times: 1 },
        1 => HotFault::Replace { away: millis(rng, 0, 2_000) },
        2 | 3 => HotFault::Failover { lag: millis(rng, 200, 2_500) },
        4 => HotFault::Split {
            lag: millis(rng, 0, 1_500),
            node: rng.random_range(0..NODES),
            apart: millis(rng, 500, 4_000),
        },
        5 => HotFault::Pubsub { times: rng.random_range(1..5) },
        6 => HotFault::Refuse { away: millis(rng, 500, 4_500) },
        7 => HotFault::Hang { away: millis(rng, 500, 4_500) },
        8 => HotFault::Apart { node: rng.random_range(0..NODES), away: millis(rng, 500, 4_500) },
        9 => HotFault::Flush { times: rng.random_range(2..4) },
        _ => HotFault::Rollback { lag: millis(rng, 300, 2_000) },
    }
}

fn node(rng: &mut StdRng, kind: usize) -> NodeFault {
    let node = rng.random_range(0..NODES);
    match kind {
        0 => NodeFault::Kill { node, pause: millis(rng, 0, 2_500) },
        _ => NodeFault::Stop { node, time: millis(rng, 500, 4_500) },
    }
}

fn durable(rng: &mut StdRng, kind: usize) -> DurableFault {
    let misery = match kind {
        0 => Misery::Throttled,
        1 => Misery::Slow,
        2 => Misery::Unanswered,
        3 => Misery::Unprocessed,
        _ => Misery::Away,
    };
    DurableFault { misery, time: millis(rng, 1_000, 4_500) }
}

/// At least two of Redis, a node and the durable store fail at about the same time, or Redis twice.
fn overlap(rng: &mut StdRng) -> Cycle {
    let mut parts = [true; 3];
    if rng.random_range(0..3) > 0 {
        parts[rng.random_range(0..3)] = false;
    }
    let mut cycle = Cycle::default();
    if parts[0] {
        let kind = rng.random_range(0..11);
        cycle.hot = Some((millis(rng, 0, 1_500), hot(rng, kind)));
    }
    if parts[1] {
        let kind = rng.random_range(0..2);
        cycle.node = Some((millis(rng, 0, 1_500), node(rng, kind)));
    }
    if parts[2] {
        let kind = rng.random_range(0..5);
        cycle.durable = Some((millis(rng, 0, 1_500), durable(rng, kind)));
    }
    cycle
}

/// A minute without Redis or without the durable store.
fn minute(rng: &mut StdRng, turn: u64) -> Cycle {
    let (at, away) = (Duration::from_millis(300), Duration::from_secs(60));
    let hot = if rng.random_range(0..2) == 0 { HotFault::Refuse { away } } else { HotFault::Hang { away } };
    if turn.is_multiple_of(2) {
        Cycle { hot: Some((at, hot)), ..Cycle::default() }
    } else {
        Cycle { durable: Some((at, DurableFault { misery: Misery::Away, time: away })), ..Cycle::default() }
    }
}

#[test]
fn a_seed_always_makes_the_same_plan() {
    for seed in 0..50 {
        let plan = Plan::new(seed, 25);
        assert_eq!(plan, Plan::new(seed, 25));
        assert_eq!(plan.cycles.len(), 25);
        assert!(plan.cycles.iter().filter(|cycle| cycle.is_long()).count() * 20 <= 25);
        assert!(plan.cycles.iter().all(|cycle| cycle.faults() == 1 || cycle.leave.is_empty()));
        for wanted in ["flush", "failover", "split", "node-kill", "node-stop", "durable-unanswered"] {
            assert!(plan.cycles.iter().any(|cycle| cycle.kind() == wanted), "seed {seed} without {wanted}");
        }
    }
    assert_ne!(Plan::new(1, 25).cycles, Plan::new(2, 25).cycles);
}
