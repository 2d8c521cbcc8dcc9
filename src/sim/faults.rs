//! What goes wrong, when, and how it is mended.

use super::durable::SimDurable;
use super::node;
use super::world::{NODES, World, ms, pause};
use crate::chance;
use crate::clock;
use crate::durable::checkpoint;
use crate::durable::load::load;
use crate::durable::{DurableError, DurableStore as _};
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;

/// How much goes wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// One fault; authors may leave for ever once they have an ack.
    Single,
    /// Two to eight, which may overlap; authors stay.
    Multi,
    /// A node is killed, then Redis fails over, again and again.
    Pair,
    /// Redis is away for longer than rooms wait, and comes back whole, older or empty; the durable store is away at times, too.
    Away,
}

impl Mode {
    pub(super) const ALL: [Self; 4] = [Self::Single, Self::Multi, Self::Pair, Self::Away];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multi => "multi",
            Self::Pair => "pair",
            Self::Away => "away",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The replica is promoted, as far as it had come.
    FailOver,
    /// Redis loses everything, and its replica with it.
    Empty,
    /// All connections are lost and made anew.
    Restart,
    /// One node goes on with the old primary, the others with the replica.
    Split,
    /// kill -9 of a node.
    Kill,
    /// The durable store does not answer.
    DurableAway,
    /// A node cannot reach Redis.
    Block,
    /// Redis does not answer, and comes back whole, older or empty.
    Away,
    /// Redis evicts the project.
    Evict,
    /// A process stands still, and goes on as if nothing had been.
    Stop,
}

const MIXED: [Fault; 15] = [
    Fault::FailOver,
    Fault::FailOver,
    Fault::FailOver,
    Fault::Empty,
    Fault::Restart,
    Fault::Split,
    Fault::Split,
    Fault::Kill,
    Fault::Kill,
    Fault::DurableAway,
    Fault::Block,
    Fault::Away,
    Fault::Away,
    Fault::Evict,
    Fault::Stop,
];

fn any_node() -> usize {
    chance::rng().random_range(0..NODES)
}

/// Does it, and has it mended in time.
pub(super) fn strike(world: &Arc<World>, fault: Fault, lasts: Duration) {
    world.say(format_args!("FAULT {fault:?} for {lasts:?}"));
    world.state().faults += 1;
    match fault {
        Fault::FailOver => {
            world.state().servers.fail_over();
            world.cut_all();
        }
        Fault::Empty => {
            let mut state = world.state();
            state.servers.primary().wipe();
            state.servers.replica().wipe();
            drop(state);
            world.cut_all();
        }
        Fault::Restart => world.cut_all(),
        Fault::Evict => world.state().servers.evict(&world.project),
        Fault::Split => split(world, any_node(), lasts),
        Fault::Kill => kill(world, any_node(), lasts),
        Fault::DurableAway => {
            world.state().gate.up = false;
            later(world, lasts, |world| world.state().gate.up = true);
        }
        Fault::Block => block(world, any_node(), lasts),
        Fault::Stop => {
            let node = any_node();
            world.state().nodes[node].stopped = true;
            later(world, lasts, move |world| world.state().nodes[node].stopped = false);
        }
        Fault::Away => {
            world.state().servers.primary().up = false;
            world.cut_all();
            later(world, lasts, |world| {
                let mut state = world.state();
                if !state.servers.primary().up {
                    let how = state.servers.come_back();
                    state.servers.up();
                    drop(state);
                    world.say(format_args!("Redis comes back {how}"));
                }
            });
        }
    }
}

fn later(world: &Arc<World>, lasts: Duration, mend: impl FnOnce(&Arc<World>) + Send + 'static) {
    let world = world.clone();
    tokio::spawn(async move {
        tokio::time::sleep(lasts).await;
        mend(&world);
    });
}

fn kill(world: &Arc<World>, node: usize, lasts: Duration) {
    node::kill(world, node);
    later(world, lasts, move |world| {
        let dead = !world.state().nodes[node].alive;
        if dead {
            node::start(world, node);
        }
    });
}

fn block(world: &Arc<World>, node: usize, lasts: Duration) {
    world.state().nodes[node].blocked = true;
    world.cut(node);
    later(world, lasts, move |world| world.state().nodes[node].blocked = false);
}

fn split(world: &Arc<World>, alone: usize, lasts: Duration) {
    if world.state().servers.is_split() {
        return;
    }
    world.state().servers.split(alone);
    (0..NODES).filter(|node| *node != alone).for_each(|node| world.cut(node));
    later(world, lasts, join);
}

fn join(world: &Arc<World>) {
    let alone = world.state().servers.join();
    if let Some(alone) = alone {
        world.cut(alone);
    }
}

/// Everything is mended, and nothing goes wrong any more.
pub(super) fn mend_all(world: &Arc<World>) {
    world.state().noise = 0;
    join(world);
    let mut state = world.state();
    state.gate.up = true;
    state.servers.up();
    state.nodes.iter_mut().for_each(|node| (node.blocked, node.stopped) = (false, false));
    let dead: Vec<usize> = (0..NODES).filter(|node| !state.nodes[*node].alive).collect();
    drop(state);
    dead.into_iter().for_each(|dead| node::start(world, dead));
}

/// Lets a run's faults happen, within `during`.
pub(super) async fn happen(world: &Arc<World>, mode: Mode, during: Duration) {
    let end = tokio::time::Instant::now() + during;
    pause(1_000, 4_000).await;
    match mode {
        Mode::Single => {
            tokio::time::sleep(during.mul_f64(chance::rng().random_range(0.0..0.6))).await;
            farewell(world).await;
            strike(world, mixed(), ms(500, 12_000));
        }
        Mode::Multi => {
            let many = chance::rng().random_range(2..=8);
            for _ in 0..many {
                strike(world, mixed(), ms(500, 12_000));
                pause(0, 2 * u64::try_from(during.as_millis()).unwrap_or(0) / many).await;
            }
        }
        Mode::Pair => {
            for _ in 0..chance::rng().random_range(2..=5) {
                strike(world, Fault::Kill, ms(200, 3_000));
                pause(0, 1_500).await;
                strike(world, Fault::FailOver, Duration::ZERO);
                pause(1_000, 6_000).await;
            }
        }
        Mode::Away => {
            for _ in 0..chance::rng().random_range(1..=3) {
                let lasts = ms(2_000, 20_000);
                strike(world, Fault::Away, lasts);
                if chance::rng().random_bool(0.4) {
                    pause(0, 8_000).await;
                    strike(world, Fault::DurableAway, ms(500, 10_000));
                }
                if chance::rng().random_bool(0.3) {
                    strike(world, Fault::Kill, ms(500, 8_000));
                }
                tokio::time::sleep(lasts + ms(500, 8_000)).await;
            }
        }
    }
    tokio::time::sleep_until(end).await;
}

/// People are about to leave, some of them with an answer that is not saved, when it happens.
async fn farewell(world: &Arc<World>) {
    world.state().farewells = chance::rng().random_bool(0.7);
    pause(0, 300).await;
    later(world, ms(0, 200), |world| world.state().farewells = false);
}

fn mixed() -> Fault {
    MIXED[chance::rng().random_range(0..MIXED.len())]
}

/// What goes on by itself: the replica follows, saved projects expire, checkpoints are made.
pub(super) async fn nature(world: Arc<World>) {
    let lag = chance::rng().random_range(20..1_500);
    loop {
        pause(5, lag).await;
        world.state().servers.replicate();
        if world.chance(world.temper.expires) {
            expire(&world);
        }
        if world.chance(world.temper.checkpoints) {
            let made = checkpoint(&world).await;
            world.say(format_args!("a checkpoint → {made:?}"));
        }
    }
}

/// The time of a saved project's keys is up.
fn expire(world: &World) {
    let mut state = world.state();
    let stands = state.servers.primary().hot.stands(&world.project);
    if !state.servers.is_split() && stands.is_some_and(|(position, saved)| position.seq == saved.seq) {
        state.servers.evict(&world.project);
        drop(state);
        world.say(format_args!("a saved project's keys expire"));
    }
}

/// Some node makes a checkpoint, large enough to be worth it or not.
async fn checkpoint(world: &Arc<World>) -> Result<(), DurableError> {
    let node = any_node();
    let life = world.state().nodes[node].life;
    if !world.lives(node, life) {
        return Ok(());
    }
    let (world, project) = (world.clone(), world.project.clone());
    tokio::spawn(async move {
        let store = SimDurable { world: world.clone(), node, life };
        let loaded = load(&store, &project).await?;
        let build = chance::rng().random();
        checkpoint::write(&store, &project, loaded, clock::now_ms(), build).await?;
        let retention = u64::try_from(world.temper.retention.as_millis()).unwrap_or(u64::MAX);
        store.truncate(&project, clock::now_ms().saturating_sub(retention)).await?;
        world.say(format_args!("node {node} has made a checkpoint"));
        Ok::<_, DurableError>(())
    });
    Ok(())
}
