//! A simulated node: the real hub and the real autosave on simulated ports, started and killed.

use super::durable::SimDurable;
use super::fanout::{Mouth, SimFanout};
use super::hot::SimHot;
use super::world::World;
use crate::access::registry::Registry;
use crate::app::vigil;
use crate::autosave::{Autosave, Pace};
use crate::chance;
use crate::hub::{Hub, RoomSettings, Stores};
use crate::presence::local::LocalPresence;
use crate::pressure::Pressure;
use crate::protocol::limits::Limits;
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

fn settings(world: &World) -> RoomSettings {
    RoomSettings {
        limits: Limits::default(),
        ack_means_saved: false,
        max_sessions: 100,
        idle: Duration::from_millis(chance::rng().random_range(100..world.temper.idle_ms)),
        heartbeat: Duration::from_secs(10),
        silence: Duration::from_secs(25),
        pressure: Pressure::Ignored,
    }
}

/// Starts a node, as a new process.
pub(super) fn start(world: &Arc<World>, node: usize) {
    let life = world.state().nodes[node].life;
    let mouth = Mouth::new(world, node);
    let hot = Arc::new(SimHot::new(world.clone(), node, life));
    let durable = Arc::new(SimDurable { world: world.clone(), node, life });
    let fanout = Arc::new(SimFanout { world: world.clone(), node, life, mouth: mouth.clone() });
    let (isolated, is_isolated) = watch::channel(false);
    let vigil = tokio::spawn(vigil::watch(World::name(node, life), hot.clone(), durable.clone(), isolated));
    let stores = Stores {
        rights: Registry::start(durable.clone(), fanout.clone()),
        hot: hot.clone(),
        durable: durable.clone(),
        fanout,
        presence: Arc::new(LocalPresence),
        isolated: is_isolated,
    };
    let autosave = tokio::spawn(Autosave::new(hot, durable, world.temper.retention, Pace::SHARED).run());
    let hub = Hub::new(Arc::new(stores), settings(world));
    let mut state = world.state();
    let at = &mut state.nodes[node];
    at.alive = true;
    at.hub = Some(hub);
    at.jobs = vec![autosave.abort_handle(), vigil.abort_handle()];
    at.mouth = Some(mouth);
    drop(state);
    world.say(format_args!("node {node} starts"));
    world.connect(node);
}

/// kill -9: its ports do nothing any more, its clients are cut off. What is left of its tasks goes with the runtime.
pub(super) fn kill(world: &World, node: usize) {
    let mut state = world.state();
    let at = &mut state.nodes[node];
    if !at.alive {
        return;
    }
    at.alive = false;
    at.server = None;
    at.stopped = false;
    at.hub = None;
    at.mouth = None;
    at.jobs.drain(..).for_each(|job| job.abort());
    at.life += 1;
    std::mem::replace(&mut at.death, Arc::new(Semaphore::new(0))).close();
    drop(state);
    world.say(format_args!("node {node} is killed"));
}

/// A running node: its hub, and how to hear of its death.
pub(super) fn find(world: &World, node: usize) -> Option<(Arc<Hub>, Arc<Semaphore>)> {
    let state = world.state();
    let at = &state.nodes[node];
    at.hub.clone().map(|hub| (hub, at.death.clone()))
}

/// Makes connections that were lost, again and again.
pub(super) async fn keep_connected(world: Arc<World>, node: usize) {
    loop {
        super::world::pause(5, 250).await;
        world.connect(node);
    }
}
