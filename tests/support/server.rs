//! A `collabcanvas` process of a test's own: started, signalled, killed when dropped.

use super::process::{PATIENCE, SHOWN, free_port, show_if_failed, signal};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the first line of a ready server begins with.
const READY: &str = "CollabCanvas is ready: open http://";
/// What the second line begins with.
const ADMIN: &str = "Health and metrics: http://";

/// Lines that a process has written so far.
#[derive(Debug, Default)]
struct Lines {
    text: Mutex<Vec<String>>,
    more: Condvar,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(self: &Arc<Self>, from: impl Read + Send + 'static) {
        let lines = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                lines.lock().push(line);
                lines.more.notify_all();
            }
        });
    }
}

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Setup {
    env: Vec<(String, String)>,
    /// The program, if it is not that of this build.
    program: Option<String>,
}

impl Setup {
    /// On free ports, with its data in this directory.
    pub fn new(data: &Path) -> Self {
        let setup = Self { env: Vec::new(), program: None };
        setup
            .with("COLLAB_DATA_DIR", &data.display().to_string())
            .with("COLLAB_LISTEN", "127.0.0.1:0")
            .with("COLLAB_ADMIN_LISTEN", "127.0.0.1:0")
    }

    /// With its data in this file instead of a directory of its own.
    pub fn in_file(self, file: &Path) -> Self {
        self.stored_in(&format!("sqlite://{}", file.display()))
    }

    /// With its data in this store instead of a directory of its own.
    pub fn stored_in(mut self, url: &str) -> Self {
        self.env.retain(|(name, _)| name != "COLLAB_DATA_DIR");
        self.with("COLLAB_DURABLE_URL", url)
    }

    /// With a variable of the configuration.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this program instead of that of this build.
    pub fn of(self, program: Option<String>) -> Self {
        Self { program, ..self }
    }

    /// On a port that stays the same when the server is started again.
    pub fn on_fixed_port(self) -> Self {
        self.with("COLLAB_LISTEN", &format!("127.0.0.1:{}", free_port()))
    }

    /// Starts the process without waiting for it to be ready.
    pub fn spawn(&self) -> Server {
        let mut child = Command::new(self.program.clone().unwrap_or_else(program))
            .arg("serve")
            .envs(self.env.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server's program can be started");
        let lines = Arc::new(Lines::default());
        lines.collect(child.stdout.take().expect("piped"));
        lines.collect(child.stderr.take().expect("piped"));
        Server { child, lines, url: String::new(), admin: String::new() }
    }

    /// Starts the process and waits until it serves.
    pub fn start(&self) -> Server {
        self.spawn().ready()
    }
}

/// The server's program: that of this build, or the one that `COLLAB_BIN` names.
pub fn program() -> String {
    std::env::var("COLLAB_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_collabcanvas").to_owned())
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Arc<Lines>,
    /// Where clients connect, like `ws://127.0.0.1:1234`.
    pub url: String,
    /// Host and port of the admin endpoints.
    pub admin: String,
}

impl Server {
    /// Waits until it serves.
    pub fn ready(mut self) -> Self {
        let address = |line: &str| line.split(['/', ' ']).next().unwrap_or_default().to_owned();
        self.admin = address(&self.line(ADMIN));
        self.url = format!("ws://{}", address(&self.line(READY)));
        self
    }

    /// Host and port for clients.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("ws://")
    }

    /// Whether it has said that it serves.
    pub fn is_ready(&self) -> bool {
        self.count(READY) > 0
    }

    /// Waits for a line that contains this and returns what follows it.
    pub fn line(&self, wanted: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut lines = self.lines.lock();
        loop {
            if let Some((_, rest)) = lines.iter().find_map(|line| line.split_once(wanted)) {
                return rest.to_owned();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no line with {wanted:?} among {lines:#?}");
            let waited = self.lines.more.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All that it has written, and how often it says this.
    pub fn count(&self, wanted: &str) -> usize {
        self.lines.lock().iter().filter(|line| line.contains(wanted)).count()
    }

    /// All that it has written.
    pub fn said(&self) -> String {
        self.lines.lock().join("\n")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal, like `TERM`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Kills it as the kernel would, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it is ours to wait for");
    }

    /// Waits until it has ended by itself.
    pub async fn exit(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours to wait for") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end; it said {}", self.said());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        show_if_failed(&format!("the node at {}", self.url), || {
            let lines = self.lines.lock();
            lines[lines.len().saturating_sub(SHOWN)..].join("\n")
        });
    }
}
