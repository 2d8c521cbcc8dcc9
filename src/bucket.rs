//! How fast something may happen: at a steady rate, and after a pause for some time as much at once. Pure: time comes in.

use std::time::Duration;
use tokio::time::Instant;

/// A bucket that fills by itself.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Between two at the steady rate.
    interval: Duration,
    /// What may happen at once after a pause, as a time at the steady rate.
    burst: Duration,
    /// When it is full again if nothing more is taken.
    full: Instant,
}

impl Bucket {
    /// A full one, for so many in a second, and as many at once as in `burst`.
    #[must_use]
    pub fn new(per_second: u32, burst: Duration, now: Instant) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), burst, full: now }
    }

    /// From now on at this rate; what was taken stays taken.
    pub fn set_rate(&mut self, per_second: u32) {
        self.interval = Duration::from_secs(1) / per_second.max(1);
    }

    /// How long it will be until so many may happen; more than fit in it may when it is full.
    #[must_use]
    pub fn wait(&self, now: Instant, count: u32) -> Duration {
        let cost = (self.interval * count).min(self.burst);
        (self.full.max(now) + cost).saturating_duration_since(now + self.burst)
    }

    /// Takes so many, whether they are there or not: what is missing is waited for by whoever comes next.
    pub fn take(&mut self, now: Instant, count: u32) {
        self.full = self.full.max(now) + self.interval * count;
    }

    /// Takes so many, if they are there.
    ///
    /// # Errors
    /// How long it will be until they are.
    pub fn try_take(&mut self, now: Instant, count: u32) -> Result<(), Duration> {
        match self.wait(now, count) {
            Duration::ZERO => {
                self.take(now, count);
                Ok(())
            }
            wait => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_second_at_once_then_one_after_another() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, SECOND, start);
        assert!((0..10).all(|_| bucket.try_take(start, 1).is_ok()));
        let mut now = start;
        for _ in 0..5 {
            let wait = bucket.try_take(now, 1).expect_err("empty");
            assert_eq!(wait, Duration::from_millis(100));
            now += wait;
            assert_eq!(bucket.try_take(now, 1), Ok(()));
        }
    }

    #[test]
    fn a_pause_gives_no_more_than_the_burst() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 2 * SECOND, start);
        let later = start + Duration::from_secs(3_600);
        assert!((0..20).all(|_| bucket.try_take(later, 1).is_ok()));
        assert!(bucket.try_take(later, 1).is_err());
    }

    #[test]
    fn what_is_larger_than_the_bucket_goes_when_it_is_full_and_is_paid_for_afterwards() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, SECOND, start);
        assert_eq!(bucket.try_take(start, 50), Ok(()));
        assert_eq!(bucket.try_take(start, 1), Err(Duration::from_millis(4_100)));
        assert_eq!(bucket.try_take(start + 5 * SECOND, 10), Ok(()), "five seconds' worth");
    }
}
