//! What nodes and their Redis count by themselves, and what has come to it in some time.

use crate::ask;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// The nodes' histogram of the time from the publishing of an event to its receipt at another node, in seconds.
const LAG: &str = "collab_fanout_lag_seconds_bucket{le=\"";

/// The nodes' counts of sessions, and of those that had to wait for a read of the durable store.
const JOINS: [&str; 2] = ["collab_sessions_opened_total ", "collab_joins_durable_reads_total "];

/// Who is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Where nodes tell their metrics, like `127.0.0.1:9464`.
    pub nodes: Vec<String>,
    /// Where the Redis is.
    pub redis: Option<String>,
}

/// An answer that is under way.
pub type Answer = watch::Receiver<Option<Result<Counted, String>>>;

/// What they have counted since they were started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counted {
    lag: Buckets,
    joins: Joins,
    redis: Option<Redis>,
}

/// Sessions that have joined, and those of them that waited for a read of the durable store.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Joins {
    all: f64,
    reads: f64,
}

/// A histogram: upper bounds, each with how many are at or below it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Buckets(Vec<(f64, f64)>);

/// What a Redis tells.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Redis {
    /// Keys that it has removed because its memory was full.
    evicted: f64,
    /// Memory of what it keeps, in bytes.
    used: f64,
}

impl Asked {
    /// Asks all of them beside whatever else goes on, so that no message is late for it.
    #[must_use]
    pub fn ask(&self) -> Answer {
        let asked = self.clone();
        let (tell, answer) = watch::channel(None);
        // Nobody to ask has nothing to tell.
        if asked.nodes.is_empty() && asked.redis.is_none() {
            tell.send_replace(Some(Ok(Counted::default())));
        } else {
            drop(tokio::spawn(async move { tell.send_replace(Some(asked.counted().await)) }));
        }
        answer
    }

    async fn counted(&self) -> Result<Counted, String> {
        let mut counted = Counted::default();
        for node in &self.nodes {
            counted.add(&ask::metrics(node).await?);
        }
        if let Some(redis) = &self.redis {
            counted.redis = Some(Redis::read(&ask::ask(redis, "INFO\r\nQUIT\r\n").await?));
        }
        Ok(counted)
    }
}

/// Waits for an answer.
///
/// # Errors
/// A sentence, when somebody did not tell.
pub async fn wait(mut answer: Answer) -> Result<Counted, String> {
    let told = answer.wait_for(Option::is_some).await.map_err(|e| e.to_string())?;
    told.clone().unwrap_or_else(|| Err("there is no answer".to_owned()))
}

impl Counted {
    /// Adds what a node's metrics tell.
    fn add(&mut self, metrics: &str) {
        self.lag.add(metrics);
        let [all, reads] = JOINS.map(|name| {
            let counts = metrics.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            counts.sum::<f64>()
        });
        self.joins = Joins { all: self.joins.all + all, reads: self.joins.reads + reads };
    }

    /// What has come to it since, as figures of a report.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<String, f64> {
        let mut figures = BTreeMap::new();
        if let Some(lag) = self.lag.since(&before.lag).quantile(0.95) {
            figures.insert("publish → receipt p95 ms".to_owned(), lag * 1e3);
        }
        let (joins, reads) = (self.joins.all - before.joins.all, self.joins.reads - before.joins.reads);
        if joins > 0.0 {
            figures.insert("joins without durable read %".to_owned(), 100.0 * (1.0 - reads / joins));
        }
        if let (Some(now), Some(before)) = (self.redis, before.redis) {
            figures.insert("redis evicted".to_owned(), now.evicted - before.evicted);
            if before.used > 0.0 {
                figures.insert("redis MiB growth %".to_owned(), 100.0 * (now.used / before.used - 1.0));
            }
        }
        figures
    }
}

impl Redis {
    /// From its own report.
    fn read(info: &str) -> Self {
        let value = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        Self { evicted: value("evicted_keys"), used: value("used_memory") }
    }
}

impl Buckets {
    /// Adds what a node's metrics tell.
    fn add(&mut self, metrics: &str) {
        let buckets = metrics.lines().filter_map(|line| {
            let (bound, count) = line.strip_prefix(LAG)?.split_once("\"} ")?;
            Some((bound.replace("+Inf", "inf").parse().ok()?, count.trim().parse().ok()?))
        });
        for (bound, count) in buckets.collect::<Vec<(f64, f64)>>() {
            match self.0.iter_mut().find(|(there, _)| there.total_cmp(&bound).is_eq()) {
                Some((_, sum)) => *sum += count,
                None => self.0.push((bound, count)),
            }
        }
        self.0.sort_by(|a, b| a.0.total_cmp(&b.0));
    }

    /// What has come to it since.
    fn since(&self, before: &Self) -> Self {
        let earlier =
            |bound: f64| before.0.iter().find(|(there, _)| there.total_cmp(&bound).is_eq()).map_or(0.0, |b| b.1);
        Self(self.0.iter().map(|(bound, count)| (*bound, count - earlier(*bound))).collect())
    }

    /// The value that this part of all is at or below, as if those of one bucket lay evenly in it; `None` of none. Above the last bound nothing is known but that.
    fn quantile(&self, part: f64) -> Option<f64> {
        let all = self.0.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count >= part * all {
                let within = (part * all - below) / (count - below).max(f64::MIN_POSITIVE);
                return Some(if bound.is_finite() { low + (bound - low) * within } else { low });
            }
            (low, below) = (*bound, *count);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A histogram as a node tells it: up to 1 ms, 5 ms, 10 ms, and above.
    fn lag(counts: [u32; 4]) -> Buckets {
        let bounds = ["0.001", "0.005", "0.01", "+Inf"];
        let lines = bounds.iter().zip(counts).map(|(bound, count)| format!("{LAG}{bound}\"}} {count}\n"));
        let mut buckets = Buckets::default();
        buckets.add(&format!("# TYPE x histogram\n{}collab_fanout_lag_seconds_sum 3\n", lines.collect::<String>()));
        buckets
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let buckets = lag([50, 90, 100, 100]);
        assert_eq!(buckets.quantile(0.5), Some(0.001));
        assert!(buckets.quantile(0.95).is_some_and(|value| (value - 0.0075).abs() < 1e-9));
        assert_eq!(lag([0, 0, 0, 0]).quantile(0.95), None);
        assert_eq!(Buckets::default().quantile(0.95), None);
        assert_eq!(lag([0, 0, 5, 100]).quantile(0.95), Some(0.01), "above the last bound");
    }

    #[test]
    fn figures_are_of_the_time_in_between() {
        let redis =
            Redis::read("# Memory\r\nused_memory:2000\r\nused_memory_human:2K\r\n# Stats\r\nevicted_keys:3\r\n");
        assert_eq!(redis, Redis { evicted: 3.0, used: 2_000.0 });
        let joins = Joins { all: 100.0, reads: 10.0 };
        let before = Counted { lag: lag([100, 100, 100, 100]), joins, redis: Some(redis) };
        let mut after =
            Counted { lag: lag([60, 70, 80, 80]), joins, redis: Some(Redis { evicted: 5.0, used: 2_500.0 }) };
        after.add(&format!(
            "{LAG}0.001\"}} 90\n{LAG}0.005\"}} 120\n{LAG}0.01\"}} 120\n{LAG}+Inf\"}} 120\n{}20\n{}1\n",
            JOINS[0], JOINS[1]
        ));
        let figures = after.since(&before);
        assert_eq!(figures.get("joins without durable read %"), Some(&95.0));
        assert_eq!(figures.get("redis evicted"), Some(&2.0));
        assert_eq!(figures.get("redis MiB growth %"), Some(&25.0));
        assert!(figures.get("publish → receipt p95 ms").is_some_and(|lag| (lag - 7.5).abs() < 1e-9), "{figures:?}");
        assert!(Counted::default().since(&Counted::default()).is_empty());
    }

    #[tokio::test]
    async fn who_does_not_tell_is_named() {
        let asked = Asked { nodes: vec!["127.0.0.1:1".to_owned()], redis: None };
        let error = wait(asked.ask()).await.expect_err("nobody is there");
        assert!(error.starts_with("127.0.0.1:1 tells nothing"), "{error}");
        assert_eq!(wait(Asked::default().ask()).await, Ok(Counted::default()));
    }
}
