//! Pub/Sub of the simulated servers: it delays, drops and reorders, and all that is on its way is lost with the connection.

use super::world::{Link, NODES, World, ms};
use crate::fanout::local::LocalFanout;
use crate::fanout::{Event, Fanout, Subscription};
use crate::ids::ProjectId;
use async_trait::async_trait;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a node waits until a subscription is confirmed.
const CONFIRM: Duration = Duration::from_secs(1);

/// What a server publishes by.
pub(super) struct Bus {
    pub(super) world: Weak<World>,
    pub(super) server: usize,
}

#[async_trait]
impl Fanout for Bus {
    fn publish(&self, project: &ProjectId, event: Event) {
        let Some(world) = self.world.upgrade() else { return };
        // Scripts run while the state is not locked.
        for node in 0..NODES {
            let at = world.link(node).filter(|link| link.server == self.server);
            let mouth = world.state().nodes[node].mouth.clone();
            if let (Some(link), Some(mouth)) = (at, mouth) {
                mouth.send(&world, node, Some(link), project, event.clone());
            }
        }
    }

    async fn subscribe(&self, _: &ProjectId) -> Result<Subscription, String> {
        Err("nobody subscribes at a server but by its node".to_owned())
    }

    fn prune(&self, _: &ProjectId) {}
}

/// An event on its way.
struct OnItsWay {
    at: Instant,
    link: Option<Link>,
    project: ProjectId,
    event: Event,
}

/// Where events come out on a node.
#[derive(Clone)]
pub(super) struct Mouth {
    local: Arc<LocalFanout>,
    queue: mpsc::UnboundedSender<OnItsWay>,
}

impl Mouth {
    pub(super) fn new(world: &Arc<World>, node: usize) -> Self {
        let (queue, mut on_their_way) = mpsc::unbounded_channel::<OnItsWay>();
        let local = Arc::new(LocalFanout::default());
        let (world, to) = (world.clone(), local.clone());
        tokio::spawn(async move {
            while let Some(next) = on_their_way.recv().await {
                tokio::time::sleep_until(next.at).await;
                deliver(&world, node, &to, next).await;
            }
        });
        Self { local, queue }
    }

    fn send(&self, world: &Arc<World>, node: usize, link: Option<Link>, project: &ProjectId, event: Event) {
        if world.chance(world.temper.lost) {
            world.say(format_args!("an event for node {node} is lost: {}", kind(&event)));
            return;
        }
        let slow = world.chance(world.temper.late);
        let delay = if slow { ms(20, 400) } else { ms(0, 4) };
        let next = OnItsWay { at: Instant::now() + delay, link, project: project.clone(), event };
        if world.chance(30) {
            let (world, local) = (world.clone(), self.local.clone());
            tokio::spawn(async move {
                tokio::time::sleep_until(next.at).await;
                deliver(&world, node, &local, next).await;
            });
        } else {
            // A node that was killed hears nothing.
            let _ = self.queue.send(next);
        }
    }

    /// The connection is there again.
    pub(super) fn gap(&self, node: usize, world: &World) {
        let next =
            OnItsWay { at: Instant::now(), link: world.link(node), project: world.project.clone(), event: Event::Gap };
        let _ = self.queue.send(next);
    }
}

async fn deliver(world: &World, node: usize, local: &LocalFanout, next: OnItsWay) {
    let life = world.state().nodes[node].life;
    world.goes_on(node, life).await;
    if next.link.is_none() || next.link == world.link(node) {
        local.publish(&next.project, next.event);
    }
}

fn kind(event: &Event) -> String {
    match event {
        Event::Commits(run) => format!("{} commits from {}", run.commits.len(), run.first),
        other => format!("{other:?}"),
    }
}

/// A node's fan-out.
pub(super) struct SimFanout {
    pub(super) world: Arc<World>,
    pub(super) node: usize,
    pub(super) life: u64,
    pub(super) mouth: Mouth,
}

#[async_trait]
impl Fanout for SimFanout {
    fn publish(&self, project: &ProjectId, event: Event) {
        if let Some(link) = self.world.link(self.node).filter(|_| self.world.lives(self.node, self.life)) {
            let bus = Bus { world: Arc::downgrade(&self.world), server: link.server };
            bus.publish(project, event);
        }
    }

    async fn subscribe(&self, project: &ProjectId) -> Result<Subscription, String> {
        let subscription = self.mouth.local.subscribe(project).await?;
        tokio::time::sleep(ms(0, 5)).await;
        if self.world.link(self.node).is_none() {
            // It is not confirmed, and stays wanted.
            tokio::time::sleep(CONFIRM).await;
        }
        Ok(subscription)
    }

    fn prune(&self, project: &ProjectId) {
        self.mouth.local.prune(project);
    }
}
