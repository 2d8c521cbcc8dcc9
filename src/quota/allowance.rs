//! What one session may ask for.

use super::{BURST, Pool, Rates};
use crate::bucket::Bucket;
use crate::metrics::limits::Limit;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// More was asked for than may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// Which limit.
    pub limit: Limit,
    /// When it may be asked for again.
    pub retry: Duration,
}

/// What one session may ask for.
#[derive(Debug)]
pub struct Allowance {
    frames: Bucket,
    ops: Bucket,
    presence: Bucket,
    broadcasts: Bucket,
    user: Option<Arc<Pool>>,
    project: Arc<Pool>,
}

impl Allowance {
    pub(super) fn new(rates: &Rates, user: Option<Arc<Pool>>, project: Arc<Pool>, now: Instant) -> Self {
        let bucket = |per_second| Bucket::new(per_second, BURST, now);
        Self {
            frames: bucket(rates.frames()),
            ops: bucket(rates.session_ops),
            presence: bucket(rates.presence),
            broadcasts: bucket(rates.broadcasts),
            user,
            project,
        }
    }

    /// A message, whatever it says: it is taken in any case.
    ///
    /// # Errors
    /// [`Limited`]: the next ones should wait.
    pub fn frame(&mut self, now: Instant) -> Result<(), Limited> {
        let wait = self.frames.wait(now, 1);
        self.frames.take(now, 1);
        if wait.is_zero() { Ok(()) } else { Err(Limited { limit: Limit::Frames, retry: wait }) }
    }

    /// A batch of so many ops: taken from all of the three, or from none.
    ///
    /// # Errors
    /// [`Limited`], of the limit that lasts longest.
    pub fn ops(&mut self, now: Instant, count: u32) -> Result<(), Limited> {
        let waits = [
            (Limit::SessionOps, self.ops.wait(now, count)),
            (Limit::UserOps, self.user.as_ref().map_or(Duration::ZERO, |user| user.wait(now, count))),
            (Limit::ProjectOps, self.project.wait(now, count)),
        ];
        let longest = waits.into_iter().max_by_key(|(_, wait)| *wait).filter(|(_, wait)| !wait.is_zero());
        if let Some((limit, retry)) = longest {
            return Err(Limited { limit, retry });
        }
        self.ops.take(now, count);
        self.user.iter().for_each(|user| user.take(now, count));
        self.project.take(now, count);
        Ok(())
    }

    /// A presence update.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn presence(&mut self, now: Instant) -> Result<(), Limited> {
        self.presence.try_take(now, 1).map_err(|retry| Limited { limit: Limit::Presence, retry })
    }

    /// A broadcast.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn broadcast(&mut self, now: Instant) -> Result<(), Limited> {
        self.broadcasts.try_take(now, 1).map_err(|retry| Limited { limit: Limit::Broadcasts, retry })
    }
}
