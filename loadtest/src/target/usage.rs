//! CPU time and memory of a process, as Linux tells them. Pure but for [`Usage::of`].

use std::fs;
use std::time::Duration;

/// What a process has used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time of all its threads, user and system.
    pub cpu: Duration,
    /// Resident memory, in KiB.
    pub rss: u64,
}

impl Usage {
    /// Of a process that runs, by its id or `self`.
    ///
    /// # Errors
    /// A sentence, when it has gone or the system tells nothing.
    pub fn of(process: &str) -> Result<Self, String> {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            fs::read_to_string(&path).map_err(|e| format!("{path} cannot be read: {e}"))
        };
        #[cfg(target_os = "linux")]
        let ticks = rustix::param::clock_ticks_per_second();
        #[cfg(not(target_os = "linux"))]
        let ticks = 100;
        let cpu = cpu(&read("stat")?, ticks).ok_or_else(|| format!("/proc/{process}/stat is not understood"))?;
        let rss = rss(&read("status")?).ok_or_else(|| format!("/proc/{process}/status is not understood"))?;
        Ok(Self { cpu, rss })
    }
}

impl Usage {
    /// Of a process and its children, which do the work of a Postgres. Memory that they share counts more than once.
    ///
    /// # Errors
    /// As [`Usage::of`], for the process itself.
    pub fn with_children(process: &str) -> Result<Self, String> {
        let mut all = Self::of(process)?;
        // A system that does not tell has no children to tell of; and a child may have gone since.
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
        for child in children.split_ascii_whitespace().filter_map(|child| Self::of(child).ok()) {
            all.cpu += child.cpu;
            all.rss += child.rss;
        }
        Ok(all)
    }
}

/// User and system time of `/proc/…/stat`, which counts in ticks: fields 14 and 15, the second being a name that may contain anything.
#[must_use]
pub fn cpu(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_micros((user + system).checked_mul(1_000_000)?.checked_div(ticks_per_second)?))
}

/// Resident memory of `/proc/…/status`, in KiB.
#[must_use]
pub fn rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "4242 (a) b (c) S 1 4242 4242 0 -1 4194560 1204 0 0 0 250 37 9 9 20 0 3 0 8 1 1";
        assert_eq!(cpu(stat, 100), Some(Duration::from_millis(2_870)));
        assert_eq!(cpu("4242 (a", 100), None);
        assert_eq!(cpu("4242 (a) S 1 2", 100), None);
        assert_eq!(cpu(stat, 0), None);
    }

    #[test]
    fn memory_is_the_resident_part() {
        let status = "Name:\tnode\nVmHWM:\t   20000 kB\nVmRSS:\t   10240 kB\nThreads:\t3\n";
        assert_eq!(rss(status), Some(10_240));
        assert_eq!(rss("Name:\tzombie\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn we_use_something_ourselves() {
        assert!(Usage::of("self").expect("we run").rss > 0);
        assert!(Usage::of("0").expect_err("nobody has this id").contains("/proc/0/stat"));
    }
}
