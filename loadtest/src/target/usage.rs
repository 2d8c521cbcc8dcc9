//! CPU time and memory of a process, as Linux tells them.

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

/// What `/proc/…/stat` tells of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: char,
    parent: u32,
    /// CPU time of its threads.
    own: Duration,
    /// CPU time of its children that have ended.
    ended: Duration,
}

impl Stat {
    /// Fields 3, 4 and 14 to 17, which count in ticks; the second is a name that may contain anything.
    fn read(stat: &str, ticks_per_second: u64) -> Option<Self> {
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let time = |user: usize, system: usize| {
            let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
            let micros = (ticks(user)? + ticks(system)?).checked_mul(1_000_000)?.checked_div(ticks_per_second)?;
            Some(Duration::from_micros(micros))
        };
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            own: time(11, 12)?,
            ended: time(13, 14)?,
        })
    }

    /// Of a process, by its id or `self`.
    fn of(process: &str) -> Result<Self, String> {
        let path = format!("/proc/{process}/stat");
        let text = fs::read_to_string(&path).map_err(|e| format!("{path} cannot be read: {e}"))?;
        Self::read(&text, rustix::param::clock_ticks_per_second()).ok_or_else(|| format!("{path} is not understood"))
    }
}

impl Usage {
    /// Of a process that runs, by its id or `self`.
    ///
    /// # Errors
    /// A sentence, when it has ended or the system tells nothing.
    pub fn of(process: &str) -> Result<Self, String> {
        Ok(Self { cpu: running(process)?.own, rss: resident(process) })
    }

    /// Of a process and its children, which do the work of a Postgres, those that have ended included. Memory that they share counts more than once.
    ///
    /// # Errors
    /// As [`Usage::of`], for the process itself.
    pub fn with_children(process: &str) -> Result<Self, String> {
        let stat = running(process)?;
        let mut all = Self { cpu: stat.own + stat.ended, rss: resident(process) };
        // One that has gone since is among those that have ended at the next look.
        for (child, stat) in children(process).iter().filter_map(|child| Some((child, Stat::of(child).ok()?))) {
            all.cpu += stat.own + stat.ended;
            all.rss += resident(child);
        }
        Ok(all)
    }
}

/// What is told of a process that has not ended.
fn running(process: &str) -> Result<Stat, String> {
    let stat = Stat::of(process)?;
    if matches!(stat.state, 'Z' | 'X') { Err("it has ended".to_owned()) } else { Ok(stat) }
}

/// The ids of a process' children.
fn children(process: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|thread| fs::read_to_string(thread.path().join("children"))).collect::<Result<Vec<_>, _>>();
    match lists {
        Ok(lists) => lists.iter().flat_map(|list| list.split_ascii_whitespace()).map(str::to_owned).collect(),
        // A kernel without such lists tells each process' parent.
        Err(_) => by_parent(process),
    }
}

/// The same, by looking at all processes.
fn by_parent(process: &str) -> Vec<String> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().into_string().ok());
    let ids = ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    ids.filter(|id| Stat::of(id).is_ok_and(|stat| stat.parent.to_string() == process)).collect()
}

/// Resident memory of a process, in KiB; none of one that has ended.
fn resident(process: &str) -> u64 {
    rss(&fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default()).unwrap_or(0)
}

/// Resident memory of `/proc/…/status`, in KiB.
fn rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "4242 (a) b (c) S 17 4242 4242 0 -1 4194560 1204 0 0 0 250 37 9 8 20 0 3 0 8 1 1";
        let (own, ended) = (Duration::from_millis(2_870), Duration::from_millis(170));
        assert_eq!(Stat::read(text, 100), Some(Stat { state: 'S', parent: 17, own, ended }));
        assert_eq!(Stat::read("4242 (a", 100), None);
        assert_eq!(Stat::read("4242 (a) S 1 2", 100), None);
        assert_eq!(Stat::read(text, 0), None);
    }

    #[test]
    fn memory_is_the_resident_part() {
        let status = "Name:\tnode\nVmHWM:\t   20000 kB\nVmRSS:\t   10240 kB\nThreads:\t3\n";
        assert_eq!(rss(status), Some(10_240));
        assert_eq!(rss("Name:\tzombie\n"), None);
    }

    #[test]
    fn we_use_something_ourselves() {
        assert!(Usage::of("self").expect("we run").rss > 0);
        assert!(Usage::of("0").expect_err("nobody has this id").contains("/proc/0/stat"));
    }

    #[test]
    fn children_are_found_in_both_ways_and_the_dead_are_told() {
        let mut child = Command::new("sh").args(["-c", "read _"]).stdin(Stdio::piped()).spawn().expect("a shell");
        let (own, id) = (std::process::id().to_string(), child.id().to_string());
        assert!(children(&own).contains(&id) && by_parent(&own).contains(&id));
        child.kill().expect("it runs");
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while Usage::of(&id).is_ok() && std::time::Instant::now() < end {
            std::thread::yield_now();
        }
        assert_eq!(Usage::of(&id), Err("it has ended".to_owned()));
        child.wait().expect("it is ours");
    }
}
