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
    fn add(&mut self, micros: u64, times: u64) {
        self.all.saturating_record_n(micros.max(1), times);
        self.second.saturating_record_n(micros.max(1), times);
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
    /// Cursors are what is measured; else they go beside it.
    pub is_of_cursors: Cell<bool>,
    /// Cursors of others that arrived beside what is measured, of all times.
    pub hands: Cell<u64>,
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
            is_of_cursors: Cell::new(false),
            hands: Cell::new(0),
        }
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

    /// When an op with this stamp was due.
    fn due(&self, stamp: f64) -> Option<Instant> {
        Some(self.start + Duration::try_from_secs_f64(stamp / 1e6).ok()?)
    }

    /// How late it is for an op that was due then; `None` when it does not count.
    fn since(&self, now: Instant, due: Instant) -> Option<u64> {
        let (from, to) = self.counted.get();
        let late = now.saturating_duration_since(due).as_micros();
        (due >= from && due < to).then(|| u64::try_from(late).unwrap_or(u64::MAX))
    }

    /// A message was sent.
    pub fn sent(&self) {
        self.sent.set(self.sent.get() + 1);
    }

    /// A cursor of another client has arrived. `across`: from another node.
    pub fn cursor(&self, now: Instant, due: f64, across: bool) {
        if self.is_of_cursors.get() {
            self.delivered(now, Some(due), across);
        } else {
            self.hands.set(self.hands.get() + 1);
        }
    }

    /// A message of another client has arrived. `across`: from another node.
    pub fn delivered(&self, now: Instant, due: Option<f64>, across: bool) {
        self.delivered.set(self.delivered.get() + 1);
        if let Some(late) = due.and_then(|stamp| self.since(now, self.due(stamp)?)) {
            self.delivery.borrow_mut().add(late, 1);
            if across {
                self.across.borrow_mut().add(late, 1);
            }
        }
    }

    /// A snapshot stood for so many messages, `across` of them from another node. They count as late as any of them can be: as if all had been
    /// due when the last one was that did arrive; and as the longest time when none has.
    pub fn skipped(&self, now: Instant, latest: Option<f64>, count: u64, across: u64) {
        let (from, to) = self.counted.get();
        let late = match latest.and_then(|stamp| self.due(stamp)) {
            Some(due) => self.since(now, due.max(from)),
            None => (from < to).then_some(LONGEST),
        };
        if let Some(late) = late.filter(|_| now >= from) {
            self.delivery.borrow_mut().add(late, count);
            self.across.borrow_mut().add(late, across);
        }
    }

    /// A batch that was due then is answered.
    pub fn answered(&self, now: Instant, due: Instant) {
        self.since(now, due).into_iter().for_each(|late| self.ack.borrow_mut().add(late, 1));
    }

    /// A batch is durable, so many microseconds after it was due.
    pub fn saved(&self, now: Instant, took: Duration) {
        let Some(due) = now.checked_sub(took) else { return };
        self.since(now, due).into_iter().for_each(|late| self.saved.borrow_mut().add(late, 1));
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
    fn what_was_skipped_counts_as_the_longest() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let meter = Meter::new(start);
        let latest = |n| Some(meter.micros(ms(n)));
        let max = || meter.delivery.borrow().summary().max.round();
        meter.count(ms(100), ms(200));
        meter.skipped(ms(99), latest(50), 1, 0);
        meter.skipped(ms(250), latest(200), 1, 0);
        assert_eq!(meter.delivery.borrow().summary().count, 0, "nothing of that time was skipped");
        meter.skipped(ms(250), latest(150), 3, 1);
        assert_eq!(
            (max(), meter.delivery.borrow().summary().count, meter.across.borrow().summary().count),
            (100.0, 3, 1)
        );
        meter.skipped(ms(300), latest(50), 1, 0);
        assert_eq!(max(), 200.0, "from the first that counts");
        meter.skipped(ms(300), None, 1, 0);
        assert!(max() >= 60_000.0, "nobody knows since when");
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
