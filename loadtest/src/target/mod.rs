//! What is measured: the floor, a node on its own, two nodes that share a Redis. Starts each anew for every scenario and round, on a core of its own.

pub mod postgres;
pub mod probe;
pub mod process;
pub mod usage;

use crate::floor;
use crate::machine;
use crate::measure::crowd::Ground;
use crate::measure::place::Dialect;
use probe::Probe;
use process::Process;
use std::path::{Path, PathBuf};

/// What a ready node's line begins with.
const NODE_READY: &str = "CollabCanvas is ready: open http://";

/// Something to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The relay without state: the yardstick.
    Floor,
    /// One node on its own, which saves on its own disk before it acks.
    Embedded,
    /// Two nodes on one Redis, which save in one Postgres; a room's clients are on both.
    Cluster,
}

impl Target {
    /// All of them, the yardstick first.
    pub const ALL: [Self; 3] = [Self::Floor, Self::Embedded, Self::Cluster];

    /// Its name in flags, tables and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Embedded => "embedded",
            Self::Cluster => "cluster",
        }
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
    pub async fn start(self) -> Result<Running, String> {
        let directory = tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
        match self {
            Self::Floor => {
                let this = std::env::current_exe().map_err(|e| e.to_string())?;
                let line = [text(&this), "floor".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
                let mut process = Process::start("floor", &line, &[], machine::SERVERS, directory.path())?;
                let url = format!("ws://{}", process.says(floor::READY).await?);
                let ground = Ground { urls: vec![url], dialect: Dialect::Floor };
                Ok(Running { ground, counted: vec![process], beside: Vec::new(), _directory: directory })
            }
            Self::Embedded => {
                let env = [("COLLAB_DATA_DIR", text(&directory.path().join("data")))];
                let (process, url) = node("node", &env, directory.path()).await?;
                let ground = Ground { urls: vec![url], dialect: Dialect::Node };
                Ok(Running { ground, counted: vec![process], beside: Vec::new(), _directory: directory })
            }
            Self::Cluster => cluster(directory).await,
        }
    }
}

/// Starts two nodes and what they share.
async fn cluster(directory: tempfile::TempDir) -> Result<Running, String> {
    let (postgres, durable) = postgres::start(directory.path()).await?;
    let port = process::free_port();
    let line = ["redis-server", "--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
    let mut redis = Process::start("redis", &line, &[], machine::SERVERS, directory.path())?;
    redis.answers(port).await?;
    let env = [("COLLAB_REDIS_URL", format!("redis://127.0.0.1:{port}")), ("COLLAB_DURABLE_URL", durable)];
    let (one, first) = node("node 1", &env, directory.path()).await?;
    let (two, second) = node("node 2", &env, directory.path()).await?;
    let ground = Ground { urls: vec![first, second], dialect: Dialect::Node };
    // Nodes end before what they need.
    Ok(Running { ground, counted: vec![one, two], beside: vec![redis, postgres], _directory: directory })
}

/// A target that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct Running {
    /// Where clients go.
    pub ground: Ground,
    /// Processes whose CPU is that of deliveries.
    counted: Vec<Process>,
    /// What they need: shown by itself.
    beside: Vec<Process>,
    _directory: tempfile::TempDir,
}

impl Running {
    /// Something that looks at its processes.
    #[must_use]
    pub fn probe(&self) -> Probe {
        let of = |processes: &[Process], counts| -> Vec<_> {
            processes.iter().map(|process| (process.name().to_owned(), counts, process.pid())).collect()
        };
        Probe::new(of(&self.counted, true).into_iter().chain(of(&self.beside, false)))
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The server's program: the one that `COLLAB_BIN` names, or the one beside ours.
///
/// # Errors
/// What to do when there is none.
pub fn program() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("COLLAB_BIN") {
        return Ok(PathBuf::from(named));
    }
    let beside = std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("collabcanvas");
    if beside.exists() {
        return Ok(beside);
    }
    Err(format!(
        "there is no {}: build it (cargo build --release --workspace) or name it in COLLAB_BIN",
        beside.display()
    ))
}

/// Starts a node on free ports; returns where it listens.
async fn node(name: &str, env: &[(&str, String)], directory: &Path) -> Result<(Process, String), String> {
    let line = [text(&program()?), "serve".to_owned()];
    let mut all = env.to_vec();
    all.push(("COLLAB_LISTEN", "127.0.0.1:0".to_owned()));
    all.push(("COLLAB_ADMIN_LISTEN", "127.0.0.1:0".to_owned()));
    let mut process = Process::start(name, &line, &all, machine::SERVERS, directory)?;
    let rest = process.says(NODE_READY).await?;
    let address = rest.split(['/', ' ']).next().unwrap_or_default();
    Ok((process, format!("ws://{address}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_have_names() {
        for target in Target::ALL {
            assert_eq!(Target::named(target.name()), Ok(target));
        }
        assert!(Target::named("cloud").expect_err("there is none").contains("floor, embedded, cluster"));
    }
}
