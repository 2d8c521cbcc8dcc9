//! Percentiles of many durations.

use std::fmt;
use std::time::Duration;

/// Durations, in microseconds.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<u32>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The durations that so many per thousand do not exceed, for each of `per_mille`; zero when there are none.
    #[must_use]
    pub fn percentiles<const N: usize>(&self, per_mille: [usize; N]) -> [Duration; N] {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        per_mille.map(|p| {
            let index = (sorted.len() * p).div_ceil(1_000).clamp(1, sorted.len().max(1)) - 1;
            Duration::from_micros(sorted.get(index).copied().unwrap_or(0).into())
        })
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p95, p99, max] = self.percentiles([500, 950, 990, 1_000]);
        let ms = |d: Duration| d.as_secs_f64() * 1_000.0;
        let (p50, p95, p99, max) = (ms(p50), ms(p95), ms(p99), ms(max));
        write!(f, "p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms, max {max:.2} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_members() {
        let mut times = Times::default();
        assert_eq!(times.percentiles([500]), [Duration::ZERO]);
        (1..=100).for_each(|ms| times.add(Duration::from_millis(ms)));
        let expected = [50, 99, 100].map(Duration::from_millis);
        assert_eq!(times.percentiles([500, 990, 1_000]), expected);
    }
}
