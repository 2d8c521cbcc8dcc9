//! When each client is due: an open loop, in which nothing that a server does shifts any time. Pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// The next times of many clients.
#[derive(Debug)]
pub struct Timetable {
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    period: Duration,
}

impl Timetable {
    /// Each client has its first time somewhere in the first period, where `phase` (from 0 to 1) says.
    ///
    /// # Panics
    /// When `rate`, in times per second, is not a positive number; scenarios are checked for that.
    #[must_use]
    pub fn new(
        start: Instant,
        rate: f64,
        clients: impl Iterator<Item = usize>,
        mut phase: impl FnMut() -> f64,
    ) -> Self {
        let period = Duration::from_secs_f64(1.0 / rate);
        let first = |client| Reverse((start + period.mul_f64(phase()), client));
        Self { due: clients.map(first).collect(), period }
    }

    /// The next time of any; `None` when there are no clients.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the earliest time that is not after `now`, and whose it is.
    pub fn take(&mut self, now: Instant) -> Option<(Instant, usize)> {
        let Reverse((at, client)) = self.due.peek().copied()?;
        if at > now {
            return None;
        }
        self.due.pop();
        self.due.push(Reverse((at + self.period, client)));
        Some((at, client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_however_late_one_looks() {
        let start = Instant::now();
        let mut phases = [0.5, 0.0].into_iter();
        let mut table = Timetable::new(start, 10.0, 0..2, || phases.next().expect("two"));
        assert_eq!(table.next(), Some(start));
        let ms = |n| start + Duration::from_millis(n);
        let mut taken = Vec::new();
        while let Some(due) = table.take(ms(250)) {
            taken.push(due);
        }
        assert_eq!(taken, [(ms(0), 1), (ms(50), 0), (ms(100), 1), (ms(150), 0), (ms(200), 1), (ms(250), 0)]);
        assert_eq!(table.take(ms(299)), None);
        assert_eq!(table.next(), Some(ms(300)));
    }
}
