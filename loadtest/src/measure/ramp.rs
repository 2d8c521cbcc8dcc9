//! A load that grows until a step fails: the most that passes.
//!
//! A step passes if the deliveries of what was due in its last two thirds are as fast as they should be, everything has arrived soon after, and no
//! client got a snapshot instead of what it missed. While none passes, the rate falls. The first step that fails is looked into: between it and the last
//! one that passed a few further rates are tried. The best is tried once more in the end: if it fails then, the one below it counts.

use super::crowd::{Crowd, Ground};
use super::figures::{Outcome, real};
use super::meter::Meter;
use super::steady::{self, Acts, SKIPPED, Stretch, Work};
use crate::scenario::{Ramp, Rooms};
use crate::target::probe::Probe;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What has not arrived so long after a step is a backlog.
const SOON: Duration = Duration::from_secs(1);
/// How long a backlog may take until the next step.
const REST: Duration = Duration::from_secs(30);
/// Most steps: 1.5 to the 40th is ten millions.
const STEPS: u32 = 40;
/// The lowest rate that is tried is the first one divided by this.
const DOWN: f64 = 64.0;
/// The name of the rate in the outcome.
const RATE: &str = "ops/s of a sender";

/// Which rate to try next. Pure.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    factor: f64,
    least: f64,
    next: Option<f64>,
    /// The rates that passed, rising.
    passed: Vec<f64>,
    /// The lowest that failed.
    failed: Option<f64>,
    left: u32,
    /// It is the best that is tried once more.
    confirming: bool,
}

impl Search {
    /// Begins at the ramp's first rate.
    #[must_use]
    pub fn new(ramp: &Ramp) -> Self {
        Self {
            factor: ramp.factor,
            least: ramp.rate / DOWN,
            next: Some(ramp.rate),
            passed: Vec::new(),
            failed: None,
            left: ramp.refine,
            confirming: false,
        }
    }

    /// The rate to try, in messages per second and sender; `None` when enough is known.
    #[must_use]
    pub fn next(&self) -> Option<f64> {
        self.next
    }

    /// The fastest rate that counts as passed.
    #[must_use]
    pub fn best(&self) -> Option<f64> {
        self.passed.last().copied()
    }

    /// What came of it.
    pub fn tried(&mut self, passes: bool) {
        let Some(rate) = self.next.take() else { return };
        match (passes, self.confirming) {
            (true, true) => return,
            (true, false) => self.passed.push(rate),
            (false, _) => {
                self.passed.retain(|passed| *passed < rate);
                self.failed = Some(rate);
            }
        }
        self.next = match (self.best(), self.failed) {
            _ if self.confirming => None,
            (Some(passed), None) => Some(passed * self.factor),
            (Some(passed), Some(failed)) if self.left > 0 => {
                self.left -= 1;
                Some((passed * failed).sqrt())
            }
            (Some(passed), Some(_)) => {
                self.confirming = true;
                Some(passed)
            }
            (None, _) => Some(rate / self.factor).filter(|rate| *rate >= self.least),
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
    let work = Rc::new(Work::new(crowd.clone(), Acts::Moves, &meter));
    let mut search = Search::new(&ramp);
    let mut passed: Vec<(f64, Outcome)> = Vec::new();
    let mut failed = Outcome::default();
    for _ in 0..STEPS {
        let Some(rate) = search.next() else { break };
        let (outcome, passes) = step(rate, &ramp, &work, &crowd, &meter, probe).await?;
        search.tried(passes);
        if passes {
            passed.push((rate, outcome));
            continue;
        }
        failed.more.insert("failed at ops/s of a sender".to_owned(), rate);
        failed.more.insert("there generator %".to_owned(), outcome.generator);
        failed.more.insert("there p99 ms".to_owned(), outcome.delivery.p99);
        failed.more.insert(format!("there {SKIPPED}"), outcome.more.get(SKIPPED).copied().unwrap_or(0.0));
        if !crowd.settle(REST).await {
            break;
        }
    }
    // Of a rate that was tried twice, the second time counts.
    let best = search.best().and_then(|best| passed.into_iter().rfind(|(rate, _)| *rate == best));
    let mut outcome = best.map_or_else(Outcome::default, |(rate, mut outcome)| {
        outcome.more = std::iter::once((RATE.to_owned(), rate)).collect();
        outcome
    });
    outcome.more.append(&mut failed.more);
    outcome.verdict = crowd.judge().await;
    crowd.leave();
    Ok(outcome)
}

/// One step: what was found, and whether it passes.
async fn step(
    rate: f64,
    ramp: &Ramp,
    work: &Rc<Work>,
    crowd: &Crowd,
    meter: &Meter,
    probe: &mut Probe,
) -> Result<(Outcome, bool), String> {
    let seconds = Duration::from_secs_f64(ramp.seconds);
    let before = crowd.skipped();
    let stretch = Stretch::soon(seconds / 3, seconds * 2 / 3);
    let (mut outcome, late) = steady::measure(work, rate, stretch, probe).await?;
    let through = late < SOON && crowd.settle(SOON).await;
    let skipped = crowd.skipped() - before;
    steady::fill_in(&mut outcome, meter);
    outcome.more.insert(SKIPPED.to_owned(), real(skipped));
    let fast = outcome.delivery.count > 0 && outcome.delivery.p99 <= ramp.p99_ms;
    Ok((outcome, through && skipped == 0 && fast))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rates that are tried, rounded, when those pass of which `passes` says so; and the best.
    fn search(ramp: &Ramp, mut passes: impl FnMut(f64) -> bool) -> (Vec<f64>, Option<f64>) {
        let mut search = Search::new(ramp);
        let mut tried = Vec::new();
        while let Some(rate) = search.next() {
            tried.push((rate * 10.0).round() / 10.0);
            search.tried(passes(rate));
        }
        (tried, search.best().map(f64::round))
    }

    fn ramp(rate: f64, refine: u32) -> Ramp {
        Ramp { rate, factor: 2.0, refine, seconds: 1.0, p99_ms: 100.0 }
    }

    #[test]
    fn the_limit_is_found_between_the_last_that_passed_and_the_first_that_failed_and_tried_again() {
        let (tried, best) = search(&ramp(100.0, 3), |rate| rate <= 600.0);
        assert_eq!(tried, [100.0, 200.0, 400.0, 800.0, 565.7, 672.7, 616.9, 565.7]);
        assert_eq!(best, Some(566.0));
    }

    #[test]
    fn what_passes_only_once_does_not_count() {
        let mut times = 0;
        let (tried, best) = search(&ramp(100.0, 0), |rate| {
            times += u32::from(rate == 400.0);
            rate < 400.0 || rate == 400.0 && times < 2
        });
        assert_eq!((tried, best), (vec![100.0, 200.0, 400.0, 800.0, 400.0], Some(200.0)));
    }

    #[test]
    fn who_fails_at_once_is_asked_for_less() {
        let (tried, best) = search(&ramp(64.0, 1), |rate| rate < 20.0);
        assert_eq!((tried, best), (vec![64.0, 32.0, 16.0, 22.6, 16.0], Some(16.0)));
        let (tried, best) = search(&ramp(64.0, 1), |_| false);
        assert_eq!((tried, best), (vec![64.0, 32.0, 16.0, 8.0, 4.0, 2.0, 1.0], None));
    }
}
