//! What a run has found, as it is written into the report. Times are in milliseconds, CPU in microseconds, memory in KiB, unless a name says otherwise.

use super::verdict::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;

/// One second of durations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Its end, in seconds from when it counted.
    pub at: f64,
    /// Median, in ms.
    pub p50: f64,
    /// 95th percentile, in ms.
    pub p95: f64,
    /// 99th percentile, in ms.
    pub p99: f64,
    /// The longest, in ms.
    pub max: f64,
}

/// Many durations, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// Quantiles, from 0 to 1, and their durations.
    pub distribution: Vec<(f64, f64)>,
    /// Second by second.
    pub over_time: Vec<Point>,
}

impl Summary {
    /// The percentiles of tables, each with its name.
    #[must_use]
    pub fn percentiles(&self) -> [(&'static str, f64); 3] {
        [("p50", self.p50), ("p95", self.p95), ("p99", self.p99)]
    }
}

/// One look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds from when it counted.
    pub at: f64,
    /// Share of one core since the look before, in percent.
    pub cpu: f64,
    /// Resident memory, in KiB.
    pub rss: u64,
}

/// What a process took while it counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Used {
    /// What it is: `floor`, `node 1`, `redis`.
    pub name: String,
    /// Whether its CPU is that of a delivery: stores are shown by themselves.
    pub counts: bool,
    /// CPU time, in µs.
    pub cpu: f64,
    /// The most memory at any look, in KiB.
    pub rss: u64,
    /// All looks.
    pub samples: Vec<Sample>,
}

impl Used {
    /// By how much its memory has grown from a third of the time on until the end, in percent; `None` when it was looked at too rarely.
    #[must_use]
    pub fn growth(&self) -> Option<f64> {
        let (early, late) = (self.samples.get(self.samples.len() / 3)?, self.samples.last()?);
        (early.at < late.at && early.rss > 0).then(|| 100.0 * (real(late.rss) / real(early.rss) - 1.0))
    }
}

/// What one scenario has found on one target in one round.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Messages that were sent while it counted.
    pub sent: u64,
    /// Messages of others that arrived at clients while it counted.
    pub deliveries: u64,
    /// Of those that should have: less than 1 when a server merges.
    pub share: f64,
    /// How long it counted, in s.
    pub seconds: f64,
    /// Bytes that came to clients while it counted, frame headers included.
    pub received: u64,
    /// From when it was due to its arrival at another client.
    pub delivery: Summary,
    /// The same, of those whose receiver is at another node.
    pub across: Summary,
    /// To the ack.
    pub ack: Summary,
    /// To the word that it is saved.
    pub saved: Summary,
    /// What else a scenario measures: name with unit, value.
    pub more: BTreeMap<String, f64>,
    /// What each process took.
    pub used: Vec<Used>,
    /// What the generator itself took, in percent of its core: near 100 it is the generator that was measured.
    pub generator: f64,
    /// Whether anything was lost.
    pub verdict: Verdict,
}

impl Outcome {
    /// All times, each with its name.
    #[must_use]
    pub fn times(&self) -> [(&'static str, &Summary); 4] {
        [("delivery", &self.delivery), ("across", &self.across), ("ack", &self.ack), ("saved", &self.saved)]
    }

    /// CPU of all that counts, per delivery, in µs; `None` when nothing was delivered.
    #[must_use]
    pub fn cpu_per_delivery(&self) -> Option<f64> {
        let cpu: f64 = self.used.iter().filter(|used| used.counts).map(|used| used.cpu).sum();
        (self.deliveries > 0).then(|| cpu / real(self.deliveries))
    }

    /// CPU of one process per message that was sent, in µs.
    #[must_use]
    pub fn cpu_per_op(&self, name: &str) -> Option<f64> {
        let used = self.used.iter().find(|used| used.name == name)?;
        (self.sent > 0).then(|| used.cpu / real(self.sent))
    }

    /// Bytes per delivery; `None` when nothing was delivered.
    #[must_use]
    pub fn bytes_per_delivery(&self) -> Option<f64> {
        (self.deliveries > 0).then(|| real(self.received) / real(self.deliveries))
    }

    /// Deliveries per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { real(self.deliveries) / self.seconds } else { 0.0 }
    }
}

/// A count, for arithmetic.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "figures are read by people")]
pub fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_counts_from_a_third_on() {
        let sample = |at: f64, rss| Sample { at, cpu: 0.0, rss };
        let samples = vec![sample(1.0, 10), sample(2.0, 100), sample(3.0, 120)];
        let used = |samples| Used { name: String::new(), counts: true, cpu: 0.0, rss: 0, samples };
        assert_eq!(used(samples).growth().map(f64::round), Some(20.0));
        assert_eq!(used(Vec::new()).growth(), None);
        assert_eq!(used(vec![sample(1.0, 10)]).growth(), None);
    }
}
