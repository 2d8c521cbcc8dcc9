//! One run: a world begins, things go wrong, it becomes quiet, and what must hold is looked at.

use super::checks;
use super::client::Client;
use super::faults::{self, Mode};
use super::node;
use super::temper::Temper;
use super::world::{NODES, World, ms};
use crate::chance;
use crate::clock;
use rand::RngExt as _;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::time::Instant;

/// How long a world that is quiet may take until everything agrees.
const SETTLES: Duration = Duration::from_secs(120);

/// How long a run may take in real time, on a machine that has much else to do.
const SPINS: Duration = Duration::from_secs(60);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What did not hold.
    pub(super) bad: Vec<String>,
    /// Equal for two runs that were the same, line for line.
    pub(super) digest: u64,
    pub(super) acked: usize,
    pub(super) durable: usize,
    pub(super) faults: usize,
}

/// Runs a seed. `print` shows every line of what happens.
pub(super) fn run(seed: u64, mode: Mode, print: bool) -> Outcome {
    simulate(seed, print, mode == Mode::Single, Temper::random, move |world| async move {
        let clients = people(&world);
        faults::happen(&world, mode, ms(6_000, 20_000)).await;
        clients
    })
}

/// Runs a story in a world of its own, of this temper: `story` makes the clients and lets things go wrong; then all is mended and checked.
pub(super) fn simulate<F, R>(
    seed: u64,
    print: bool,
    may_leave: bool,
    temper: impl FnOnce() -> Temper,
    story: F,
) -> Outcome
where
    F: FnOnce(Arc<World>) -> R,
    R: Future<Output = Vec<Client>>,
{
    chance::seed(Some(seed));
    let watchdog = Watchdog::over(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime needs no more than memory");
    let outcome = runtime.block_on(async {
        clock::follow_tokio(true);
        let world = World::new(temper(), may_leave, print);
        for node in 0..NODES {
            node::start(&world, node);
            tokio::spawn(node::keep_connected(world.clone(), node));
        }
        tokio::spawn(faults::nature(world.clone()));
        let clients = story(world.clone()).await;
        finish(&world, clients).await
    });
    drop(runtime);
    drop(watchdog);
    clock::follow_tokio(false);
    chance::seed(None);
    outcome
}

/// Ends the program when a run takes for ever: something spins, so that simulated time stands still.
struct Watchdog {
    _over: mpsc::Sender<()>,
}

impl Watchdog {
    #[expect(clippy::print_stdout, reason = "nothing else would say which seed it was")]
    fn over(seed: u64) -> Self {
        let (over, is_over) = mpsc::channel();
        std::thread::spawn(move || {
            if is_over.recv_timeout(SPINS) == Err(mpsc::RecvTimeoutError::Timeout) {
                println!("sim: seed {seed} has not ended after {} s: something spins", SPINS.as_secs());
                std::process::exit(101);
            }
        });
        Self { _over: over }
    }
}

/// A few people who edit, and perhaps somebody who watches.
fn people(world: &Arc<World>) -> Vec<Client> {
    let many = chance::rng().random_range(1..=4);
    (0..many).map(|n| Client::start(world, &format!("c{n}"), None, true)).collect()
}

async fn finish(world: &Arc<World>, mut clients: Vec<Client>) -> Outcome {
    world.say(format_args!("QUIET"));
    faults::mend_all(world);
    for client in &clients {
        client.sdk().edits = false;
    }
    clients.extend((0..NODES).map(|node| Client::start(world, &format!("v{node}"), Some(node), false)));
    let until = Instant::now() + SETTLES;
    while checks::unsettled(world, &clients).is_some() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    checks::check(world, &clients).await;
    let acked = clients.iter().map(|client| client.sdk().core.history.acked.len()).sum();
    let mut state = world.state();
    let (bad, durable, faults) = (state.god.all_bad().iter().cloned().collect(), state.god.batches(), state.faults);
    // Nodes hold the world: without this, nobody would ever free either.
    for node in &mut state.nodes {
        (node.hub, node.mouth) = (None, None);
    }
    drop(state);
    Outcome { bad, digest: world.digest(), acked, durable, faults }
}
