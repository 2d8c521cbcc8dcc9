//! What a load is to be.

use super::cost::Cost;
use collabcanvas::protocol::Encoding;
use std::time::Duration;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The nodes, like `ws://127.0.0.1:8080`: one at least.
    pub urls: Vec<String>,
    /// Number of projects.
    pub projects: usize,
    /// Number of clients in all.
    pub clients: usize,
    /// Ops per second and client.
    pub rate: f64,
    /// How long.
    pub time: Duration,
    /// How messages are written.
    pub encoding: Encoding,
    /// Rectangles in each project.
    pub objects: usize,
    /// Where the nodes tell their metrics, like `127.0.0.1:9464`: of each node, or of none.
    pub metrics: Vec<String>,
}

impl Plan {
    /// What the nodes have counted so far; `None` when they are not to be asked.
    pub(crate) async fn scrape(&self) -> Result<Option<Cost>, String> {
        if self.metrics.is_empty() {
            return Ok(None);
        }
        let mut all = Cost::default();
        for node in &self.metrics {
            all.add(&Cost::scrape(node).await?);
        }
        Ok(Some(all))
    }

    /// The node of a client: each project's clients go round all nodes.
    pub(crate) fn node(&self, number: usize) -> &str {
        &self.urls[number / self.projects % self.urls.len()]
    }
}
