//! Redis of a test's own, as the whole-program tests have it. Test only.

#[path = "../../tests/support/cluster.rs"]
pub(crate) mod cluster;
#[path = "../../tests/support/process.rs"]
pub(crate) mod process;
#[path = "../../tests/support/redis.rs"]
pub(crate) mod redis;
#[path = "../../tests/support/sentinel.rs"]
pub(crate) mod sentinel;
#[path = "../../tests/support/tls.rs"]
pub(crate) mod tls;

use super::check::{Role, acl};
use super::{Link, Target};
use crate::keyspace::Keyspace;
use cluster::Cluster;
use redis::Redis;
use sentinel::Sentinel;
use tokio::sync::OnceCell;

/// A link.
pub(crate) async fn link(url: &str) -> Link {
    Link::open(&Target::parse(url).expect("a URL")).await.expect("it is there")
}

/// The URL of a user who may do what the checks at start ask for and nothing else, on servers where everything is permitted.
pub(crate) fn least(servers: &[Redis], url: &str, keys: &Keyspace, role: Role) -> String {
    let name = format!("{}-{role:?}", keys.prefix());
    let rules = acl(&Target::parse(url).expect("a URL"), keys, role);
    let rules: Vec<&str> = rules.split(' ').collect();
    for redis in servers {
        redis.cli(&[&["ACL", "SETUSER", &name, "reset", "on", ">pass"], &rules[..]].concat());
        // Also after a restart.
        redis.cli(&["CONFIG", "REWRITE"]);
    }
    url.replace("://", &format!("://{name}:pass@"))
}

/// One server for all tests of this process that can share it: each has names of its own.
pub(crate) async fn shared() -> &'static Redis {
    static REDIS: OnceCell<Redis> = OnceCell::const_new();
    REDIS.get_or_init(Redis::start).await
}

/// The same as a Cluster.
pub(crate) async fn shared_cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(Cluster::start).await
}

/// The same with Sentinels.
pub(crate) async fn shared_sentinel() -> &'static Sentinel {
    static SENTINEL: OnceCell<Sentinel> = OnceCell::const_new();
    SENTINEL.get_or_init(Sentinel::start).await
}
