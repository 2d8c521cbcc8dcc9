//! A program of somebody else's, in a process of a test's own: its output in a file, killed when dropped, and also when the test's process ends in
//! any other way.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long anything that a process does may take.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Ports that are tried before giving up: another process may take one between our look and the program's.
pub const PORT_TRIES: usize = 20;
/// Lines of its output that a failed test shows.
pub const SHOWN: usize = 40;

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    guard: Child,
    name: &'static str,
    log: PathBuf,
}

impl Process {
    /// Starts a program in a directory, where its output goes too. The program's name is that of its package in Debian.
    ///
    /// # Panics
    /// When the program is not installed: the message says what to do.
    pub fn start(name: &'static str, args: &[&str], directory: &Path) -> Self {
        let line: Vec<_> = [name].iter().chain(args).map(|word| (*word).to_owned()).collect();
        Self::start_as(name, &line, directory)
    }

    /// The same by a whole command line.
    pub fn start_as(name: &'static str, line: &[String], directory: &Path) -> Self {
        let log = directory.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log).expect("the log can be written");
        let child = Command::new(&line[0])
            .args(&line[1..])
            .current_dir(directory)
            // System programs are not on everybody's path.
            .env("PATH", format!("{}:/usr/sbin:/usr/local/sbin", std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("the log can be written"))
            .stderr(output)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{}", missing(name, &error)));
        Self { guard: guard(child.id()), child, name, log }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal, like `STOP`.
    pub fn signal(&self, name: &str) {
        signal(self.pid(), name);
    }

    /// Kills it as the kernel would, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both may have ended already. The guard goes first: afterwards the id may be another's.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The end of what it has written.
    pub fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        show_if_failed(self.name, || self.said());
    }
}

/// Kills a process when ours is gone, however it went: then the guard's input ends. What is never dropped, as a server that all tests share, needs it.
fn guard(pid: u32) -> Child {
    let line = format!("read _; kill -9 {pid}");
    let guard = Command::new("sh").args(["-c", &line]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn();
    guard.expect("sh is there")
}

/// A test that fails shows what the programs around it said.
#[expect(clippy::print_stderr, reason = "it is for whoever looks for the reason of a failure")]
pub fn show_if_failed(name: &str, said: impl FnOnce() -> String) {
    if std::thread::panicking() {
        eprintln!("--- {name} said:\n{}", said());
    }
}

/// What to do about a program that cannot be started.
pub fn missing(name: &str, error: &std::io::Error) -> String {
    format!("{name} cannot be started ({error}): install it (Debian: apt-get install {name}) and try again")
}

/// Sends a signal to any process of ours.
pub fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
    assert!(status.expect("kill can be run").success(), "SIG{name} was not sent");
}

/// A port that nobody listens on, another one each time: what it is asked for may begin to listen later. Below those that the system gives to
/// outgoing connections: a client that tries such a port while nobody listens may connect to itself and take it away.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok() && given.insert(*port);
    let port = std::iter::repeat_with(|| rand::random_range(10_000..32_000_u16)).find(is_free);
    port.expect("an endless search ends by finding")
}

/// Waits until something holds; `what` names what did not come.
pub async fn until(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what} did not come within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until something holds, as long as a process may take.
pub async fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    until(what, PATIENCE, async || holds()).await;
}
