//! Several nodes that share one Redis and one durable store.

use super::peers::synced;
use super::process::{PATIENCE, free_port};
use super::server::{Server, Setup};
use super::truth::Truth;
use collabcanvas::protocol::Encoding;
use loadtest::client::Client;
use loadtest::history::Keep;
use std::path::{Path, PathBuf};

/// Running nodes.
#[derive(Debug)]
pub struct Nodes {
    nodes: Vec<(Setup, Option<Server>)>,
    /// Those that were stopped, for what they said.
    stopped: Vec<Server>,
    data: tempfile::TempDir,
}

/// How a node is started that shares this Redis and this file.
pub fn setup(redis: &str, database: &Path, env: &[(&str, &str)]) -> Setup {
    embedded(database, env).with("COLLAB_REDIS_URL", redis)
}

/// How a node is started that has this file, and no Redis.
fn embedded(database: &Path, env: &[(&str, &str)]) -> Setup {
    let directory = database.parent().expect("a file lies in a directory");
    let setup = Setup::new(directory)
        .in_file(database)
        .on_fixed_port()
        .with("COLLAB_ADMIN_LISTEN", &format!("127.0.0.1:{}", free_port()));
    env.iter().fold(setup, |setup, (name, value)| setup.with(name, value))
}

impl Nodes {
    /// Starts so many, each with these variables besides.
    pub fn start(count: usize, redis: &str, env: &[(&str, &str)]) -> Self {
        Self::with(&vec![redis.to_owned(); count], env)
    }

    /// Starts one for each URL: all lead to the same Redis, on different ways.
    pub fn with(redis: &[String], env: &[(&str, &str)]) -> Self {
        Self::run(|database| redis.iter().map(|url| setup(url, database, env)).collect())
    }

    /// Starts a single one that has no Redis.
    pub fn embedded(env: &[(&str, &str)]) -> Self {
        Self::run(|database| vec![embedded(database, env)])
    }

    fn run(setups: impl FnOnce(&Path) -> Vec<Setup>) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let setups = setups(&data.path().join("shared.db"));
        let nodes = setups.into_iter().map(|setup| {
            let server = setup.start();
            (setup, Some(server))
        });
        Self { nodes: nodes.collect(), stopped: Vec::new(), data }
    }

    /// How many there are, dead ones too.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The durable store.
    pub fn database(&self) -> PathBuf {
        self.data.path().join("shared.db")
    }

    /// A node.
    pub fn node(&self, n: usize) -> &Server {
        self.nodes[n].1.as_ref().expect("the node runs")
    }

    /// Where clients of a node connect.
    pub fn url(&self, n: usize) -> &str {
        &self.node(n).url
    }

    /// Host and port of each, for a proxy.
    pub fn addresses(&self) -> Vec<String> {
        (0..self.count()).map(|n| self.node(n).address().to_owned()).collect()
    }

    /// The process ids: equal ones mean that no node has ended meanwhile.
    pub fn pids(&mut self) -> Vec<Option<u32>> {
        let pid = |server: &mut Server| server.runs().then(|| server.pid());
        self.nodes.iter_mut().map(|(_, server)| server.as_mut().and_then(pid)).collect()
    }

    /// Kills a node as the kernel would.
    pub fn kill(&mut self, n: usize) {
        self.nodes[n].1.take().expect("the node runs").kill();
    }

    /// Starts a node again on its port, and kills it before if it runs.
    pub fn restart(&mut self, n: usize) {
        let (setup, server) = &mut self.nodes[n];
        drop(server.take());
        *server = Some(setup.start());
    }

    /// Stops all softly: everything is saved when they have gone.
    pub async fn stop(&mut self) {
        self.nodes.iter().filter_map(|(_, server)| server.as_ref()).for_each(|server| server.signal("TERM"));
        for (_, server) in &mut self.nodes {
            let Some(mut server) = server.take() else { continue };
            let status = server.exit().await;
            assert!(status.success(), "a node ended with {status}:\n{}", server.said());
            self.stopped.push(server);
        }
    }

    /// Stops all and reads a project from the durable store.
    pub async fn truth(&mut self, project: &str) -> Truth {
        self.stop().await;
        let truth = Truth::read(&self.database(), project).await;
        assert_eq!(truth.replica.difference(&truth.loaded), None, "the log and what is loaded");
        truth
    }

    /// A client of a node that has joined.
    pub async fn join(&self, n: usize, project: &str, encoding: Encoding) -> Client {
        join(self.url(n), project, encoding).await
    }
}

/// A client of an address that has joined.
pub async fn join(url: &str, project: &str, encoding: Encoding) -> Client {
    let id = format!("test-{:016x}", rand::random::<u64>());
    let mut client = Client::new(url, project, id, encoding, Keep::Names);
    client.reconnect(PATIENCE).await.expect("the server is there");
    synced(&mut client).await;
    client
}
