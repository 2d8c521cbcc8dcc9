//! Many connections on which nothing happens, and the memory that they take.

use super::crowd::{Crowd, Ground};
use super::figures::{Outcome, Used, real};
use super::meter::Meter;
use super::steady;
use crate::scenario::{Idle, Rooms};
use crate::target::probe::Probe;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Brings the clients in and leaves them alone.
///
/// # Errors
/// A sentence, when the clients could not get in or a process could not be looked at.
pub async fn run(rooms: Rooms, idle: Idle, ground: &Ground, probe: &mut Probe) -> Result<Outcome, String> {
    let meter = Rc::new(Meter::new(Instant::now()));
    probe.begin()?;
    probe.look(Duration::ZERO)?;
    let before = resident(&probe.end()?);
    let crowd = Crowd::gather(rooms, ground, &meter).await?;
    probe.begin()?;
    let to = Instant::now() + Duration::from_secs_f64(idle.seconds);
    let seconds = steady::watch(&meter, to, probe).await?;
    let clients = real(crowd.peers.len() as u64);
    let mut outcome = Outcome { seconds, used: probe.end()?, generator: probe.generator(), ..Outcome::default() };
    let after = resident(&outcome.used);
    let cpu: f64 = outcome.used.iter().filter(|used| used.counts).map(|used| used.cpu).sum();
    outcome.more.insert("connections".to_owned(), clients);
    outcome.more.insert("KiB/connection".to_owned(), (real(after) - real(before)) / clients);
    outcome.more.insert("CPU %".to_owned(), cpu / seconds / 1e4);
    outcome.verdict = crowd.judge().await;
    crowd.leave();
    Ok(outcome)
}

/// Resident memory of all that counts at the last look, in KiB.
fn resident(used: &[Used]) -> u64 {
    used.iter().filter(|used| used.counts).filter_map(|used| used.samples.last()).map(|sample| sample.rss).sum()
}
