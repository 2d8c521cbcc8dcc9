//! The nodes as an orchestrator keeps them: one that has ended is started again, as often as it takes.

use crate::plan::NodeFault;
use crate::support::server::{Server, Setup};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long it may take until a node serves again once nothing stands in its way. Longer than any outage: meanwhile it is started again and again.
const START: Duration = Duration::from_secs(100);
/// Between two starts of a node that ends at once, because what it needs is not there.
const AGAIN: Duration = Duration::from_millis(250);

/// A node, dead or alive.
struct Node {
    setup: Setup,
    server: Option<Server>,
    /// What its processes before this one have said.
    said: String,
}

/// All nodes.
pub(crate) struct Fleet {
    nodes: Vec<Node>,
    /// Where clients of each connect.
    pub(crate) urls: Vec<String>,
    /// Ends that nobody had asked for, in words.
    pub(crate) ended: Vec<String>,
}

impl Node {
    fn keep(&mut self, server: &Server) {
        self.said += &server.said();
        self.said += "\n--- the process has ended\n";
    }

    /// Starts it, again and again until it serves.
    async fn start(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START;
        loop {
            let mut server = self.setup.spawn();
            while server.runs() && !server.is_ready() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            if server.is_ready() {
                self.server = Some(server.ready());
                return Ok(());
            }
            self.keep(&server);
            if Instant::now() > deadline {
                let last = server.said().lines().last().unwrap_or_default().to_owned();
                return Err(format!("a node does not start within {START:?}: {last}"));
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

impl Fleet {
    /// Starts a node with each setup.
    pub(crate) async fn start(setups: Vec<Setup>) -> Result<Self, String> {
        let mut fleet = Self { nodes: Vec::new(), urls: Vec::new(), ended: Vec::new() };
        for setup in setups {
            let mut node = Node { setup, server: None, said: String::new() };
            node.start().await?;
            fleet.urls.extend(node.server.as_ref().map(|server| server.url.clone()));
            fleet.nodes.push(node);
        }
        Ok(fleet)
    }

    /// Lets it happen, and ends it.
    pub(crate) async fn suffer(&mut self, fault: &NodeFault) -> Result<(), String> {
        match fault {
            NodeFault::Kill { node, pause } => {
                let node = &mut self.nodes[*node];
                if let Some(server) = node.server.take() {
                    node.keep(&server);
                    server.kill();
                }
                tokio::time::sleep(*pause).await;
                node.start().await
            }
            NodeFault::Stop { node, time } => {
                let Some(server) = &mut self.nodes[*node].server else { return Ok(()) };
                if server.runs() {
                    server.signal("STOP");
                    tokio::time::sleep(*time).await;
                    server.signal("CONT");
                }
                Ok(())
            }
        }
    }

    /// Stops a node softly and starts it again, as a node of this build whatever it was; how long it took to end.
    pub(crate) async fn restart(&mut self, n: usize) -> Result<Duration, String> {
        let node = &mut self.nodes[n];
        let Some(mut server) = node.server.take() else { return Err(format!("node {n} does not run")) };
        let began = Instant::now();
        server.signal("TERM");
        let status = server.exit().await;
        let took = began.elapsed();
        node.keep(&server);
        if !status.success() {
            return Err(format!("node {n} was told to stop and ended with {status}"));
        }
        node.setup = node.setup.clone().of(None);
        node.start().await?;
        Ok(took)
    }

    /// Starts again whoever has ended by itself.
    pub(crate) async fn look_after(&mut self) -> Result<(), String> {
        for (n, node) in self.nodes.iter_mut().enumerate() {
            let Some(server) = &mut node.server else { continue };
            if server.runs() {
                continue;
            }
            let status = server.exit().await;
            let last = server.said().lines().last().unwrap_or_default().to_owned();
            self.ended.push(format!("node {n} has ended with {status}: {last}"));
            if let Some(server) = node.server.take() {
                node.keep(&server);
            }
            node.start().await?;
        }
        Ok(())
    }

    /// Stops all softly: everything is saved when they have gone.
    pub(crate) async fn stop(&mut self) -> Result<(), String> {
        let running = self.nodes.iter().filter_map(|node| node.server.as_ref());
        running.for_each(|server| server.signal("TERM"));
        for (n, node) in self.nodes.iter_mut().enumerate() {
            let Some(mut server) = node.server.take() else { continue };
            let status = server.exit().await;
            node.keep(&server);
            if !status.success() {
                return Err(format!("node {n} was told to stop and ended with {status}"));
            }
        }
        Ok(())
    }

    /// Lines that no node ever writes.
    pub(crate) fn panics(&self) -> Vec<String> {
        let lines = self.nodes.iter().flat_map(|node| node.said.lines());
        lines.filter(|line| line.contains("panicked")).map(ToOwned::to_owned).collect()
    }

    /// Writes down what they have said so far.
    pub(crate) fn write_logs(&mut self, directory: &Path) {
        for (n, node) in self.nodes.iter_mut().enumerate() {
            let now = node.server.as_ref().map(Server::said).unwrap_or_default();
            // Whoever looks for a reason has the history file too.
            let _ = std::fs::write(directory.join(format!("node-{n}.log")), format!("{}{now}\n", node.said));
        }
    }
}
