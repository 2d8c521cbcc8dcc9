//! What has been done so far: a line a round in a file, so that a run can be continued, and the sum of all.

use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// How a kind of cycle went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kind {
    /// How often it was.
    pub(crate) count: u64,
    /// From the end of the fault until every client had something new saved, in ms: the longest, and all together.
    pub(crate) longest_ms: u64,
    /// All together.
    pub(crate) sum_ms: u64,
}

/// A round.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// From what it was made.
    pub(crate) seed: u64,
    /// Whether everything was as it must be.
    pub(crate) good: bool,
    /// Why not.
    pub(crate) wrong: Vec<String>,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Its cycles, by kind.
    pub(crate) kinds: BTreeMap<String, Kind>,
    /// How many of them had an outage of a minute.
    pub(crate) long: u64,
    /// The longest wait for an answer, in ms.
    pub(crate) stall_ms: u64,
    /// Answers that were taken back: what they were about was ordered anew.
    pub(crate) taken_back: u64,
    /// Clients that left for good right after an ack.
    pub(crate) left: u64,
    /// Nodes that ended by themselves.
    pub(crate) ended: Vec<String>,
    /// What the program's own verification said.
    pub(crate) verified: Option<bool>,
    /// What the checker said.
    pub(crate) verdict: Verdict,
}

/// The file.
pub(crate) struct Ledger {
    path: PathBuf,
    /// What it says.
    pub(crate) entries: Vec<Entry>,
}

impl Ledger {
    /// Opens the one of a directory.
    pub(crate) fn open(directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("the directory can be made");
        let path = directory.join("rounds.jsonl");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let entries = text.lines().map(|line| serde_json::from_str(line).expect("a line of ours")).collect();
        Self { path, entries }
    }

    /// Whether a seed is done.
    pub(crate) fn has(&self, seed: u64) -> bool {
        self.entries.iter().any(|entry| entry.seed == seed && entry.good)
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, entry: Entry) {
        let mut file = File::options().create(true).append(true).open(&self.path).expect("it can be written");
        let line = serde_json::to_string(&entry).expect("it is JSON");
        writeln!(file, "{line}").expect("it can be written");
        self.entries.push(entry);
    }

    /// The sum of all rounds of these seeds, in words.
    pub(crate) fn summary(&self, seeds: &[u64]) -> String {
        let (mut verdict, mut kinds, mut long) = (Verdict::default(), BTreeMap::<&str, Kind>::new(), 0);
        let (mut seconds, mut stall, mut back, mut left, mut ended) = (0.0, 0, 0, 0, 0);
        let mut verified = [0, 0, 0];
        let entries: Vec<_> = self.entries.iter().filter(|entry| seeds.contains(&entry.seed)).collect();
        for entry in &entries {
            verdict.add(&entry.verdict);
            for (name, kind) in &entry.kinds {
                let sum = kinds.entry(name).or_default();
                sum.count += kind.count;
                sum.sum_ms += kind.sum_ms;
                sum.longest_ms = sum.longest_ms.max(kind.longest_ms);
            }
            (long, seconds, stall) = (long + entry.long, seconds + entry.seconds, stall.max(entry.stall_ms));
            (back, left, ended) = (back + entry.taken_back, left + entry.left, ended + entry.ended.len());
            verified[match entry.verified {
                None => 0,
                Some(true) => 1,
                Some(false) => 2,
            }] += 1;
        }
        let cycles: u64 = kinds.values().map(|kind| kind.count).sum();
        let lines = kinds.iter().map(|(name, kind)| {
            let mean = kind.sum_ms as f64 / kind.count.max(1) as f64 / 1_000.0;
            let longest = kind.longest_ms as f64 / 1_000.0;
            format!(
                "  {:4} × {name}: new work of everybody saved after {mean:.1} s, {longest:.1} s at most\n",
                kind.count
            )
        });
        format!(
            "{} rounds, {} of them good, in {:.0} s; {cycles} fault cycles, {long} of them with an outage of a minute\n{}\
             {} clients, {left} of whom left for good right after an ack; acked: {} batches with {} ops; {} durable commits; \
             {back} times answers were taken back and the work ordered anew\n\
             lost {}, doubled {}, out of order {}, diverged {}, forgotten values {}\n\
             longest wait for an answer {:.1} s; nodes that ended by themselves: {ended}; verified by the program: {} of {} rounds\n",
            entries.len(),
            entries.iter().filter(|entry| entry.good).count(),
            seconds,
            lines.collect::<String>(),
            verdict.clients,
            verdict.acked_batches,
            verdict.acked_ops,
            verdict.commits,
            verdict.lost,
            verdict.doubled,
            verdict.disordered,
            verdict.diverged,
            verdict.forgotten,
            stall as f64 / 1_000.0,
            verified[1],
            entries.len(),
        )
    }
}
