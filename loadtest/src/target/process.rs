//! A process of something that is measured: started on a core, its output in a file, gone when dropped or when we are.

use super::tool;
use crate::machine;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take until it is ready.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long a process may take to end that has more to do than to end.
const LEAVE: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// Lines of its output that an error shows.
const SHOWN: usize = 20;
/// Ports that are tried when somebody else takes one in the moment before it is used.
const PORTS: usize = 5;
/// What a program says that finds its port taken.
const TAKEN: &str = "Address already in use";

/// How a process is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// At once.
    Kill,
    /// By an interrupt, so that it gives back what the system does not take back by itself; at once when that takes too long.
    Interrupt,
}

/// What to start, and how.
#[derive(Debug, Clone)]
pub struct Launch<'a> {
    /// Its name in reports.
    pub name: &'a str,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Settings.
    pub env: Vec<(&'a str, String)>,
    /// The core that it runs on.
    pub core: usize,
    /// Where it works, and where its output goes.
    pub directory: &'a Path,
    /// How it is ended.
    pub ending: Ending,
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: Child,
    name: String,
    core: usize,
    log: PathBuf,
    ending: Ending,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// A sentence, when it cannot be started.
    pub fn start(launch: Launch<'_>) -> Result<Self, String> {
        let Launch { name, program, args, env, core, directory, ending } = launch;
        let sh = tool::find("sh")?;
        let log = directory.join(format!("{}.log", name.replace(' ', "-")));
        let output = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let errors = output.try_clone().map_err(|e| format!("{}: {e}", log.display()))?;
        // A child begins on the core of the thread that makes it. Whether this works was said when the run began.
        let _ = machine::pin(core);
        let child =
            tool::command(&program).args(args).envs(env).current_dir(directory).stdout(output).stderr(errors).spawn();
        let _ = machine::pin(machine::GENERATOR);
        let mut child = child.map_err(|e| format!("{name} cannot be started ({}: {e})", program.display()))?;
        match guard(&sh, child.id(), ending) {
            Ok(guard) => Ok(Self { child, guard, name: name.to_owned(), core, log, ending }),
            Err(error) => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                Err(format!("sh cannot be started: {error}"))
            }
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The core that it runs on.
    #[must_use]
    pub fn core(&self) -> usize {
        self.core
    }

    /// Waits until a line of its output contains this, and returns what follows it there.
    ///
    /// # Errors
    /// What it said instead, when it has ended or takes too long.
    pub async fn says(&mut self, wanted: &str) -> Result<String, String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            // The last line may not be whole.
            let lines = said.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some((_, rest)) = lines.lines().find_map(|line| line.split_once(wanted)) {
                return Ok(rest.to_owned());
            }
            if let Some(why) = self.ended() {
                return Err(why);
            }
            if Instant::now() > end {
                let last = self.last_lines();
                return Err(format!("{} did not say {wanted:?} within {PATIENCE:?}; it said:\n{last}", self.name));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// If it has ended: a sentence that says so, and its last lines.
    pub fn ended(&mut self) -> Option<String> {
        let how = match self.child.try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Some(format!("{} has ended ({how}); its last lines were:\n{}", self.name, self.last_lines()))
    }

    fn last_lines(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }

    /// Interrupts it, and waits until it is gone; not for ever.
    fn interrupt(&self) {
        let pid = Pid::from_child(&self.child);
        let Ok(end) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { return };
        if rustix::process::kill_process(pid, Signal::INT).is_ok() {
            // If it is still there afterwards, it is killed.
            let _ = rustix::io::retry_on_intr(|| {
                rustix::event::poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&LEAVE))
            });
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ending == Ending::Interrupt && matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
        }
        // Both may have ended. The guard goes first: afterwards the id may be another's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a process when ours is gone, however it went: then the guard's input ends.
fn guard(sh: &Path, pid: u32, ending: Ending) -> std::io::Result<Child> {
    let line = match ending {
        Ending::Kill => format!("read _; kill -9 {pid}"),
        Ending::Interrupt => format!(
            "read _; kill -2 {pid}; for _ in 1 2 3 4 5; do sleep 1; kill -0 {pid} || exit 0; done; kill -9 {pid}"
        ),
    };
    tool::command(sh).args(["-c", &line]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Starts something on a free port, and on another one when somebody was faster.
///
/// # Errors
/// Those of `start`.
pub async fn on_a_free_port<T>(start: impl AsyncFn(u16) -> Result<T, String>) -> Result<T, String> {
    for _ in 1..PORTS {
        match start(free_port()).await {
            Err(why) if why.contains(TAKEN) => {}
            started => return started,
        }
    }
    start(free_port()).await
}

/// A port that nobody listens on, below those that the system gives to outgoing connections.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = std::iter::repeat_with(|| rand::random_range(10_000..32_000_u16)).find(is_free);
    port.expect("an endless search ends by finding")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell<'a>(line: &str, directory: &'a Path, ending: Ending) -> Launch<'a> {
        let program = tool::find("sh").expect("a shell");
        let args = vec!["-c".to_owned(), line.to_owned()];
        Launch { name: "a shell", program, args, env: Vec::new(), core: machine::GENERATOR, directory, ending }
    }

    #[tokio::test]
    async fn who_ends_is_named_with_its_last_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let launch = shell("echo too early; exit 3", directory.path(), Ending::Kill);
        let mut process = Process::start(launch).expect("it starts");
        let error = process.says("ready").await.expect_err("it ends");
        assert_eq!(error, "a shell has ended (exit status: 3); its last lines were:\ntoo early");
        assert_eq!(process.ended(), Some(error));
    }

    #[tokio::test]
    async fn an_interrupt_leaves_time_to_clean_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let line = "trap 'touch clean; exit' INT; echo ready; while :; do sleep 0.01; done";
        let mut process = Process::start(shell(line, directory.path(), Ending::Interrupt)).expect("it starts");
        assert_eq!(process.says("ready").await, Ok(String::new()));
        drop(process);
        assert!(directory.path().join("clean").exists());
    }

    #[tokio::test]
    async fn another_port_is_tried_only_when_one_was_taken() {
        let tries = std::cell::Cell::new(0);
        let start = async |_port: u16| {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err(format!("bind: {TAKEN}")) } else { Err("no memory".to_owned()) }
        };
        assert_eq!(on_a_free_port::<()>(start).await, Err("no memory".to_owned()));
        assert_eq!(tries.get(), 3);
    }
}
