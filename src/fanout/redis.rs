//! The fan-out of many nodes: sharded Pub/Sub of Redis, one channel per project.
//!
//! Owns which channels this node hears, which are those of its open projects, and a queue of what it publishes. Every event is decoded once per
//! node, by one task, and then goes to the project's subscribers in this process.
//!
//! Pub/Sub loses messages silently. What is known to be lost is told: after the connection was made anew, and when an event cannot be read,
//! subscribers hear [`Event::Gap`]. Nothing is published twice: a publish without an answer may have been heard.

mod sender;

use super::echoes::Echoes;
use super::local::LocalFanout;
use super::wire::{self, Unreadable};
use super::{Event, Fanout, Subscription};
use crate::clock;
use crate::ids::{NodeId, ProjectId};
use crate::keyspace::Keyspace;
use crate::link::subscriber::{Heard, Subscriber};
use crate::link::{Link, LinkError};
use crate::metrics;
use crate::protocol::run::Run;
use async_trait::async_trait;
use sender::Sender;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::mpsc;

/// Time for the server to confirm a subscription.
const CONFIRM: Duration = Duration::from_secs(1);

/// Carries events over one Redis, Sentinel group or Cluster. Its tasks end when it is dropped.
pub struct RedisFanout {
    keys: Keyspace,
    node: NodeId,
    local: LocalFanout,
    subscriber: Subscriber,
    sender: Sender,
    echoes: Arc<Echoes>,
    /// Projects whose channels are wanted. Held while one of them is wanted, or no more, so that orders to the subscriber go out in the order in
    /// which subscribers come and go.
    wanted: Mutex<HashSet<ProjectId>>,
}

impl RedisFanout {
    /// Connects for subscriptions and starts to listen. `link` leads to the Redis that routes; `node` is this node, whose own presence need not
    /// come back to it.
    ///
    /// # Errors
    /// [`LinkError`] when no connection can be had.
    pub async fn start(link: Link, keys: Keyspace, node: NodeId) -> Result<Arc<Self>, LinkError> {
        // Drained by the pump, which only hands on: what waits here is what came while one event was decoded.
        let (sink, heard) = mpsc::unbounded_channel();
        let subscriber = Subscriber::open(link.target(), sink).await?;
        let sender = Sender::start(link, keys.clone());
        let (echoes, wanted) = (Arc::default(), Mutex::default());
        let fanout = Arc::new(Self { keys, node, local: LocalFanout::default(), subscriber, sender, echoes, wanted });
        tokio::spawn(pump(Arc::downgrade(&fanout), heard));
        Ok(fanout)
    }

    /// Where to note the calls that this node has made.
    #[must_use]
    pub fn echoes(&self) -> Arc<Echoes> {
        self.echoes.clone()
    }

    fn wanted(&self) -> MutexGuard<'_, HashSet<ProjectId>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, heard: Heard) {
        let (channel, payload) = match heard {
            Heard::Message { channel, payload } => (channel, payload),
            Heard::Gap => {
                metrics::fanout_gap();
                tracing::info!("events may have been missed: rooms ask for what they lack");
                self.local.gap();
                return;
            }
        };
        if wire::node_of(&payload) == Some(self.node) {
            return;
        }
        if Run::first_id(&payload).is_some_and(|first| self.echoes.knows(first)) {
            // It shows that the subscription works, and nothing else.
            metrics::fanout_received(None);
            return;
        }
        let Some(project) = self.keys.project_of(&channel) else {
            metrics::fanout_unreadable();
            return;
        };
        let event = match wire::decode(&payload) {
            Ok((event, sent_us)) => {
                // Clocks differ: what seems to come from the future has just been sent.
                let lag = sent_us.map(|at| Duration::from_micros(clock::now_us().saturating_sub(at)));
                metrics::fanout_received(lag);
                event
            }
            Err(Unreadable::Unknown(kind)) => {
                metrics::fanout_received(None);
                tracing::debug!(kind, "passed over an event of a newer node");
                return;
            }
            Err(error) => {
                metrics::fanout_unreadable();
                tracing::warn!(%project, %error, bytes = payload.len(), "cannot read an event: the room asks for what it lacks");
                Event::Gap
            }
        };
        if !self.local.deliver(&project, event) {
            // The last subscriber has gone. If nobody has said so, this does.
            self.prune(&project);
        }
    }
}

async fn pump(fanout: Weak<RedisFanout>, mut heard: mpsc::UnboundedReceiver<Heard>) {
    while let Some(heard) = heard.recv().await {
        let Some(fanout) = fanout.upgrade() else { return };
        fanout.hear(heard);
    }
}

#[async_trait]
impl Fanout for RedisFanout {
    fn publish(&self, project: &ProjectId, event: Event) {
        match wire::encode(&event, clock::now_us()) {
            Some(payload) => self.sender.send(project, payload),
            // A gap is each node's own.
            None => drop(self.local.deliver(project, event)),
        }
    }

    async fn subscribe(&self, project: &ProjectId) -> Result<Subscription, String> {
        let channel = self.keys.channel(project);
        let subscription = {
            let mut wanted = self.wanted();
            let subscription = self.local.add(project);
            wanted.insert(project.clone());
            self.subscriber.subscribe(&channel);
            subscription
        };
        // From here on the channel stays wanted as long as the subscription lives.
        let error = match tokio::time::timeout(CONFIRM, self.subscriber.subscribed(&channel)).await {
            Ok(Ok(())) => return Ok(subscription),
            Ok(Err(error)) => error.to_string(),
            // It stays wanted: when Redis is there again it is subscribed, and a gap is heard.
            Err(_) => return Ok(subscription),
        };
        drop(subscription);
        self.prune(project);
        Err(error)
    }

    fn prune(&self, project: &ProjectId) {
        let mut wanted = self.wanted();
        if self.local.is_pruned(project) && wanted.remove(project) {
            self.subscriber.unsubscribe(&self.keys.channel(project));
        }
    }
}

#[cfg(test)]
mod tests;
