//! Several nodes on one real Redis, alone, as a Cluster and with Sentinel: they agree, lose nothing, and bear what happens to Redis.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "nodes/converge.rs"]
mod converge;
#[path = "nodes/degraded.rs"]
mod degraded;
#[path = "nodes/faults.rs"]
mod faults;
#[path = "nodes/histories.rs"]
mod histories;
#[path = "nodes/keys.rs"]
mod keys;
#[path = "nodes/presence.rs"]
mod presence;
#[path = "nodes/pubsub_kill.rs"]
mod pubsub_kill;
#[path = "nodes/saving.rs"]
mod saving;
#[path = "nodes/start.rs"]
mod start;
#[path = "nodes/traces.rs"]
mod traces;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Tests that put the nodes under load have the machine for themselves: most measure how long something takes. Those that mostly wait run
/// beside each other.
static MACHINE: RwLock<()> = RwLock::const_new(());

async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}

async fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}
