//! How busy the two cores are, as Linux tells it. Pure but for [`Cores::now`] and [`interrupts_are_apart`].
//!
//! What a core did not do nothing in, it was busy: Linux counts idle time to the microsecond and busy time by looking now and then.

use crate::machine;
use flate2::read::GzDecoder;
use std::fs;
use std::io::Read as _;
use std::time::Duration;

/// Name of a figure: how busy the core of the servers was, in percent.
pub const SERVERS: &str = "core 0 %";
/// Name of a figure: how busy the core of the generator was, in percent.
pub const GENERATOR: &str = "core 1 %";
/// Name of a figure: the part of the servers' core that was taken by what does not belong to the run, in percent of the core.
pub const FOREIGN: &str = "core 0 foreign %";

/// What one core has not worked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Core {
    /// Time in which it had nothing to do.
    idle: Duration,
    /// Time of interrupts, those by software included.
    interrupts: Duration,
}

/// What both cores have not worked since the machine was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cores {
    servers: Core,
    generator: Core,
}

/// How busy they were in some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Busy {
    servers: f64,
    generator: f64,
    foreign: f64,
}

impl Cores {
    /// Up to now; `None` when there are not two cores, or the system does not tell.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::read(&fs::read_to_string("/proc/stat").ok()?, rustix::param::clock_ticks_per_second())
    }

    /// From the text of `/proc/stat`.
    fn read(stat: &str, ticks_per_second: u64) -> Option<Self> {
        let core = |number: usize| {
            let name = format!("cpu{number}");
            let line = stat.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '))?;
            let ticks = |field: usize| line.split_ascii_whitespace().nth(field)?.parse::<u64>().ok();
            let time = |a, b| {
                let micros = (ticks(a)? + ticks(b)?).checked_mul(1_000_000)?.checked_div(ticks_per_second)?;
                Some(Duration::from_micros(micros))
            };
            Some(Core { idle: time(3, 4)?, interrupts: time(5, 6)? })
        };
        Some(Self { servers: core(machine::SERVERS)?, generator: core(machine::GENERATOR)? })
    }

    /// How busy they were since an earlier look. `known` is the CPU time of what was to be on the servers' core; that of interrupts is the run's own as well, and
    /// not in it when the kernel keeps it apart.
    #[must_use]
    pub fn since(&self, before: &Self, took: Duration, known: Duration, interrupts_are_apart: bool) -> Busy {
        let percent = |time: Duration| 100.0 * time.as_secs_f64() / took.as_secs_f64().max(1e-6);
        let busy = |now: &Core, before: &Core| 100.0 - percent(now.idle.saturating_sub(before.idle)).min(100.0);
        let servers = busy(&self.servers, &before.servers);
        let interrupts = self.servers.interrupts.saturating_sub(before.servers.interrupts);
        let known = known + if interrupts_are_apart { interrupts } else { Duration::ZERO };
        Busy {
            servers,
            generator: busy(&self.generator, &before.generator),
            foreign: (servers - percent(known)).max(0.0),
        }
    }
}

impl Busy {
    /// As figures of a report.
    #[must_use]
    pub fn figures(&self) -> [(&'static str, f64); 3] {
        [(SERVERS, self.servers), (GENERATOR, self.generator), (FOREIGN, self.foreign)]
    }
}

/// Whether this kernel does not add the time of interrupts to the process that they interrupt. Taken to be so when it does not tell.
#[must_use]
pub fn interrupts_are_apart() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let config = fs::read_to_string(format!("/boot/config-{}", release.trim())).or_else(|_| {
        let mut text = String::new();
        GzDecoder::new(fs::File::open("/proc/config.gz")?).read_to_string(&mut text).map(|_| text)
    });
    config.map_or(true, |config| config.lines().any(|line| line == "CONFIG_IRQ_TIME_ACCOUNTING=y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "cpu  30 0 30 500 20 2 6 0 0 0\ncpu0 10 0 10 300 10 1 3 0 0 0\ncpu1 20 0 20 200 10 1 3 0 0 0\nintr 7\n";

    #[test]
    fn what_is_not_idle_is_busy() {
        let before = Cores::read(STAT, 100).expect("two cores");
        assert_eq!(before.servers.idle, Duration::from_millis(3_100));
        let after = STAT.replace("10 300 10 1 3", "10 330 10 1 13").replace("200 10", "290 10");
        let after = Cores::read(&after, 100).expect("two cores");
        let second = Duration::from_secs(1);
        let figures = |known, apart| {
            let busy = after.since(&before, second, Duration::from_millis(known), apart);
            busy.figures().map(|(_, value)| value.round())
        };
        assert_eq!(figures(600, false), [70.0, 10.0, 10.0]);
        assert_eq!(figures(600, true), [70.0, 10.0, 0.0]);
        assert_eq!(figures(720, false), [70.0, 10.0, 0.0], "clocks differ a little");
    }

    #[test]
    fn one_core_is_not_enough() {
        assert_eq!(Cores::read("cpu  1 0 1 1 1 1 1\ncpu0 1 0 1 1 1 1 1\ncpu10 1 0 1 1 1 1 1\n", 100), None);
        assert_eq!(Cores::read(STAT, 0), None);
    }
}
