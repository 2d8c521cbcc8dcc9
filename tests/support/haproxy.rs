//! A real HAProxy before several nodes: round robin, WebSockets passed through, dead nodes taken out at once.

use super::process::{PORT_TRIES, Process, free_port, soon};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// How it deals with connections.
const DEFAULTS: &str = "defaults
  mode tcp
  balance roundrobin
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  timeout check 500ms
  retries 2
  option redispatch
";

/// A running HAProxy.
#[derive(Debug)]
pub struct HaProxy {
    process: Process,
    directory: tempfile::TempDir,
    /// Where clients connect, like `ws://127.0.0.1:1234`.
    pub url: String,
}

impl HaProxy {
    /// Starts one before these backends, each host and port, and waits until it has found all of them alive. A backend that takes nobody new loses whom
    /// it has.
    pub async fn start(backends: &[String]) -> Self {
        Self::with(backends, " on-marked-down shutdown-sessions").await
    }

    /// The same, but a backend that takes nobody new keeps whom it has: a node that stops sends its clients away itself.
    pub async fn patient(backends: &[String]) -> Self {
        Self::with(backends, "").await
    }

    async fn with(backends: &[String], down: &str) -> Self {
        for _ in 0..PORT_TRIES {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let port = free_port();
            let file = directory.path().join("haproxy.cfg");
            let socket = directory.path().join("haproxy.sock");
            std::fs::write(file, conf(port, backends, down, &socket)).expect("it can be written");
            let process = Process::start("haproxy", &["-db", "-f", "haproxy.cfg"], directory.path());
            let mut haproxy = Self { process, directory, url: format!("ws://127.0.0.1:{port}") };
            let mut there = true;
            soon("an answer of HAProxy", || {
                there = haproxy.process.runs();
                !there || haproxy.ask("show info").is_some()
            })
            .await;
            if there {
                haproxy.has_up(backends.len()).await;
                return haproxy;
            }
            let said = haproxy.process.said();
            assert!(said.contains("cannot bind"), "HAProxy does not start:\n{said}");
        }
        panic!("no port is free for HAProxy")
    }

    fn ask(&self, command: &str) -> Option<String> {
        ask(&self.directory.path().join("haproxy.sock"), command)
    }

    /// Host and port for clients.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("ws://")
    }

    /// Number of backends that it takes for alive.
    pub fn up(&self) -> usize {
        let stat = self.ask("show stat").unwrap_or_default();
        // At first it takes all for alive; only the last check says what it has seen.
        let is_up = |line: &&str| {
            let fields: Vec<_> = line.split(',').collect();
            line.starts_with("nodes,n") && fields.get(17) == Some(&"UP") && fields.get(36) == Some(&"L4OK")
        };
        stat.lines().filter(is_up).count()
    }

    /// Waits until it takes so many backends for alive.
    pub async fn has_up(&self, backends: usize) {
        soon("HAProxy's view of the nodes", || self.up() == backends).await;
    }
}

fn conf(port: u16, backends: &[String], down: &str, socket: &Path) -> String {
    let mut conf = format!(
        "global\n  stats socket {}\n{DEFAULTS}frontend clients\n  bind 127.0.0.1:{port}\n  default_backend nodes\nbackend nodes\n",
        socket.display()
    );
    for (n, address) in backends.iter().enumerate() {
        conf += &format!("  server n{n} {address} check inter 200ms fall 1 rise 1{down}\n");
    }
    conf
}

fn ask(socket: &Path, command: &str) -> Option<String> {
    let mut stream = UnixStream::connect(socket).ok()?;
    writeln!(stream, "{command}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    (!answer.is_empty()).then_some(answer)
}
