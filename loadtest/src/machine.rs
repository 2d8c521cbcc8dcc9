//! What the machine can do for a measurement: keep processes on cores of their own, and wake at an exact time.
//!
//! Linux only, as is all that needs it.
#![cfg(target_os = "linux")]

use std::io;
use std::time::Instant;

/// The core of everything that is measured.
pub const SERVERS: usize = 0;
/// The core of the generator, and of stores whose cost is not to count.
pub const GENERATOR: usize = 1;
/// Load average, in processes, above which something else is at work when a run begins.
const QUIET: f64 = 0.5;

/// Keeps this thread, and every process that it starts from now on, on one core.
///
/// # Errors
/// When there is no such core, or the system cannot.
pub fn pin(core: usize) -> io::Result<()> {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    Ok(rustix::thread::sched_setaffinity(None, &cores)?)
}

/// Lets this process open as many files as it may at most, each connection being one; children inherit that.
pub fn open_many_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    // A run that needs more says so itself, when it cannot connect.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, most);
}

/// What the machine is, whether everything has a core of its own, and whether something else is at work.
#[must_use]
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown CPU", |(_, name)| name.trim());
    let load = load(&std::fs::read_to_string("/proc/loadavg").unwrap_or_default());
    let pinned = match pin(SERVERS).and_then(|()| pin(GENERATOR)) {
        Ok(()) => format!("servers on core {SERVERS}, generator on core {GENERATOR}"),
        Err(error) => format!("NOT PINNED ({error}): servers and generator share cores, so figures say little"),
    };
    let build = if cfg!(debug_assertions) { "; DEBUG BUILD of the load test: figures say nothing" } else { "" };
    format!("{model}, {cores} cores; {load}; {pinned}{build}")
}

/// The load average of the last minute, with a warning if it is high.
fn load(averages: &str) -> String {
    match averages.split_ascii_whitespace().next().and_then(|load| load.parse::<f64>().ok()) {
        Some(load) if load > QUIET => format!(
            "NOT QUIET: load average {load} at the start, above {QUIET}: stop what else runs, wait a minute, and start again"
        ),
        Some(load) => format!("load average {load} at the start"),
        None => "load average unknown".to_owned(),
    }
}

/// Wakes at exact times. The runtime's timer counts in milliseconds, more than what is to be measured.
#[derive(Debug)]
pub struct Alarm(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

impl Alarm {
    /// A new one.
    ///
    /// # Errors
    /// When the system has none.
    pub fn new() -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags};
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(
            deprecated,
            reason = "unsound only for what does not own its descriptor; its successor is unsafe to call"
        )]
        Ok(Self(tokio::io::unix::AsyncFd::new(timer)?))
    }

    /// Waits until then.
    ///
    /// # Errors
    /// When the system's timer fails.
    pub async fn until(&self, at: Instant) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec};
        loop {
            let left = at.saturating_duration_since(Instant::now());
            let Ok(value) = Timespec::try_from(left) else { return Ok(()) };
            if left.is_zero() {
                return Ok(());
            }
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &once)?;
            let mut rung = self.0.readable().await?;
            let mut count = [0; 8];
            // Nothing to read: it was not this time's ring.
            let _ = rustix::io::read(&self.0, &mut count);
            rung.clear_ready();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_busy_start_is_said_loudly() {
        assert_eq!(load("0.50 1.20 1.35 2/200 21971"), "load average 0.5 at the start");
        assert!(load("0.51 0.10 0.00 1/200 2").starts_with("NOT QUIET: load average 0.51"));
        assert_eq!(load(""), "load average unknown");
    }

    #[tokio::test]
    async fn an_alarm_does_not_ring_early() {
        let alarm = Alarm::new().expect("a timer");
        for micros in [0, 300, 2_500] {
            let at = Instant::now() + Duration::from_micros(micros);
            alarm.until(at).await.expect("it rings");
            assert!(Instant::now() >= at);
        }
    }
}
