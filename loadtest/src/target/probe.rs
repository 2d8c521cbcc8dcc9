//! Looks at the processes of a target and at the two cores, again and again, and keeps what it saw.

use super::cores::{self, Busy, Cores};
use super::counted::{self, Answer, Asked};
use super::process::Process;
use super::usage::Usage;
use crate::machine;
use crate::measure::figures::{Sample, Used};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// One process.
#[derive(Debug, Clone)]
struct Watched {
    name: String,
    counts: bool,
    core: usize,
    pid: String,
    first: Usage,
    last: (Duration, Usage),
    samples: Vec<Sample>,
}

/// What was there when it began to count.
#[derive(Debug, Clone)]
struct Start {
    at: Instant,
    own: Usage,
    cores: Option<Cores>,
    counted: Answer,
}

/// A time in which it counted.
#[derive(Debug, Clone)]
struct Window {
    used: Vec<Used>,
    busy: Option<Busy>,
    before: Answer,
    after: Answer,
}

/// All processes of a target, the generator, and the two cores.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    watched: Vec<Watched>,
    asked: Asked,
    interrupts_are_apart: bool,
    start: Option<Start>,
    generator: f64,
    windows: Vec<Window>,
}

impl Watched {
    fn usage(&self) -> Result<Usage, String> {
        Usage::with_children(&self.pid).map_err(|why| format!("{} cannot be looked at: {why}", self.name))
    }
}

impl Probe {
    /// Looks at these: each with whether its CPU is that of deliveries. What they count themselves is asked of those who are to be asked.
    #[must_use]
    pub fn new<'a>(processes: impl IntoIterator<Item = (&'a Process, bool)>, asked: Asked) -> Self {
        let watched = processes.into_iter().map(|(process, counts)| Watched {
            name: process.name().to_owned(),
            counts,
            core: process.core(),
            pid: process.pid().to_string(),
            first: Usage::default(),
            last: (Duration::ZERO, Usage::default()),
            samples: Vec::new(),
        });
        let interrupts_are_apart = cores::interrupts_are_apart();
        Self { watched: watched.collect(), asked, interrupts_are_apart, ..Self::default() }
    }

    /// It counts from now on.
    ///
    /// # Errors
    /// When a process has gone.
    pub fn begin(&mut self) -> Result<(), String> {
        for watched in &mut self.watched {
            watched.first = watched.usage()?;
            watched.last = (Duration::ZERO, watched.first);
            watched.samples.clear();
        }
        let counted = self.asked.ask();
        self.start = Some(Start { at: Instant::now(), own: Usage::of("self")?, cores: Cores::now(), counted });
        Ok(())
    }

    /// One look, so long after the begin.
    ///
    /// # Errors
    /// As [`Probe::begin`].
    pub fn look(&mut self, at: Duration) -> Result<(), String> {
        for watched in &mut self.watched {
            let usage = watched.usage()?;
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
    /// As [`Probe::begin`], or when it never began.
    pub fn end(&mut self) -> Result<Vec<Used>, String> {
        let start = self.start.clone().ok_or("it never began to count")?;
        let (took, cores) = (start.at.elapsed(), Cores::now());
        let own = Usage::of("self")?.cpu.saturating_sub(start.own.cpu);
        self.generator = if took.is_zero() { 0.0 } else { 100.0 * own.as_secs_f64() / took.as_secs_f64() };
        let (mut used, mut known) = (Vec::new(), Duration::ZERO);
        for watched in &self.watched {
            let last = watched.usage()?;
            let cpu = last.cpu.saturating_sub(watched.first.cpu);
            known += if watched.core == machine::SERVERS { cpu } else { Duration::ZERO };
            let rss = watched.samples.iter().map(|sample| sample.rss).chain([last.rss]).max().unwrap_or(0);
            used.push(Used {
                name: watched.name.clone(),
                counts: watched.counts,
                cpu: cpu.as_secs_f64() * 1e6,
                rss,
                samples: watched.samples.clone(),
            });
        }
        let busy =
            cores.zip(start.cores).map(|(now, before)| now.since(&before, took, known, self.interrupts_are_apart));
        self.windows.push(Window { used: used.clone(), busy, before: start.counted, after: self.asked.ask() });
        Ok(used)
    }

    /// What the generator took meanwhile, in percent of a core.
    #[must_use]
    pub fn generator(&self) -> f64 {
        self.generator
    }

    /// How busy the cores were in the time in which processes took this, as figures of a report; nothing when there are no two cores.
    #[must_use]
    pub fn busy(&self, used: &[Used]) -> BTreeMap<String, f64> {
        let busy = self.window(used).and_then(|window| window.busy);
        let figures = busy.iter().flat_map(Busy::figures);
        figures.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What nodes and Redis have counted themselves in the time in which processes took this, as figures of a report.
    ///
    /// # Errors
    /// A sentence, when one of them did not tell.
    pub async fn counted(&self, used: &[Used]) -> Result<BTreeMap<String, f64>, String> {
        let Some(window) = self.window(used) else { return Ok(BTreeMap::new()) };
        let after = counted::wait(window.after.clone()).await?;
        Ok(after.since(&counted::wait(window.before.clone()).await?))
    }

    /// The time in which processes took this: of a load with many steps only one's figures are kept, or none's.
    fn window(&self, used: &[Used]) -> Option<&Window> {
        self.windows.iter().rev().find(|window| !used.is_empty() && window.used == used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn figures_belong_to_the_time_in_which_they_were_taken() {
        let mut probe = Probe::default();
        assert!(probe.end().is_err(), "it never began");
        probe.begin().expect("nothing can have gone");
        assert_eq!(probe.end(), Ok(Vec::new()));
        let used = |cpu| vec![Used { name: "node".to_owned(), counts: true, cpu, rss: 1, samples: Vec::new() }];
        let cores = Cores::default();
        for (cpu, known) in [(1.0, 100), (2.0, 200)] {
            let busy = Some(cores.since(&cores, Duration::from_secs(1), Duration::from_millis(known), false));
            probe.windows.push(Window {
                used: used(cpu),
                busy,
                before: Asked::default().ask(),
                after: Asked::default().ask(),
            });
        }
        let foreign = |cpu| probe.busy(&used(cpu)).get(cores::FOREIGN).map(|value| value.round());
        assert_eq!([1.0, 2.0, 3.0].map(foreign), [Some(90.0), Some(80.0), None]);
        assert!(probe.busy(&[]).is_empty());
        assert_eq!(probe.counted(&used(1.0)).await, Ok(BTreeMap::new()));
    }
}
