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
        let (kept, durable) = match self {
            Self::Floor => (None, None),
            Self::Embedded => (None, Some(("COLLAB_DATA_DIR", text(&directory.path().join("data"))))),
            Self::Cluster => {
                let (postgres, url) = postgres::start(directory.path()).await?;
                (Some(postgres), Some(("COLLAB_DURABLE_URL", url)))
            }
        };
        let mut running = Running {
            target: self,
            ground: Ground { urls: Vec::new(), dialect: Dialect::Floor },
            counted: Vec::new(),
            hot: None,
            kept,
            durable,
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
    /// Where clients go.
    pub ground: Ground,
    /// Processes whose CPU is that of deliveries.
    counted: Vec<Process>,
    /// The Redis of the nodes: shown by itself.
    hot: Option<Process>,
    /// Their durable store, when it is a process: shown by itself.
    kept: Option<Process>,
    /// The setting that says where it is.
    durable: Option<(&'static str, String)>,
    directory: tempfile::TempDir,
}

impl Running {
    /// Ends all but the durable store, and starts it anew: whatever is not durable is gone, and no project is open.
    ///
    /// # Errors
    /// As [`Target::start`].
    pub async fn restart(&mut self) -> Result<(), String> {
        self.counted.clear();
        self.hot = None;
        let directory = self.directory.path();
        let mut env: Vec<(&str, String)> = self.durable.iter().cloned().collect();
        let names: &[&str] = match self.target {
            Target::Floor => {
                let this = std::env::current_exe().map_err(|e| e.to_string())?;
                let line = [text(&this), "floor".to_owned(), "--listen".to_owned(), "127.0.0.1:0".to_owned()];
                let mut process = Process::start("floor", &line, &[], machine::SERVERS, directory)?;
                let url = format!("ws://{}", process.says(floor::READY).await?);
                self.ground = Ground { urls: vec![url], dialect: Dialect::Floor };
                self.counted.push(process);
                return Ok(());
            }
            Target::Embedded => &["node"],
            Target::Cluster => {
                let (redis, url) = redis(directory).await?;
                self.hot = Some(redis);
                env.push(("COLLAB_REDIS_URL", url));
                &["node 1", "node 2"]
            }
        };
        self.ground = Ground { urls: Vec::new(), dialect: Dialect::Node };
        for name in names {
            let (process, url) = node(name, &env, directory).await?;
            self.counted.push(process);
            self.ground.urls.push(url);
        }
        Ok(())
    }

    /// Something that looks at its processes.
    #[must_use]
    pub fn probe(&self) -> Probe {
        let of = |process: &Process, counts| (process.name().to_owned(), counts, process.pid());
        let counted = self.counted.iter().map(|process| of(process, true));
        Probe::new(counted.chain(self.hot.iter().chain(&self.kept).map(|process| of(process, false))))
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

/// Starts a Redis that keeps nothing on disk; returns where it is.
async fn redis(directory: &Path) -> Result<(Process, String), String> {
    let port = process::free_port();
    let line = ["redis-server", "--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    let line: Vec<String> = line.into_iter().map(str::to_owned).collect();
    let mut redis = Process::start("redis", &line, &[], machine::SERVERS, directory)?;
    redis.answers(port).await?;
    Ok((redis, format!("redis://127.0.0.1:{port}")))
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
