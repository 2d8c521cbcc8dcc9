//! Whether the node can serve, and what it depends on.

use crate::durable::DurableStore;
use crate::hot::HotStore;
use crate::ids::ProjectId;
use crate::lifecycle::Stopping;
use crate::metrics::node::VERSION;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// What does not answer within this time is down.
const PROBE: Duration = Duration::from_secs(2);

/// What the answers rest on.
#[derive(Clone)]
pub struct Health {
    /// Whether nodes share the hot store, so that what it has survives this process.
    pub is_shared: bool,
    /// Where batches are ordered.
    pub hot: Arc<dyn HotStore>,
    /// Where they survive.
    pub durable: Arc<dyn DurableStore>,
    /// Says when the node stops.
    pub stopping: Stopping,
    /// Turns true while this node is cut off from a hot store that others reach: clients are better served there.
    pub isolated: watch::Receiver<bool>,
    /// When the node began.
    pub started: Instant,
}

/// How the node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All is well.
    Ready,
    /// It serves, without one of its stores.
    Degraded,
    /// Clients are better served by another node.
    NotReady,
}

/// How a store is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dependency {
    is_up: bool,
    latency_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How everything is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checkup {
    /// In one word.
    pub status: Status,
    /// A sentence, unless all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    version: &'static str,
    uptime_s: u64,
    hot: Dependency,
    durable: Dependency,
}

impl Health {
    /// Looks at everything.
    pub async fn check(&self) -> Checkup {
        let (hot, durable) = tokio::join!(probe(self.hot.answers()), probe(self.read()));
        let (status, why) = self.judge(&hot, &durable);
        Checkup { status, why, version: VERSION, uptime_s: self.started.elapsed().as_secs(), hot, durable }
    }

    /// Whether the node can serve.
    ///
    /// # Errors
    /// A sentence.
    pub async fn ready(&self) -> Result<(), String> {
        let up = || Dependency { is_up: true, latency_ms: 0.0, error: None };
        let durable = probe(self.read()).await;
        // What is well needs no second look: a balancer asks every few seconds.
        let hot = if durable.is_up { up() } else { probe(self.hot.answers()).await };
        match self.judge(&hot, &durable) {
            (Status::NotReady, why) => Err(why.unwrap_or_default()),
            _ => Ok(()),
        }
    }

    fn judge(&self, hot: &Dependency, durable: &Dependency) -> (Status, Option<String>) {
        if self.stopping.borrow().is_some() {
            return (Status::NotReady, Some("the node is stopping".to_owned()));
        }
        if *self.isolated.borrow() {
            return (Status::NotReady, Some("this node does not reach the hot store, others do".to_owned()));
        }
        // A hot store in this process dies with it: nothing may be accepted that only that has.
        match (&hot.error, &durable.error) {
            (None, None) => (Status::Ready, None),
            (Some(error), None) => (Status::Degraded, Some(format!("projects go on without the hot store: {error}"))),
            // Every node is in the same boat, and their orchestrator must not replace them all for it.
            (None, Some(error)) if self.is_shared => {
                (Status::Degraded, Some(format!("nothing is saved at present: {error}")))
            }
            (_, Some(error)) => (Status::NotReady, Some(error.clone())),
        }
    }

    /// Reads something small: whether it is there does not matter.
    async fn read(&self) -> Result<(), String> {
        let probe = ProjectId::parse("readyz").map_err(|error| error.to_string())?;
        self.durable.pointer(&probe).await.map(drop).map_err(|error| error.to_string())
    }
}

async fn probe<E: std::fmt::Display>(asked: impl Future<Output = Result<(), E>>) -> Dependency {
    let started = Instant::now();
    let error = match tokio::time::timeout(PROBE, asked).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("it does not answer within {} s", PROBE.as_secs())),
    };
    Dependency { is_up: error.is_none(), latency_ms: started.elapsed().as_secs_f64() * 1_000.0, error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::memory::MemoryStore;
    use crate::fanout::local::LocalFanout;
    use crate::hot::memory::MemoryHot;

    fn dependency(error: Option<&str>) -> Dependency {
        Dependency { is_up: error.is_none(), latency_ms: 1.0, error: error.map(str::to_owned) }
    }

    #[tokio::test]
    async fn a_node_without_its_hot_store_serves_and_one_without_its_durable_store_does_not() {
        let (stop, stopping) = watch::channel(None);
        let (cut, isolated) = watch::channel(false);
        let hot = Arc::new(MemoryHot::new(Arc::new(LocalFanout::default())));
        let durable = Arc::new(MemoryStore::new());
        let health = Health { is_shared: false, hot, durable, stopping, isolated, started: Instant::now() };
        assert_eq!(health.check().await.status, Status::Ready);
        let (up, down) = (dependency(None), dependency(Some("gone")));
        assert_eq!(health.judge(&down, &up).0, Status::Degraded);
        assert_eq!(health.judge(&up, &down), (Status::NotReady, Some("gone".to_owned())));
        let one_of_many = Health { is_shared: true, ..health.clone() };
        assert_eq!(one_of_many.judge(&up, &down).0, Status::Degraded, "Redis keeps what is accepted meanwhile");
        assert_eq!(one_of_many.judge(&down, &down).0, Status::NotReady);
        cut.send_replace(true);
        assert_eq!(health.judge(&down, &up).0, Status::NotReady, "others reach it");
        cut.send_replace(false);
        stop.send_replace(Some(Duration::ZERO));
        assert_eq!(health.judge(&up, &up).0, Status::NotReady);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_is_down() {
        let silent = probe(std::future::pending::<Result<(), String>>()).await;
        assert!(!silent.is_up && silent.error.is_some_and(|error| error.contains("2 s")));
    }
}
