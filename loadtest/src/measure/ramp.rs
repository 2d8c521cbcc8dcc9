//! A load that grows until a step fails: the most that passes.
//!
//! A step passes if the deliveries of what was due in it are as fast as they should be and everything has arrived soon after. The first step that
//! fails is looked into: between it and the last one that passed a few further rates are tried.

use super::crowd::{Crowd, Ground};
use super::figures::{Outcome, real};
use super::meter::Meter;
use super::steady::{self, Acts, Work};
use crate::scenario::{Ramp, Rooms};
use crate::target::probe::Probe;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// From the decision to start until the first message may be due.
const LEAD: Duration = Duration::from_millis(100);
/// What has not arrived so long after a step is a backlog.
const SOON: Duration = Duration::from_secs(1);
/// How long a backlog may take until the next step.
const REST: Duration = Duration::from_secs(30);
/// Most steps upwards: 1.5 to the 40th is ten millions.
const STEPS: u32 = 40;

/// Which rate to try next. Pure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    factor: f64,
    next: f64,
    passed: Option<f64>,
    failed: Option<f64>,
    left: u32,
}

impl Search {
    /// Begins at the ramp's first rate.
    #[must_use]
    pub fn new(ramp: &Ramp) -> Self {
        Self { factor: ramp.factor, next: ramp.rate, passed: None, failed: None, left: ramp.refine }
    }

    /// The rate to try, in messages per second and sender; `None` when enough is known.
    #[must_use]
    pub fn next(&self) -> Option<f64> {
        (self.failed.is_none() || (self.left > 0 && self.passed.is_some())).then_some(self.next)
    }

    /// What came of it.
    pub fn tried(&mut self, passes: bool) {
        if self.failed.is_some() {
            self.left -= 1;
        }
        if passes {
            self.passed = Some(self.next);
        } else {
            self.failed = Some(self.next);
        }
        self.next = match (self.passed, self.failed) {
            (Some(passed), Some(failed)) => (passed * failed).sqrt(),
            (Some(passed), None) => passed * self.factor,
            (None, _) => self.next,
        };
    }
}

/// Runs a ramp: the outcome is that of the fastest step that passed.
///
/// # Errors
/// As [`steady::run`].
pub async fn run(rooms: Rooms, ramp: Ramp, ground: &Ground, probe: &mut Probe) -> Result<Outcome, String> {
    let meter = Rc::new(Meter::new(Instant::now()));
    let crowd = Rc::new(Crowd::gather(rooms, ground, &meter).await?);
    let work = Rc::new(Work::new(crowd.clone(), Acts::Moves, ground.dialect, &meter));
    let mut search = Search::new(&ramp);
    let mut best = Outcome::default();
    for _ in 0..STEPS {
        let Some(rate) = search.next() else { break };
        let (outcome, through) = step(rate, &ramp, &work, &crowd, &meter, probe).await?;
        let passes = through && outcome.delivery.p99 <= ramp.p99_ms;
        search.tried(passes);
        if passes && rate > best.more.get(RATE).copied().unwrap_or(0.0) {
            best = Outcome { more: std::mem::take(&mut best.more), ..outcome };
            best.more.insert(RATE.to_owned(), rate);
        } else if !passes {
            best.more.insert("failed at ops/s of a sender".to_owned(), rate);
            best.more.insert("there generator %".to_owned(), outcome.generator);
            best.more.insert("there p99 ms".to_owned(), outcome.delivery.p99);
            if !crowd.settle(false, REST).await {
                break;
            }
        }
    }
    drop(work);
    let crowd = Rc::into_inner(crowd).ok_or("the crowd is still at work")?;
    best.verdict = crowd.judge(false).await;
    Ok(best)
}

/// The name of the rate in the outcome.
const RATE: &str = "ops/s of a sender";

/// One step: what was found, and whether all had arrived soon after.
async fn step(
    rate: f64,
    ramp: &Ramp,
    work: &Rc<Work>,
    crowd: &Crowd,
    meter: &Meter,
    probe: &mut Probe,
) -> Result<(Outcome, bool), String> {
    let from = Instant::now() + LEAD;
    let to = from + Duration::from_secs_f64(ramp.seconds);
    meter.count(from, to);
    let sending = tokio::task::spawn_local(work.clone().send(rate, from, to));
    tokio::time::sleep_until(from.into()).await;
    let before = (meter.sent.get(), meter.delivered.get(), crowd.received());
    probe.begin()?;
    let seconds = steady::watch(meter, to, probe).await?;
    let mut outcome = Outcome { seconds, used: probe.end()?, generator: probe.generator(), ..Outcome::default() };
    outcome.sent = meter.sent.get() - before.0;
    outcome.deliveries = meter.delivered.get() - before.1;
    outcome.received = crowd.received() - before.2;
    let others = real(crowd.rooms.clients as u64 - 1);
    outcome.share = real(outcome.deliveries) / (real(outcome.sent) * others).max(1.0);
    let late = Instant::now();
    sending.await.map_err(|e| e.to_string())?.map_err(|e| format!("the alarm: {e}"))?;
    let through = late.elapsed() < SOON && crowd.settle(false, SOON).await;
    steady::fill_in(&mut outcome, meter);
    Ok((outcome, through))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_found_between_the_last_that_passed_and_the_first_that_failed() {
        let ramp = Ramp { rate: 100.0, factor: 2.0, refine: 3, seconds: 1.0, p99_ms: 100.0 };
        let mut search = Search::new(&ramp);
        let mut tried = Vec::new();
        while let Some(rate) = search.next() {
            tried.push(rate.round());
            search.tried(rate <= 600.0);
        }
        assert_eq!(tried, [100.0, 200.0, 400.0, 800.0, 566.0, 673.0, 617.0]);
        assert_eq!(search.passed.map(f64::round), Some(566.0));
    }

    #[test]
    fn who_fails_at_once_is_not_asked_again() {
        let mut search = Search::new(&Ramp { rate: 1.0, factor: 2.0, refine: 3, seconds: 1.0, p99_ms: 1.0 });
        search.tried(false);
        assert_eq!(search.next(), None);
    }
}
