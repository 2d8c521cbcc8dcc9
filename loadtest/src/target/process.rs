//! A process of something that is measured: started on a core, its output in a file, gone when dropped or when we are.

use crate::machine;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take until it is ready.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of its output that an error shows.
const SHOWN: usize = 20;

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: Child,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts a command line in a directory, where its output goes too, on a core.
    ///
    /// # Errors
    /// A sentence, when the program is not there.
    pub fn start(
        name: &str,
        line: &[String],
        env: &[(&str, String)],
        core: usize,
        directory: &Path,
    ) -> Result<Self, String> {
        let log = directory.join(format!("{}.log", name.replace(' ', "-")));
        let output = File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
        let errors = output.try_clone().map_err(|e| format!("{}: {e}", log.display()))?;
        // A child begins on the core of the thread that makes it. Whether this works was said when the run began.
        let _ = machine::pin(core);
        let child = Command::new(&line[0])
            .args(&line[1..])
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(directory)
            .env("PATH", format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn();
        let _ = machine::pin(machine::GENERATOR);
        let child = child.map_err(|e| format!("{name} cannot be started ({}: {e})", line[0]))?;
        let guard = guard(child.id()).map_err(|e| format!("sh cannot be started: {e}"))?;
        Ok(Self { child, guard, name: name.to_owned(), log })
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
            if !self.runs() || Instant::now() > end {
                return Err(self.failed(&format!("it did not say {wanted:?}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a port takes connections.
    ///
    /// # Errors
    /// As [`Process::says`].
    pub async fn answers(&mut self, port: u16) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if !self.runs() || Instant::now() > end {
                return Err(self.failed(&format!("it does not answer on port {port}")));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn failed(&self, why: &str) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        format!("{}: {why}; it said:\n{}", self.name, lines[lines.len().saturating_sub(SHOWN)..].join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both may have ended. The guard goes first: afterwards the id may be another's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends a process when ours is gone, however it went: then the guard's input ends.
fn guard(pid: u32) -> std::io::Result<Child> {
    let line = format!("read _; kill -9 {pid}");
    Command::new("sh").args(["-c", &line]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// A port that nobody listens on, below those that the system gives to outgoing connections.
///
/// # Panics
/// Never: an endless search ends by finding.
#[must_use]
pub fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = std::iter::repeat_with(|| rand::random_range(10_000..32_000_u16)).find(is_free);
    port.expect("an endless search ends by finding")
}
