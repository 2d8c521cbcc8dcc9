//! Everything that can break: Redis and its replica, the nodes, the durable store.

use crate::fleet::Fleet;
use crate::pair::Pair;
use crate::plan::{Cycle, NODES};
use crate::store::Store;
use crate::support::process::free_port;
use crate::support::server::Setup;
use std::path::Path;

/// Everything that can break.
pub(crate) struct World {
    /// Redis.
    pub(crate) pair: Pair,
    /// The nodes.
    pub(crate) fleet: Fleet,
    /// The durable store.
    pub(crate) store: Store,
}

impl World {
    /// Starts everything, with node logs and files in a directory of its own.
    pub(crate) async fn start(durable: &str, directory: &Path) -> Result<Self, String> {
        let pair = Pair::start(NODES).await;
        pair.copied().await;
        let store = Store::start(durable, directory).await;
        let setups = (0..NODES).map(|n| {
            let old = std::env::var("STORM_OLD").ok();
            let setup = Setup::new(directory).of(old).on_fixed_port().with("COLLAB_REDIS_URL", &pair.url(n));
            store.given_to(setup.with("COLLAB_ADMIN_LISTEN", &format!("127.0.0.1:{}", free_port())))
        });
        let fleet = Fleet::start(setups.collect()).await?;
        Ok(Self { pair, fleet, store })
    }

    /// Lets the faults of a cycle happen, at their times.
    pub(crate) async fn suffer(&mut self, cycle: &Cycle) -> Result<(), String> {
        let Self { pair, fleet, store } = self;
        let hot = async {
            if let Some((at, fault)) = &cycle.hot {
                tokio::time::sleep(*at).await;
                pair.suffer(fault).await;
            }
        };
        let node = async {
            if let Some((at, fault)) = &cycle.node {
                tokio::time::sleep(*at).await;
                fleet.suffer(fault).await?;
            }
            Ok::<_, String>(())
        };
        let durable = async {
            if let Some((at, fault)) = &cycle.durable {
                tokio::time::sleep(*at).await;
                store.suffer(fault).await;
            }
        };
        let ((), node, ()) = tokio::join!(hot, node, durable);
        node?;
        self.fleet.look_after().await
    }
}
