//! A `redis-server` of a test's own. Test only.

use crate::link::{Link, Target};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server on a free port. It ends when this is dropped, and also when the test's process dies in any way: then its shell's input ends.
pub(crate) struct Redis {
    shell: Option<Child>,
    port: u16,
    directory: TempDir,
    arguments: String,
    scheme: &'static str,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

impl Redis {
    pub(crate) fn start() -> Self {
        Self::with(String::new(), "redis")
    }

    /// A Cluster of one.
    pub(crate) fn cluster() -> Self {
        let redis = Self::with(format!("--cluster-enabled yes --cluster-port {}", free_port()), "redis+cluster");
        redis.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        let late = Instant::now() + Duration::from_secs(20);
        while !redis.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
            assert!(Instant::now() < late, "the Cluster does not come up");
        }
        redis
    }

    fn with(arguments: String, scheme: &'static str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut redis = Self { shell: None, port: free_port(), directory, arguments, scheme };
        redis.restart();
        redis
    }

    /// As `kill -9` does; nothing is kept.
    pub(crate) fn kill(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
    }

    /// Starts it again at the same port.
    pub(crate) fn restart(&mut self) {
        self.kill();
        let (port, arguments) = (self.port, &self.arguments);
        let line = format!(
            "redis-server --port {port} --bind 127.0.0.1 --save '' --appendonly no {arguments} >/dev/null & read _; kill -9 $!"
        );
        let shell =
            Command::new("sh").args(["-c", &line]).current_dir(self.directory.path()).stdin(Stdio::piped()).spawn();
        self.shell = Some(shell.expect("sh is there"));
        let late = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < late, "redis-server does not start: is it installed?");
            std::thread::yield_now();
        }
    }

    /// What `redis-cli` answers.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output();
        String::from_utf8_lossy(&output.expect("redis-cli is installed").stdout).trim().to_owned()
    }

    pub(crate) async fn link(&self) -> Link {
        let target = Target::parse(&format!("{}://127.0.0.1:{}", self.scheme, self.port)).expect("valid");
        Link::open(&target).await.expect("it is there")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
