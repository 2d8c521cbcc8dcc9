//! How fast something may happen: at a steady rate, and after a quiet second as much at once. Pure: time comes in.

use std::time::Duration;
use tokio::time::Instant;

/// What may happen at once after a pause, as a time at the steady rate.
const BURST: Duration = Duration::from_secs(1);

/// A bucket that fills by itself.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Between two at the steady rate.
    interval: Duration,
    /// When it is full again if nothing more is taken.
    full: Instant,
}

impl Bucket {
    /// A full one, for so many in a second.
    pub(super) fn new(per_second: u32, now: Instant) -> Self {
        Self { interval: BURST / per_second.max(1), full: now }
    }

    /// Takes one, and says how long to wait until it is due.
    pub(super) fn take(&mut self, now: Instant) -> Duration {
        self.full = self.full.max(now) + self.interval;
        self.full.saturating_duration_since(now + BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_at_once_then_one_after_another() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        assert!((0..10).all(|_| bucket.take(start).is_zero()));
        let mut now = start;
        for _ in 0..5 {
            let wait = bucket.take(now);
            assert_eq!(wait, Duration::from_millis(100));
            now += wait;
        }
        assert!(bucket.take(now + Duration::from_millis(100)).is_zero());
    }

    #[test]
    fn a_pause_gives_no_more_than_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, start);
        let later = start + Duration::from_secs(3_600);
        assert!((0..10).all(|_| bucket.take(later).is_zero()));
        assert!(!bucket.take(later).is_zero());
    }

    #[test]
    fn one_in_a_second_is_one_in_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(1, start);
        assert!(bucket.take(start).is_zero());
        assert_eq!(bucket.take(start), BURST);
    }
}
