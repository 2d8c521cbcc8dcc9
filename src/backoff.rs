//! How long to wait before the next attempt to connect: pure.

use std::time::Duration;

/// The first wait.
const FIRST: Duration = Duration::from_millis(50);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(1);

/// Counts attempts that failed, or whose connection did not live for long.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait before the next attempt: none after a connection that lived, else twice as long as before. `jitter` is between 0 and 1 and
    /// takes up to half of it away, so that the nodes of a deployment do not all come at once.
    pub(crate) fn next(&mut self, jitter: f64) -> Duration {
        let wait = match self.failures {
            0 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 1).min(10)).min(LONGEST),
        };
        self.failures = self.failures.saturating_add(1);
        wait.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
    }

    /// A connection ended that was there for so long.
    pub(crate) fn lived(&mut self, time: Duration) {
        if time >= LONGEST {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_second_and_begin_anew_after_a_life() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(waits, [0, 50, 100, 200, 400, 800, 1000, 1000]);
        backoff.lived(Duration::from_millis(10));
        assert_eq!(backoff.next(1.0).as_millis(), 500);
        backoff.lived(Duration::from_secs(1));
        assert_eq!(backoff.next(0.0), Duration::ZERO);
        assert!((0..100).all(|_| backoff.next(0.5) <= LONGEST));
    }
}
