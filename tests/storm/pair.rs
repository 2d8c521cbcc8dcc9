//! A Redis and its replica, each node's own way to the one that is in charge, and all that may happen to them.

use crate::plan::HotFault;
use crate::support::process::until;
use crate::support::proxy::Proxy;
use crate::support::redis::{Conf, Redis};
use std::time::Duration;

/// How long a replica may take to copy its master, which holds little.
const COPYING: Duration = Duration::from_secs(15);
/// Between two faults of one kind in one cycle.
const BETWEEN: Duration = Duration::from_millis(400);

/// The pair.
pub(crate) struct Pair {
    main: Redis,
    spare: Redis,
    /// Between the spare and the main one.
    link: Proxy,
    /// From each node to the one in charge.
    ways: Vec<Proxy>,
}

async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

impl Pair {
    /// Starts both, and so many ways.
    pub(crate) async fn start(nodes: usize) -> Self {
        // The way in which a test's own user is known at the other one.
        let conf = || Conf::default().line("masteruser control").line("masterauth control");
        let (main, spare) = (Redis::with(conf()).await, Redis::with(conf()).await);
        let link = Proxy::start(&main.address()).await;
        let mut ways = Vec::new();
        for _ in 0..nodes {
            ways.push(Proxy::start(&main.address()).await);
        }
        let mut pair = Self { main, spare, link, ways };
        pair.follow().await;
        pair
    }

    /// Where a node finds its Redis.
    pub(crate) fn url(&self, node: usize) -> String {
        self.ways[node].in_url(&self.main.url(), &self.main.address())
    }

    /// Makes the spare an empty one that copies the main one.
    async fn follow(&mut self) {
        self.link.pause(false);
        self.link.lead_to(&self.main.address());
        self.link.cut();
        self.spare.restart_empty().await;
        let port = self.link.address.rsplit(':').next().unwrap_or_default().to_owned();
        self.spare.cli(&["REPLICAOF", "127.0.0.1", &port]);
    }

    /// Waits until the spare has a copy.
    pub(crate) async fn copied(&self) {
        until("a copy of Redis", COPYING, async || {
            self.spare.info("replication").get("master_link_status").is_some_and(|status| status == "up")
        })
        .await;
    }

    /// What the spare has becomes the truth, for all nodes but this one.
    fn promote(&mut self, but: Option<usize>) {
        self.spare.cli(&["REPLICAOF", "NO", "ONE"]);
        std::mem::swap(&mut self.main, &mut self.spare);
        for (_, way) in self.ways.iter().enumerate().filter(|(node, _)| Some(*node) != but) {
            way.lead_to(&self.main.address());
            way.cut();
        }
    }

    fn all(&self, set: impl Fn(&Proxy)) {
        self.ways.iter().for_each(set);
    }

    /// Lets it happen, and ends it.
    pub(crate) async fn suffer(&mut self, fault: &HotFault) {
        match fault {
            HotFault::Flush { times } => {
                for n in 0..*times {
                    pause(if n > 0 { BETWEEN } else { Duration::ZERO }).await;
                    self.main.cli(&["FLUSHALL"]);
                }
            }
            HotFault::Replace { away } => {
                self.main.kill();
                pause(*away).await;
                self.main.restart_empty().await;
            }
            HotFault::Failover { lag } => self.fail_over(*lag, false).await,
            HotFault::Rollback { lag } => self.fail_over(*lag, true).await,
            HotFault::Split { lag, node, apart } => self.split(*lag, *node, *apart).await,
            HotFault::Pubsub { times } => {
                for n in 0..*times {
                    pause(if n > 0 { BETWEEN } else { Duration::ZERO }).await;
                    self.main.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
                }
            }
            HotFault::Refuse { away } => {
                self.all(|way| way.refuse(true));
                self.all(Proxy::cut);
                pause(*away).await;
                self.all(|way| way.refuse(false));
            }
            HotFault::Hang { away } => {
                self.all(|way| way.pause(true));
                pause(*away).await;
                self.all(|way| way.pause(false));
            }
            HotFault::Apart { node, away } => {
                self.ways[*node].refuse(true);
                self.ways[*node].cut();
                pause(*away).await;
                self.ways[*node].refuse(false);
            }
        }
        self.copied().await;
    }

    async fn fail_over(&mut self, lag: Duration, flush: bool) {
        self.link.pause(true);
        pause(lag / 2).await;
        if flush {
            self.main.cli(&["FLUSHALL"]);
        }
        pause(lag / 2).await;
        self.main.kill();
        self.promote(None);
        self.follow().await;
    }

    async fn split(&mut self, lag: Duration, node: usize, apart: Duration) {
        self.link.pause(true);
        pause(lag).await;
        self.promote(Some(node));
        pause(apart).await;
        self.spare.kill();
        self.ways[node].lead_to(&self.main.address());
        self.ways[node].cut();
        self.follow().await;
    }
}
