//! A Redis Cluster of a test's own: three masters, each with a third of the slots, and, if a test wants it, a replica.

use super::process::soon;
use super::redis::{Conf, Redis};

/// Slots of a Cluster.
const SLOTS: u16 = 16_384;
/// Masters: fewer cannot agree that one is down.
const MASTERS: u16 = 3;

/// A running Cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its masters, in the order of their slots.
    pub masters: Vec<Redis>,
    /// Copies of masters.
    pub replicas: Vec<Redis>,
}

impl Cluster {
    /// Starts one and waits until all masters agree that it is whole.
    pub async fn start() -> Self {
        let mut masters = Vec::new();
        for n in 0..MASTERS {
            let redis = node().await;
            let (first, end) = (n * (SLOTS / MASTERS), (n + 1) * (SLOTS / MASTERS));
            let last = if n + 1 == MASTERS { SLOTS - 1 } else { end - 1 };
            redis.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]);
            redis.cli(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()]);
            masters.push(redis);
        }
        let cluster = Self { masters, replicas: Vec::new() };
        for other in &cluster.masters[1..] {
            meet(&cluster.masters[0], other);
        }
        cluster.whole().await;
        cluster
    }

    /// Starts one whose first master has a replica.
    pub async fn with_replica() -> Self {
        let mut cluster = Self::start().await;
        let (replica, first) = (node().await, &cluster.masters[0]);
        meet(first, &replica);
        let id = first.cli(&["CLUSTER", "MYID"]);
        soon("a replica that is taken", || replica.try_cli(&["CLUSTER", "REPLICATE", &id]).is_ok()).await;
        replica.synced().await;
        cluster.replicas.push(replica);
        let known = format!("cluster_known_nodes:{}\r\n", MASTERS + 1);
        let all = || cluster.masters.iter().chain(&cluster.replicas);
        soon("masters that know the replica", || all().all(|redis| redis.cli(&["CLUSTER", "INFO"]).contains(&known)))
            .await;
        cluster.whole().await;
        cluster
    }

    /// Waits until all masters agree that all slots are served.
    pub async fn whole(&self) {
        let is_whole = |redis: &Redis| {
            let info = redis.try_cli(&["CLUSTER", "INFO"]).unwrap_or_default();
            let masters = format!("cluster_size:{MASTERS}\r\n");
            info.contains("cluster_state:ok") && info.contains(&masters)
        };
        soon("a whole Cluster", || self.masters.iter().all(is_whole)).await;
    }

    /// Where nodes find it.
    pub fn url(&self) -> String {
        let addresses: Vec<_> = self.masters.iter().map(Redis::address).collect();
        format!("redis+cluster://{}", addresses.join(","))
    }

    /// All keys that match, of all masters.
    pub fn keys(&self, pattern: &str) -> Vec<String> {
        self.masters.iter().flat_map(|redis| redis.keys(pattern)).collect()
    }
}

async fn node() -> Redis {
    Redis::with(Conf::default().in_cluster()).await
}

fn meet(one: &Redis, other: &Redis) {
    let (port, bus) = (other.port().to_string(), other.cli(&["CONFIG", "GET", "cluster-port"]));
    one.cli(&["CLUSTER", "MEET", "127.0.0.1", &port, bus.lines().last().unwrap_or_default()]);
}
