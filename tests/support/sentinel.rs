//! A master, a replica and the Sentinels that watch them.

use super::process::{PORT_TRIES, Process, free_port, soon};
use super::redis::{Conf, Redis, ask, connect, text};

/// What the Sentinels call the master.
const NAME: &str = "canvas";
/// Silence of the master after which each Sentinel takes it for gone, in milliseconds. One is enough to notice, both must agree on who acts;
/// noticing at the same time each would vote for itself, and the next try would come after ten seconds.
const DOWN_AFTER: [u32; 2] = [1_000, 3_000];

/// A running set.
#[derive(Debug)]
pub struct Sentinel {
    sentinels: Vec<Watcher>,
    /// The first master and the first replica.
    pub servers: [Redis; 2],
}

/// One Sentinel.
#[derive(Debug)]
pub struct Watcher {
    process: Process,
    /// Its port.
    pub port: u16,
    _directory: tempfile::TempDir,
}

impl Watcher {
    /// Starts one of this id, with these lines of configuration besides.
    pub async fn start(id: &str, known: &str) -> Self {
        for _ in 0..PORT_TRIES {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let port = free_port();
            let conf = format!("port {port}\nbind 127.0.0.1\nsentinel myid {id}\n{known}");
            std::fs::write(directory.path().join("sentinel.conf"), conf).expect("it can be written");
            let process = Process::start("redis-server", &["sentinel.conf", "--sentinel"], directory.path());
            let mut watcher = Self { process, port, _directory: directory };
            let mut there = true;
            soon("an answer of a Sentinel", || {
                there = watcher.process.runs();
                // Also when it has a password.
                !there || watcher.cli(&["PING"]).map_or_else(|error| error.contains("NOAUTH"), |_| true)
            })
            .await;
            if there {
                return watcher;
            }
            let said = watcher.process.said();
            assert!(said.contains("already in use"), "Sentinel does not start:\n{said}");
        }
        panic!("no port is free for Sentinel")
    }

    fn cli(&self, command: &[&str]) -> Result<String, String> {
        let mut connection = connect(&format!("redis://127.0.0.1:{}", self.port))?;
        ask(&mut connection, command).map(|value| text(&value))
    }

    /// The port of the server that it takes for the master.
    fn master(&self) -> Option<u16> {
        let answer = self.cli(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).ok()?;
        answer.lines().last()?.parse().ok()
    }
}

impl Sentinel {
    /// Starts all and waits until a failover would work.
    pub async fn start() -> Self {
        let master = Redis::start().await;
        let replica = Redis::with(Conf::default().replica_of(&master)).await;
        replica.synced().await;
        let mut known = format!(
            "sentinel monitor {NAME} 127.0.0.1 {} 1\nsentinel failover-timeout {NAME} 5000\nsentinel known-replica {NAME} 127.0.0.1 {}\n",
            master.port(),
            replica.port()
        );
        let mut sentinels = Vec::new();
        for (n, after) in DOWN_AFTER.iter().enumerate() {
            // Told of each other, they need not wait until they meet at the master.
            let id = format!("{:040x}", n + 1);
            let down = format!("{known}sentinel down-after-milliseconds {NAME} {after}\n");
            let watcher = Watcher::start(&id, &down).await;
            known += &format!("sentinel known-sentinel {NAME} 127.0.0.1 {} {id}\n", watcher.port);
            sentinels.push(watcher);
        }
        let all = Self { sentinels, servers: [master, replica] };
        soon("Sentinels that agree", || {
            all.sentinels.iter().all(|watcher| {
                watcher.cli(&["SENTINEL", "CKQUORUM", NAME]).is_ok_and(|answer| answer.starts_with("OK"))
                    && watcher
                        .cli(&["SENTINEL", "REPLICAS", NAME])
                        .is_ok_and(|answer| answer.contains("master-link-status\nok"))
            })
        })
        .await;
        all
    }

    /// Where nodes find the master's name.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.sentinels.iter().map(|watcher| format!("127.0.0.1:{}", watcher.port)).collect();
        format!("redis+sentinel://{}/{NAME}", addresses.join(","))
    }

    /// The master, as the Sentinels know it.
    pub fn master(&self) -> &Redis {
        let port = self.sentinels[0].master();
        let master = self.servers.iter().find(|redis| Some(redis.port()) == port);
        master.expect("the Sentinels know one of ours")
    }

    /// Has the Sentinels make the replica the master, while the old one is alive.
    pub async fn failover(&self) {
        let old = self.master().port();
        let asked = self.sentinels[0].cli(&["SENTINEL", "FAILOVER", NAME]);
        asked.expect("the Sentinels can do it");
        self.taken_over(old).await;
    }

    /// Kills the master, and waits until the replica has taken its place.
    pub async fn kill_master(&mut self) {
        let old = self.master().port();
        let master = self.servers.iter_mut().find(|redis| redis.port() == old);
        master.expect("it is one of ours").kill();
        self.taken_over(old).await;
    }

    /// Waits until another one takes writes and all Sentinels name it.
    async fn taken_over(&self, old: u16) {
        soon("another master", || {
            let others = self.sentinels.iter().map(|watcher| watcher.master().filter(|port| *port != old));
            let other = self.servers.iter().find(|redis| redis.port() != old);
            others.into_iter().all(|other| other.is_some()) && other.is_some_and(Redis::is_master)
        })
        .await;
    }
}
