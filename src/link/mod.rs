//! The way to Redis: connections that come back.
//!
//! Owns the URL of Redis, one multiplexed connection for commands ([`Link`]), one for subscriptions ([`subscriber::Subscriber`]), one of each
//! per shard in a Cluster, and the checks at start ([`check`]). Knows no project and no script: `hot`, `fanout` and `presence` bring them.
//!
//! - Every connection speaks RESP3: maps come as maps and doubles as doubles, which `redis::FromRedisValue` reads as it reads RESP2.
//! - An answer has [`RESPONSE`] to come. A command that was not answered **may still run**: only idempotent calls may be repeated.
//! - A connection that breaks, whose server turns out to be a replica, or that left two answers in a row out, is replaced in the background:
//!   at once, then after 50 ms, doubling to 1 s, less up to a half by chance. Until then calls fail at once; nothing queues.
//! - With Sentinel the sentinels are asked at each new connection, and what they name must say itself that it is a master.
//! - In a Cluster a call goes to the shard of its first key, whatever it is; the client library follows MOVED and mends the shards'
//!   connections. It may send a command twice within the second: every script is idempotent by design.

pub mod check;
mod dial;
pub mod error;
mod keeper;
pub mod memory;
mod script;
mod shards;
pub mod subscriber;
#[cfg(test)]
#[allow(dead_code, unreachable_pub, reason = "the whole-program tests have the same")]
pub(crate) mod testing;
mod url;
mod wire;

pub use dial::RESPONSE;
pub use error::{LinkError, Refusal};
pub use script::Invocation;
pub use url::{Target, UrlError};

use crate::metrics;
use keeper::Kept;
use redis::{Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult, ServerErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use wire::Wire;

/// Time for the first connection.
pub const OPEN: Duration = Duration::from_secs(5);

/// The way to one Redis, Sentinel group or Cluster. Cheap to clone; all clones share the connections, which close when the last is gone.
#[derive(Clone)]
pub struct Link {
    kept: Arc<Kept>,
    live: watch::Receiver<Option<Wire>>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("target", &self.kept.target).field("lives", &self.lives()).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects, once, within [`OPEN`].
    ///
    /// # Errors
    /// [`LinkError`]: nobody answers, we are not let in, or what answers is no master.
    pub async fn open(target: &Target) -> Result<Self, LinkError> {
        let kept = Arc::new(Kept { target: target.clone(), lives: AtomicU64::new(1) });
        let late = || LinkError::Unavailable(format!("{target} does not answer within {} s", OPEN.as_secs()));
        let opened = tokio::time::timeout(OPEN, keeper::open(&kept)).await;
        let wire = opened.unwrap_or_else(|_| Err(late())).map_err(LinkError::count)?;
        let (sender, live) = watch::channel(Some(wire.clone()));
        tokio::spawn(keeper::keep(kept.clone(), wire, sender));
        Ok(Self { kept, live })
    }

    /// Where it leads to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.kept.target
    }

    /// A number that rises with each new connection, in a Cluster of any shard: what came before may be lost, and another server may answer.
    #[must_use]
    pub fn lives(&self) -> u64 {
        self.kept.lives.load(Ordering::Relaxed)
    }

    /// Whether there is a connection. A Cluster counts as up while any of it is.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.live.borrow().is_some()
    }

    /// Completes when [`Self::is_up`] is `up`.
    pub async fn until_up(&self, up: bool) {
        // Fails only when the keeper is gone, which outlives us.
        let _ = self.live.clone().wait_for(|wire| wire.is_some() == up).await;
    }

    fn wire(&self) -> Result<Wire, LinkError> {
        let wire = self.live.borrow().clone();
        wire.ok_or_else(|| LinkError::Unavailable(format!("no connection to {} at present", self.kept.target)).count())
    }

    fn sorted<T>(&self, started: Instant, result: RedisResult<T>) -> Result<T, LinkError> {
        metrics::redis::answered(started.elapsed());
        result.map_err(|e| LinkError::counted(&e, &self.kept.target))
    }

    /// Sends a command.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn query<T: FromRedisValue>(&self, cmd: &Cmd) -> Result<T, LinkError> {
        let (mut wire, started) = (self.wire()?, Instant::now());
        self.sorted(started, cmd.query_async(&mut wire).await)
    }

    /// Sends several commands at once. In a Cluster all their keys must lie in one slot.
    ///
    /// # Errors
    /// [`LinkError`] of the first command that failed; the others have run, unless the pipeline is atomic and was refused as a whole.
    pub async fn pipeline<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, LinkError> {
        let (mut wire, started) = (self.wire()?, Instant::now());
        self.sorted(started, pipeline.query_async(&mut wire).await)
    }

    /// Calls a script by its digest; loads it first where it is missing, which is after a restart, a failover or a SCRIPT FLUSH. Each of
    /// these commands has [`RESPONSE`] to answer.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn script<T: FromRedisValue>(&self, call: &Invocation<'_>) -> Result<T, LinkError> {
        let (mut wire, started) = (self.wire()?, Instant::now());
        let mut result = call.cmd.query_async(&mut wire).await;
        let is_missing = |error: &RedisError| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript);
        if result.as_ref().is_err_and(is_missing) {
            result = match call.script.prepare_invoke().load_async(&mut wire).await {
                Ok(_) => call.cmd.query_async(&mut wire).await,
                Err(error) => Err(error),
            };
        }
        self.sorted(started, result)
    }
}
