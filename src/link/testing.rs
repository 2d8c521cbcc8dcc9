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

use super::{Link, Target};
use cluster::Cluster;
use redis::Redis;
use tokio::sync::OnceCell;

/// A link.
pub(crate) async fn link(url: &str) -> Link {
    Link::open(&Target::parse(url).expect("a URL")).await.expect("it is there")
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
