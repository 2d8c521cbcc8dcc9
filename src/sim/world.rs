//! What everything in a simulated world shares: the stores, who is connected to what, the god, the trace.

use super::durable::Gate;
use super::fanout::{Bus, Mouth};
use super::god::God;
use super::servers::Servers;
use super::temper::Temper;
use super::trace::Trace;
use crate::chance;
use crate::durable::memory::MemoryStore;
use crate::hub::Hub;
use crate::ids::{NodeId, ProjectId};
use rand::RngExt as _;
use std::fmt::Arguments;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// How long a process that stands still does so at least.
const STANDS: Duration = Duration::from_millis(50);
/// Nodes of a world.
pub(super) const NODES: usize = 3;

/// One server process and its network.
pub(super) struct NodeState {
    /// Which life of it: one that was killed comes back as another process.
    pub(super) life: u64,
    pub(super) alive: bool,
    /// Closed when this life ends. A semaphore, because it wakes those who wait in their order, which a watch does not.
    pub(super) death: Arc<Semaphore>,
    /// It cannot reach Redis.
    pub(super) blocked: bool,
    /// It stands still: nothing of it reaches anybody, and it hears nothing.
    pub(super) stopped: bool,
    /// The server that it is connected to.
    pub(super) server: Option<usize>,
    /// How often it was connected.
    pub(super) links: u64,
    pub(super) hub: Option<Arc<Hub>>,
    /// Autosave and the watch over Redis.
    pub(super) jobs: Vec<AbortHandle>,
    pub(super) mouth: Option<Mouth>,
}

impl NodeState {
    fn new() -> Self {
        Self {
            life: 0,
            alive: false,
            death: Arc::new(Semaphore::new(0)),
            blocked: false,
            stopped: false,
            server: None,
            links: 0,
            hub: None,
            jobs: Vec::new(),
            mouth: None,
        }
    }
}

/// Everything that changes.
pub(super) struct State {
    pub(super) servers: Servers,
    pub(super) nodes: Vec<NodeState>,
    pub(super) god: God,
    pub(super) gate: Gate,
    trace: Trace,
    /// How often something went wrong by itself, in thousandths; 0 once it is to be quiet.
    pub(super) noise: u32,
    pub(super) faults: usize,
    /// A fault is about to strike, or just has: whoever has an answer leaves, as likely as not.
    pub(super) farewells: bool,
}

/// A simulated world.
pub(super) struct World {
    pub(super) project: ProjectId,
    pub(super) temper: Temper,
    pub(super) began: Instant,
    /// Whether clients may leave for ever once they have an ack.
    pub(super) may_leave: bool,
    pub(super) store: MemoryStore,
    state: Mutex<State>,
}

/// A connection of a node to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) server: usize,
    pub(super) number: u64,
}

impl World {
    pub(super) fn new(temper: Temper, may_leave: bool, print: bool) -> Arc<Self> {
        Arc::new_cyclic(|world| {
            let bus = |server| Arc::new(Bus { world: world.clone(), server }) as Arc<dyn crate::fanout::Fanout>;
            Self {
                project: ProjectId::parse("p").expect("valid"),
                temper,
                began: Instant::now(),
                may_leave,
                store: MemoryStore::new(),
                state: Mutex::new(State {
                    servers: Servers::new([bus(0), bus(1)]),
                    nodes: (0..NODES).map(|_| NodeState::new()).collect(),
                    god: God::default(),
                    gate: Gate::default(),
                    trace: Trace::new(print),
                    noise: 1_000,
                    faults: 0,
                    farewells: false,
                }),
            }
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic ends the run anyway, and its message is what counts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn say(&self, what: Arguments<'_>) {
        self.state().trace.say(self.began.elapsed().as_millis(), what);
    }

    pub(super) fn digest(&self) -> u64 {
        self.state().trace.digest()
    }

    pub(super) fn bad(&self, what: impl Into<String>) {
        let what = what.into();
        self.say(format_args!("BAD {what}"));
        self.state().god.bad(what);
    }

    /// Something that happens so often, in thousandths, while the world is not quiet.
    pub(super) fn chance(&self, thousandths: u32) -> bool {
        let noise = self.state().noise;
        chance::rng().random_range(0..1_000_000) < thousandths * noise
    }

    /// Whether this life of the node is still going on.
    pub(super) fn lives(&self, node: usize, life: u64) -> bool {
        let state = self.state();
        state.nodes[node].alive && state.nodes[node].life == life
    }

    /// Returns when this life of the node goes on: at once as a rule, later when it stands still, never when it has ended.
    pub(super) async fn goes_on(&self, node: usize, life: u64) {
        loop {
            if !self.lives(node, life) {
                std::future::pending::<()>().await;
            }
            if !self.state().nodes[node].stopped {
                return;
            }
            tokio::time::sleep(STANDS).await;
        }
    }

    pub(super) fn link(&self, node: usize) -> Option<Link> {
        let state = self.state();
        let node = &state.nodes[node];
        node.server.map(|server| Link { server, number: node.links })
    }

    /// A node loses its connection, and every event on its way to it.
    pub(super) fn cut(&self, node: usize) {
        self.state().nodes[node].server = None;
        self.say(format_args!("node {node} is cut from Redis"));
    }

    pub(super) fn cut_all(&self) {
        (0..NODES).for_each(|node| self.cut(node));
    }

    /// Connects a node if it can be; its rooms hear that they may have missed something.
    pub(super) fn connect(&self, node: usize) {
        let mut state = self.state();
        let server = state.servers.of(node);
        let up = state.servers.get(server).up;
        let at = &mut state.nodes[node];
        if !at.alive || at.blocked || at.server.is_some() || !up {
            return;
        }
        at.server = Some(server);
        at.links += 1;
        let mouth = at.mouth.clone();
        drop(state);
        self.say(format_args!("node {node} is connected to server {server}"));
        if let Some(mouth) = mouth {
            mouth.gap(node, self);
        }
    }

    /// The name that a node's life has for claims.
    pub(super) fn name(node: usize, life: u64) -> NodeId {
        node as NodeId + 1 + life * 100
    }
}

/// A time between two, in ms.
pub(super) fn ms(from: u64, to: u64) -> Duration {
    Duration::from_millis(chance::rng().random_range(from..=to))
}

/// Waits for a time between two, in ms.
pub(super) async fn pause(from: u64, to: u64) {
    tokio::time::sleep(ms(from, to)).await;
}
