//! A Redis process of a test's own: killed when dropped.

use collabcanvas::link::{Link, Target};
use std::collections::BTreeSet;
use std::fs::File;
use std::future::Future;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A port that nobody uses and no other test was given, whose Cluster bus port (10,000 higher) is free too. Both lie below those of
/// outgoing connections.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut given = GIVEN.lock().expect("nobody panics here");
    let ports = std::iter::repeat_with(|| rand::random_range(10_000..20_000_u16));
    let mut good = ports.filter(|port| is_free(*port) && is_free(*port + 10_000) && !given.contains(port));
    let port = good.next().expect("an endless search ends by finding");
    given.insert(port);
    port
}

/// A running `redis-server`.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    arguments: Vec<String>,
    directory: TempDir,
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Redis {
    /// Starts one without disk, with these arguments besides. Another program may be quicker to take the port: then at another one.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let started = Self::try_start(port, &[&["--port", &port.to_string()], arguments].concat()).await;
            if let Some(redis) = started {
                return redis;
            }
        }
        panic!("redis-server does not start with {arguments:?}");
    }

    /// Starts one that these arguments make listen at this port.
    pub(crate) async fn start_at(port: u16, arguments: &[&str]) -> Self {
        Self::try_start(port, arguments).await.expect("redis-server starts")
    }

    async fn try_start(port: u16, arguments: &[&str]) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let child = spawn(&arguments, directory.path());
        let mut redis = Self { child, port, arguments, directory };
        redis.is_ready().await.then_some(redis)
    }

    /// Waits until it listens, itself: it says so after it has bound its port. False when it has ended.
    async fn is_ready(&mut self) -> bool {
        let (started, log) = (Instant::now(), self.directory.path().join("log"));
        while started.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            if std::fs::read_to_string(&log).is_ok_and(|text| text.contains("Running mode=")) {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again at the same port.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.child = spawn(&self.arguments, self.directory.path());
        assert!(self.is_ready().await, "redis-server starts again");
    }

    /// Sends a signal, such as STOP.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill runs");
        assert!(done.success());
    }

    /// What `redis-cli` answers.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        cli(&[&["-p", &port], words].concat())
    }

    /// Its URL.
    pub(crate) fn target(&self) -> Target {
        target(&format!("redis://127.0.0.1:{}", self.port))
    }

    /// A link to it.
    pub(crate) async fn link(&self) -> Link {
        Link::open(&self.target()).await.expect("it is there")
    }
}

fn spawn(arguments: &[String], directory: &Path) -> Child {
    Command::new("redis-server")
        .args(arguments)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--dir"])
        .arg(directory)
        .stdout(File::create(directory.join("log")).expect("a file"))
        .spawn()
        .expect("redis-server is installed")
}

/// Runs `redis-cli`.
pub(crate) fn cli(words: &[&str]) -> String {
    let output = Command::new("redis-cli").args(words).output().expect("redis-cli is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A URL.
pub(crate) fn target(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
}

/// The local ports of the connections to a port, which are those of its clients: also while its process is stopped.
pub(crate) fn connections_to(port: u16) -> BTreeSet<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let established = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.len() > 3 && fields[2].ends_with(&format!(":{port:04X}")) && fields[3] == "01"
    };
    table.lines().filter(established).filter_map(|line| Some(line.split_whitespace().nth(1)?.to_owned())).collect()
}

/// A CA and a certificate for 127.0.0.1, as files `ca.pem`, `server.pem` and `server.key`.
pub(crate) fn certificates(directory: &Path) {
    let openssl = |words: &[&str]| {
        let output = Command::new("openssl").args(words).current_dir(directory).output().expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let ca = ["-subj", "/CN=test ca", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(&[&new[..], &ca].concat());
    let server = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-CA", "ca.pem"];
    let files = [
        "-CAkey",
        "ca.key",
        "-keyout",
        "server.key",
        "-out",
        "server.pem",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ];
    openssl(&[&new[..], &server, &files].concat());
}
