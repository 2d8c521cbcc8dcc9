//! How much sessions, users and projects may ask of a node in a second.
//!
//! Owns a bucket each, and who shares which: a session's own, that of its user and that of its project. Never refuses by itself: sessions ask,
//! and say so. Where nodes share a Redis, `shared` makes a user's and a project's share smaller by what other nodes take.

mod allowance;
pub mod shared;

pub use allowance::{Allowance, Limited};

use crate::bucket::{Bucket, Buckets};
use crate::ids::ProjectId;
use crate::metrics::limits::Limit;
use dashmap::DashMap;
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// After a pause so much at once, as a time at the steady rate: a large paste is no attack.
const BURST: Duration = Duration::from_secs(10);
/// When a user with too many sessions may try again.
const RETRY: Duration = Duration::from_secs(10);

/// How many sessions there may be, and what may happen in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Sessions of a user on this node.
    pub user_sessions: u32,
    /// Ops of a session.
    pub session_ops: u32,
    /// Ops of a user.
    pub user_ops: u32,
    /// Ops of a project.
    pub project_ops: u32,
    /// Presence updates of a session.
    pub presence: u32,
    /// Broadcasts of a session.
    pub broadcasts: u32,
}

impl Rates {
    /// Messages of a session: a batch for each op, the rest, and as much again for what is asked and answered.
    fn frames(&self) -> u32 {
        self.session_ops.saturating_mul(2).saturating_add(self.presence).saturating_add(self.broadcasts)
    }
}

/// A bucket that several sessions share, and what was taken from it since others were told.
#[derive(Debug)]
struct Common {
    bucket: Bucket,
    /// The rate that the bucket has now.
    granted: u32,
    taken: u64,
}

/// A bucket that several sessions share.
#[derive(Debug)]
pub struct Pool(Mutex<Common>);

impl Pool {
    fn new(per_second: u32) -> Self {
        Self(Mutex::new(Common {
            bucket: Bucket::new(per_second, BURST, Instant::now()),
            granted: per_second,
            taken: 0,
        }))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Common) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn wait(&self, now: Instant, count: u32) -> Duration {
        self.with(|common| common.bucket.wait(now, count))
    }

    fn take(&self, now: Instant, count: u32) {
        self.with(|common| {
            common.bucket.take(now, count);
            common.taken += u64::from(count);
        });
    }
}

/// The pools of a node. One is there as long as a session has it.
#[derive(Debug)]
pub struct Quotas {
    rates: Rates,
    /// Of those who show bots, by user.
    bots: Buckets,
    users: DashMap<SmolStr, Weak<Pool>>,
    projects: DashMap<ProjectId, Weak<Pool>>,
}

impl Quotas {
    /// Quotas of these rates.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self { rates, bots: Buckets::new(rates.presence, BURST), users: DashMap::new(), projects: DashMap::new() }
    }

    /// Somebody shows a bot, or takes one away: all bots of a user together may as often as one session's presence.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn bot(&self, user: &str) -> Result<(), Limited> {
        let taken = self.bots.try_take(user, Instant::now(), 1);
        taken.map_err(|retry| Limited { limit: Limit::Presence, retry })
    }

    /// What a session may ask for. `user` is `None` when it stands for everybody.
    ///
    /// # Errors
    /// [`Limited`]: the user has as many sessions as may be.
    pub fn allowance(&self, project: &ProjectId, user: Option<&SmolStr>) -> Result<Allowance, Limited> {
        let user = user.map(|user| pool(&self.users, user, self.rates.user_ops));
        // Each session of the user has the pool, and this one has it already.
        if user.as_ref().is_some_and(|pool| Arc::strong_count(pool) > self.rates.user_sessions as usize) {
            return Err(Limited { limit: Limit::ConnectionsPerUser, retry: RETRY });
        }
        let project = pool(&self.projects, project, self.rates.project_ops);
        Ok(Allowance::new(&self.rates, user, project, Instant::now()))
    }
}

/// The pool of this name; makes it when there is none, and forgets those that nobody has whenever there are twice as many.
fn pool<K: Clone + Eq + std::hash::Hash>(pools: &DashMap<K, Weak<Pool>>, name: &K, rate: u32) -> Arc<Pool> {
    if let Some(pool) = pools.get(name).and_then(|pool| pool.upgrade()) {
        return pool;
    }
    if pools.len().is_power_of_two() {
        pools.retain(|_, pool| pool.strong_count() > 0);
    }
    let mut entry = pools.entry(name.clone()).or_default();
    // Somebody else may have been first.
    entry.upgrade().unwrap_or_else(|| {
        let pool = Arc::new(Pool::new(rate));
        *entry = Arc::downgrade(&pool);
        pool
    })
}

#[cfg(test)]
mod tests;
