//! Clients that come, and go when they have everything.

use super::crowd::{Crowd, PATIENCE};
use super::meter::Meter;
use super::peer::Peer;
use super::place::{Dialect, Place};
use super::state::Held;
use crate::machine::Alarm;
use crate::stats::Times;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// From one visitor to the next, while a load runs.
const EVERY: Duration = Duration::from_millis(500);

/// A client that has come, and how long that took.
#[derive(Debug)]
pub struct Joined {
    /// It.
    pub peer: Rc<Peer>,
    /// From when it was due until it had everything.
    pub took: Duration,
}

/// Lets a client come that was due then: a newcomer, or one that holds the project already.
///
/// # Errors
/// A sentence, when it could not get in.
pub async fn join(
    place: Place,
    dialect: Dialect,
    held: Option<&Held>,
    meter: &Rc<Meter>,
    due: Instant,
) -> Result<Joined, String> {
    let peer = match held {
        Some(held) => Peer::return_to(place, meter, held).await,
        None => Peer::connect(place, dialect, meter, false).await,
    };
    let peer = peer.map_err(|e| format!("a client could not connect: {e}"))?;
    if !peer.until(PATIENCE, |state| state.synced).await {
        let broken = peer.state.borrow().broken.clone();
        return Err(broken.unwrap_or_else(|| format!("a join did not end within {PATIENCE:?}")));
    }
    Ok(Joined { peer, took: due.elapsed() })
}

/// Lets visitors come while a load runs, each to a room by chance, from `from` until before `to`. Returns how long each took, or why it did not get in.
/// Nothing that happens to one shifts another.
///
/// # Errors
/// When the alarm fails.
pub async fn visits(crowd: Rc<Crowd>, from: Instant, to: Instant) -> std::io::Result<Vec<Result<Duration, String>>> {
    let alarm = Alarm::new()?;
    // What comes to them is no delivery.
    let meter = Rc::new(Meter::new(from));
    let (mut visitors, mut due) = (JoinSet::new(), from);
    while due < to {
        alarm.until(due).await?;
        let place = crowd.peers[rand::random_range(0..crowd.peers.len())].place.clone();
        let (meter, dialect) = (meter.clone(), crowd.ground.dialect);
        visitors.spawn_local(async move {
            let joined = join(place, dialect, None, &meter, due).await?;
            joined.peer.leave();
            Ok(joined.took)
        });
        due += EVERY;
    }
    Ok(visitors.join_all().await)
}

/// Adds the percentiles of how long joins took, under a name.
pub fn tell(more: &mut BTreeMap<String, f64>, name: &str, took: impl Iterator<Item = Duration>) {
    let mut times = Times::default();
    took.for_each(|took| times.add(took));
    if times.is_empty() {
        return;
    }
    let [p50, p95] = times.percentiles([500, 950]).map(|time| time.as_secs_f64() * 1e3);
    more.insert(format!("{name} p50 ms"), p50);
    more.insert(format!("{name} p95 ms"), p95);
}
