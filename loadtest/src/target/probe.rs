//! Looks at the processes of a target, again and again, and keeps what it saw.

use super::usage::Usage;
use crate::measure::figures::{Sample, Used};
use std::time::{Duration, Instant};

/// One process.
#[derive(Debug, Clone)]
struct Watched {
    name: String,
    counts: bool,
    pid: String,
    first: Usage,
    last: (Duration, Usage),
    samples: Vec<Sample>,
}

/// All processes of a target, and the generator.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    watched: Vec<Watched>,
    own: Usage,
    began: Option<Instant>,
    took: Duration,
    own_used: Duration,
}

impl Probe {
    /// Looks at these: name, whether its CPU is that of deliveries, process id.
    #[must_use]
    pub fn new(processes: impl IntoIterator<Item = (String, bool, u32)>) -> Self {
        let watched = processes.into_iter().map(|(name, counts, pid)| Watched {
            name,
            counts,
            pid: pid.to_string(),
            first: Usage::default(),
            last: (Duration::ZERO, Usage::default()),
            samples: Vec::new(),
        });
        Self { watched: watched.collect(), ..Self::default() }
    }

    /// It counts from now on.
    ///
    /// # Errors
    /// When a process has gone.
    pub fn begin(&mut self) -> Result<(), String> {
        for watched in &mut self.watched {
            watched.first = Usage::with_children(&watched.pid).map_err(|e| format!("{}: {e}", watched.name))?;
            watched.last = (Duration::ZERO, watched.first);
            watched.samples.clear();
        }
        self.own = Usage::of("self")?;
        self.began = Some(Instant::now());
        Ok(())
    }

    /// One look, so long after the begin.
    ///
    /// # Errors
    /// As [`Probe::begin`].
    pub fn look(&mut self, at: Duration) -> Result<(), String> {
        for watched in &mut self.watched {
            let usage = Usage::with_children(&watched.pid).map_err(|e| format!("{}: {e}", watched.name))?;
            let (before, last) = watched.last;
            let passed = at.saturating_sub(before).as_secs_f64();
            let used = usage.cpu.saturating_sub(last.cpu).as_secs_f64();
            let cpu = if passed > 0.0 { 100.0 * used / passed } else { 0.0 };
            watched.samples.push(Sample { at: at.as_secs_f64(), cpu, rss: usage.rss });
            watched.last = (at, usage);
        }
        Ok(())
    }

    /// It counts no longer: what each process took.
    ///
    /// # Errors
    /// As [`Probe::begin`].
    pub fn end(&mut self) -> Result<Vec<Used>, String> {
        self.took = self.began.map_or(Duration::ZERO, |began| began.elapsed());
        self.own_used = Usage::of("self")?.cpu.saturating_sub(self.own.cpu);
        let used = self.watched.iter().map(|watched| {
            let last = Usage::with_children(&watched.pid).map_err(|e| format!("{}: {e}", watched.name))?;
            let rss = watched.samples.iter().map(|sample| sample.rss).chain([last.rss]).max().unwrap_or(0);
            Ok(Used {
                name: watched.name.clone(),
                counts: watched.counts,
                cpu: last.cpu.saturating_sub(watched.first.cpu).as_secs_f64() * 1e6,
                rss,
                samples: watched.samples.clone(),
            })
        });
        used.collect()
    }

    /// What the generator took meanwhile, in percent of a core.
    #[must_use]
    pub fn generator(&self) -> f64 {
        if self.took.is_zero() { 0.0 } else { 100.0 * self.own_used.as_secs_f64() / self.took.as_secs_f64() }
    }
}
