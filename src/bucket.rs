//! How fast something may happen: at a steady rate, and after a pause for some time as much at once. Pure: time comes in.
//!
//! Owns one such measure ([`Bucket`]), and one for each of many names ([`Buckets`]). Never refuses by itself: whoever asks does.

use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
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

/// Names that are remembered; of more, those whose buckets are full again are forgotten.
const NAMES: usize = 4_096;

/// A bucket for each name.
#[derive(Debug)]
pub struct Buckets {
    per_second: u32,
    burst: Duration,
    of: Mutex<HashMap<SmolStr, Bucket>>,
}

impl Buckets {
    /// Full ones, as [`Bucket::new`].
    #[must_use]
    pub fn new(per_second: u32, burst: Duration) -> Self {
        Self { per_second, burst, of: Mutex::default() }
    }

    /// Whether so many are there for this name.
    #[must_use]
    pub fn has(&self, name: &str, now: Instant, count: u32) -> bool {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.get(name).is_none_or(|bucket| bucket.wait(now, count).is_zero())
    }

    /// Takes so many from the bucket of this name, whether they are there or not.
    pub fn take(&self, name: &str, now: Instant, count: u32) {
        self.with(name, now, |bucket| bucket.take(now, count));
    }

    /// Takes so many from the bucket of this name, if they are there.
    ///
    /// # Errors
    /// How long it will be until they are.
    pub fn try_take(&self, name: &str, now: Instant, count: u32) -> Result<(), Duration> {
        self.with(name, now, |bucket| bucket.try_take(now, count))
    }

    fn with<T>(&self, name: &str, now: Instant, change: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = of.get_mut(name) {
            return change(bucket);
        }
        if of.len() >= NAMES {
            of.retain(|_, bucket| bucket.full > now);
        }
        change(of.entry(name.into()).or_insert_with(|| Bucket::new(self.per_second, self.burst, now)))
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

    #[test]
    fn each_name_has_its_own_and_full_ones_are_forgotten() {
        let start = Instant::now();
        let buckets = Buckets::new(1, SECOND);
        for n in 0..NAMES {
            assert_eq!(buckets.try_take(&n.to_string(), start, 1), Ok(()));
        }
        assert!(buckets.try_take("0", start, 1).is_err());
        assert_eq!(buckets.try_take("another", start + 2 * SECOND, 1), Ok(()));
        assert_eq!(buckets.of.lock().expect("sound").len(), 1);
    }
}
