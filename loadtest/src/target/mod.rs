//! What is measured: the floor, a node on its own, two nodes that share a Redis, with a HAProxy before them or without. Starts each anew for every
//! scenario and round, on a core of its own. Linux only.
#![cfg(target_os = "linux")]

pub mod cores;
pub mod counted;
pub mod haproxy;
pub mod postgres;
pub mod probe;
pub mod process;
pub mod programs;
pub mod redis;
pub mod tool;
pub mod usage;

use crate::floor;
use crate::machine;
use crate::measure::crowd::Ground;
use crate::measure::place::Dialect;
use counted::Asked;
use probe::Probe;
use process::{Ending, Launch, Process};
use programs::Programs;
use std::path::{Path, PathBuf};

/// What a client's address begins with.
const SCHEME: &str = "ws://";
/// What a ready node's first line begins with.
const NODE_READY: &str = "CollabCanvas is ready: open http://";
/// What its second one begins with.
const NODE_ADMIN: &str = "Health and metrics: http://";

/// All clients come from one address, as fast as they can, and send what a ramp asks for: what protects a node from that is not what is measured.
const LIMITS: &str = "connections_per_ip=100000,connections_per_user=100000,accepts_per_second=100000,\
    session_ops_per_second=1000000,user_ops_per_second=1000000,project_ops_per_second=1000000";

/// Something to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The relay without state: the yardstick.
    Floor,
    /// One node on its own, which saves on its own disk before it acks.
    Embedded,
    /// Two nodes on one Redis, which save in one Postgres; a room's clients are on both.
    Cluster,
    /// The same, and clients come through a HAProxy, which spreads them.
    Balanced,
}

impl Target {
    /// All of them, the yardstick first.
    pub const ALL: [Self; 4] = [Self::Floor, Self::Embedded, Self::Cluster, Self::Balanced];

    /// Its name in flags, tables and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Embedded => "embedded",
            Self::Cluster => "cluster",
            Self::Balanced => "balanced",
        }
    }

    /// Whether it has several nodes, which share a Redis and a Postgres.
    #[must_use]
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Cluster | Self::Balanced)
    }

    /// By its name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn named(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|target| target.name() == name);
        found.ok_or_else(|| format!("there is no target {name:?}; there are {}", Self::ALL.map(Self::name).join(", ")))
    }

    /// Starts it.
    ///
    /// # Errors
    /// A sentence: what cannot be started, and why.
    pub async fn start(self, programs: &Programs) -> Result<Running, String> {
        let program = if self == Self::Floor { programs.floor() } else { programs.node()? };
        let directory = tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
        let (kept, durable) = match self {
            Self::Floor => (None, None),
            Self::Embedded => (None, Some(("COLLAB_DATA_DIR", directory.path().join("data").display().to_string()))),
            Self::Cluster | Self::Balanced => {
                let (postgres, url) = postgres::start(directory.path()).await?;
                (Some(postgres), Some(("COLLAB_DURABLE_URL", url)))
            }
        };
        let mut running = Running {
            target: self,
            program,
            ground: Ground { urls: Vec::new(), dialect: Dialect::Floor },
            counted: Vec::new(),
            hot: None,
            balancer: None,
            kept,
            durable,
            asked: Asked::default(),
            directory,
        };
        running.restart().await?;
        Ok(running)
    }
}

/// A target that runs; it ends when this is dropped. Nodes end before what they need.
#[derive(Debug)]
pub struct Running {
    target: Target,
    /// The program of its nodes, or of the floor.
    program: PathBuf,
    /// Where clients go.
    pub ground: Ground,
    /// Processes whose CPU is that of deliveries.
    counted: Vec<Process>,
    /// The Redis of the nodes: shown by itself.
    hot: Option<Process>,
    /// What their clients come through, if that is not a node: shown by itself.
    balancer: Option<Process>,
    /// Their durable store, when it is a process: shown by itself.
    kept: Option<Process>,
    /// The setting that says where it is.
    durable: Option<(&'static str, String)>,
    /// Who counts something itself.
    asked: Asked,
    directory: tempfile::TempDir,
}

impl Running {
    /// Ends all but the durable store, and starts it anew: whatever is not durable is gone, and no project is open.
    ///
    /// # Errors
    /// As [`Target::start`].
    pub async fn restart(&mut self) -> Result<(), String> {
        self.counted.clear();
        (self.balancer, self.hot) = (None, None);
        self.asked = Asked::default();
        let directory = self.directory.path();
        let mut env: Vec<(&str, String)> = self.durable.iter().cloned().collect();
        let names: &[&str] = match self.target {
            Target::Floor => {
                let (process, url) = start_floor(&self.program, directory).await?;
                self.ground = Ground { urls: vec![url], dialect: Dialect::Floor };
                self.counted.push(process);
                return Ok(());
            }
            Target::Embedded => &["node"],
            Target::Cluster | Target::Balanced => {
                let (redis, address) = redis::start(directory).await?;
                self.hot = Some(redis);
                env.push(("COLLAB_REDIS_URL", format!("redis://{address}")));
                self.asked.redis = Some(address);
                &["node 1", "node 2"]
            }
        };
        self.ground = Ground { urls: Vec::new(), dialect: Dialect::Node };
        for name in names {
            let node = start_node(name, &self.program, &env, directory).await?;
            self.counted.push(node.process);
            self.ground.urls.push(node.url);
            self.asked.nodes.push(node.admin);
        }
        if self.target == Target::Balanced {
            let nodes: Vec<_> = self.ground.urls.iter().map(|url| url.trim_start_matches(SCHEME)).collect();
            let (balancer, address) = haproxy::start(&nodes, directory).await?;
            self.balancer = Some(balancer);
            self.ground.urls = vec![format!("{SCHEME}{address}")];
        }
        Ok(())
    }

    /// Something that looks at its processes.
    #[must_use]
    pub fn probe(&self) -> Probe {
        let others = self.balancer.iter().chain(&self.hot).chain(&self.kept).map(|process| (process, false));
        Probe::new(self.counted.iter().map(|process| (process, true)).chain(others), self.asked.clone())
    }

    /// Those of its processes that have ended, each with its last lines; nothing while all run.
    pub fn ended(&mut self) -> Option<String> {
        let all = self.counted.iter_mut().chain(&mut self.balancer).chain(&mut self.hot).chain(&mut self.kept);
        let ended: Vec<String> = all.filter_map(Process::ended).collect();
        (!ended.is_empty()).then(|| ended.join("\n"))
    }
}

/// Starts the floor; returns where it listens.
async fn start_floor(program: &Path, directory: &Path) -> Result<(Process, String), String> {
    let mut process = Process::start(Launch {
        name: "floor",
        program: program.to_owned(),
        args: ["floor", "--listen", "127.0.0.1:0"].map(str::to_owned).to_vec(),
        env: Vec::new(),
        core: machine::SERVERS,
        directory,
        ending: Ending::Kill,
    })?;
    let address = process.says(floor::READY).await?;
    Ok((process, format!("{SCHEME}{address}")))
}

/// A node, where clients find it, and where it tells its metrics.
struct Node {
    process: Process,
    url: String,
    admin: String,
}

/// Starts a node on free ports.
async fn start_node(name: &str, program: &Path, env: &[(&str, String)], directory: &Path) -> Result<Node, String> {
    let own = [("COLLAB_LISTEN", "127.0.0.1:0"), ("COLLAB_ADMIN_LISTEN", "127.0.0.1:0"), ("COLLAB_LIMITS", LIMITS)];
    let mut process = Process::start(Launch {
        name,
        program: program.to_owned(),
        args: vec!["serve".to_owned()],
        env: env.iter().cloned().chain(own.map(|(name, value)| (name, value.to_owned()))).collect(),
        core: machine::SERVERS,
        directory,
        ending: Ending::Kill,
    })?;
    let address = |rest: String| rest.split(['/', ' ']).next().unwrap_or_default().to_owned();
    let url = format!("{SCHEME}{}", address(process.says(NODE_READY).await?));
    let admin = address(process.says(NODE_ADMIN).await?);
    Ok(Node { process, url, admin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_names() {
        for target in Target::ALL {
            assert_eq!(Target::named(target.name()), Ok(target));
        }
        assert!(Target::named("cloud").expect_err("there is none").contains("floor, embedded, cluster, balanced"));
    }
}
