//! A HAProxy before the nodes of a run, on their core: who comes is sent to the node that has fewest.

use super::process::{Ending, Launch, PATIENCE, Process, on_a_free_port};
use super::tool;
use crate::machine;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The file of its settings.
const FILE: &str = "haproxy.cfg";
/// Between two looks whether it listens: it says nothing when it does.
const LOOK: Duration = Duration::from_millis(20);
/// All but the addresses, much as infra/haproxy has it. How many may come it makes out itself, by the files that it may open: each takes two.
const SETTINGS: &str = "defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
backend nodes
  balance leastconn
";

/// Starts one before nodes, each like `127.0.0.1:8080`; returns its address.
///
/// # Errors
/// A sentence: what is missing, or what it said.
pub async fn start(nodes: &[&str], directory: &Path) -> Result<(Process, String), String> {
    let program = tool::find("haproxy")?;
    let started = on_a_free_port(async |port| {
        let address = format!("127.0.0.1:{port}");
        let file = directory.join(FILE);
        std::fs::write(&file, settings(&address, nodes)).map_err(|e| format!("{}: {e}", file.display()))?;
        let mut haproxy = Process::start(Launch {
            name: "haproxy",
            program: program.clone(),
            args: ["-db", "-f", FILE].map(str::to_owned).to_vec(),
            env: Vec::new(),
            core: machine::SERVERS,
            directory,
            ending: Ending::Kill,
        })?;
        listens(&mut haproxy, &address).await?;
        Ok((haproxy, address))
    });
    started.await
}

fn settings(address: &str, nodes: &[&str]) -> String {
    let mut settings = SETTINGS.to_owned();
    for (n, node) in (1..).zip(nodes) {
        let _ = writeln!(settings, "  server node-{n} {node}");
    }
    settings + &format!("frontend clients\n  bind {address}\n  default_backend nodes\n")
}

/// Waits until it takes connections.
async fn listens(haproxy: &mut Process, address: &str) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(address).await.is_err() {
        if let Some(why) = haproxy.ended() {
            return Err(why);
        }
        if Instant::now() > end {
            return Err(format!("haproxy does not listen at {address} after {PATIENCE:?}"));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_nodes_are_in_its_settings() {
        let settings = settings("127.0.0.1:80", &["127.0.0.1:81", "127.0.0.1:82"]);
        assert!(settings.contains("leastconn\n  server node-1 127.0.0.1:81\n  server node-2 127.0.0.1:82\nfrontend"));
        assert!(settings.ends_with("  bind 127.0.0.1:80\n  default_backend nodes\n"));
    }
}
