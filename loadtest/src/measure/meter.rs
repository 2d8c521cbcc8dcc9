//! Counts and times what arrives.

use super::figures::{Point, Summary};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Longest time that is told apart, in microseconds: a minute.
const LONGEST: u64 = 60_000_000;
/// Points of a distribution's plot.
const QUANTILES: [f64; 15] = [0.0, 0.1, 0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1.0];

/// Durations: all of them, and those of the current second.
#[derive(Debug)]
pub struct Track {
    all: Histogram<u64>,
    second: Histogram<u64>,
    points: Vec<Point>,
}

impl Default for Track {
    fn default() -> Self {
        let empty = || Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are in order");
        Self { all: empty(), second: empty(), points: Vec::new() }
    }
}

impl Track {
    fn add(&mut self, micros: u64) {
        self.all.saturating_record(micros.max(1));
        self.second.saturating_record(micros.max(1));
    }

    /// A second is over, the one that ended at `at` seconds.
    fn tick(&mut self, at: f64) {
        if !self.second.is_empty() {
            let ms = |quantile| milliseconds(self.second.value_at_quantile(quantile));
            self.points.push(Point { at, p50: ms(0.5), p95: ms(0.95), p99: ms(0.99), max: ms(1.0) });
            self.second.reset();
        }
    }

    /// What they were, in milliseconds.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let ms = |quantile| milliseconds(self.all.value_at_quantile(quantile));
        Summary {
            count: self.all.len(),
            p50: ms(0.5),
            p95: ms(0.95),
            p99: ms(0.99),
            max: milliseconds(self.all.max()),
            distribution: QUANTILES.iter().map(|quantile| (*quantile, ms(*quantile))).collect(),
            over_time: self.points.clone(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a minute of microseconds fits")]
fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// What all clients of a run have seen.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    /// The ops that count: those due in this time.
    counted: Cell<(Instant, Instant)>,
    /// From the time at which it was due to its arrival at another client.
    pub delivery: RefCell<Track>,
    /// The same, of those alone whose receiver is at another node.
    pub across: RefCell<Track>,
    /// To the ack.
    pub ack: RefCell<Track>,
    /// To the word that it is saved.
    pub saved: RefCell<Track>,
    /// Messages that were sent, of all times.
    pub sent: Cell<u64>,
    /// Messages of others that arrived, of all times.
    pub delivered: Cell<u64>,
}

impl Meter {
    /// Nothing counts yet.
    #[must_use]
    pub fn new(start: Instant) -> Self {
        Self {
            start,
            counted: Cell::new((start, start)),
            delivery: RefCell::default(),
            across: RefCell::default(),
            ack: RefCell::default(),
            saved: RefCell::default(),
            sent: Cell::new(0),
            delivered: Cell::new(0),
        }
    }

    /// When the run began; stamps count from here.
    #[must_use]
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Counts the ops that are due from `from` until before `to`, and forgets the others.
    pub fn count(&self, from: Instant, to: Instant) {
        self.counted.set((from, to));
        for track in [&self.delivery, &self.across, &self.ack, &self.saved] {
            track.take();
        }
    }

    /// A second is over.
    pub fn tick(&self, now: Instant) {
        let at = now.saturating_duration_since(self.counted.get().0).as_secs_f64();
        for track in [&self.delivery, &self.across, &self.ack, &self.saved] {
            track.borrow_mut().tick(at);
        }
    }

    /// The stamp of an op.
    #[must_use]
    pub fn micros(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.start).as_secs_f64() * 1e6
    }

    /// How late it is for an op with this stamp; `None` when it does not count.
    #[must_use]
    pub fn late(&self, now: Instant, due: f64) -> Option<u64> {
        let due = self.start + Duration::try_from_secs_f64(due / 1e6).ok()?;
        self.since(now, due)
    }

    fn since(&self, now: Instant, due: Instant) -> Option<u64> {
        let (from, to) = self.counted.get();
        let late = now.saturating_duration_since(due).as_micros();
        (due >= from && due < to).then(|| u64::try_from(late).unwrap_or(u64::MAX))
    }

    /// A message of another client has arrived. `across`: from another node.
    pub fn delivered(&self, now: Instant, due: Option<f64>, across: bool) {
        self.delivered.set(self.delivered.get() + 1);
        if let Some(late) = due.and_then(|due| self.late(now, due)) {
            self.delivery.borrow_mut().add(late);
            if across {
                self.across.borrow_mut().add(late);
            }
        }
    }

    /// A batch that was due then is answered.
    pub fn answered(&self, now: Instant, due: Instant) {
        self.since(now, due).into_iter().for_each(|late| self.ack.borrow_mut().add(late));
    }

    /// A batch is durable, so many microseconds after it was due.
    pub fn saved(&self, now: Instant, took: Duration) {
        let Some(due) = now.checked_sub(took) else { return };
        self.since(now, due).into_iter().for_each(|late| self.saved.borrow_mut().add(late));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_due_in_time_counts() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let meter = Meter::new(start);
        meter.count(ms(100), ms(200));
        for due in [99, 100, 199, 200] {
            meter.delivered(ms(250), Some(meter.micros(ms(due))), due == 199);
        }
        meter.delivered(ms(250), None, true);
        assert_eq!(meter.delivered.get(), 5);
        let summary = meter.delivery.borrow().summary();
        assert_eq!((summary.count, summary.p50.round(), summary.max.round()), (2, 51.0, 150.0));
        assert_eq!(meter.across.borrow().summary().count, 1);
        meter.answered(ms(150), ms(120));
        meter.saved(ms(150), Duration::from_millis(10));
        let counts = (meter.ack.borrow().summary().count, meter.saved.borrow().summary().count);
        assert_eq!(counts, (1, 1));
    }

    #[test]
    fn each_second_is_a_point() {
        let start = Instant::now();
        let meter = Meter::new(start);
        meter.count(start, start + Duration::from_secs(10));
        meter.answered(start + Duration::from_millis(4), start);
        meter.tick(start + Duration::from_secs(1));
        meter.tick(start + Duration::from_secs(2));
        let points = meter.ack.borrow().summary().over_time;
        assert_eq!(points.iter().map(|p| (p.at, p.p99.round())).collect::<Vec<_>>(), [(1.0, 4.0)]);
    }
}
