//! What the machine can do for a measurement: keep processes on cores of their own, and wake at an exact time.
//!
//! Linux only; elsewhere nothing is pinned, which a report says, and the clock is a coarser one.

use std::io;
use std::time::Instant;

/// The core of everything that is measured.
pub const SERVERS: usize = 0;
/// The core of the generator, and of stores whose cost is not to count.
pub const GENERATOR: usize = 1;

/// Keeps this thread, and every process that it starts from now on, on one core.
///
/// # Errors
/// When there is no such core, or the system cannot.
pub fn pin(core: usize) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let mut cores = rustix::thread::CpuSet::new();
        cores.set(core);
        Ok(rustix::thread::sched_setaffinity(None, &cores)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = core;
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

/// Lets this process open as many files as it may at most, each connection being one; children inherit that.
pub fn open_many_files() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let most = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    // A run that needs more says so itself, when it cannot connect.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, most);
}

/// Wakes at exact times. The runtime's timer counts in milliseconds, more than what is to be measured.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct Alarm(tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>);

#[cfg(target_os = "linux")]
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

/// Wakes at times, to the millisecond.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub struct Alarm;

#[cfg(not(target_os = "linux"))]
impl Alarm {
    /// A new one.
    ///
    /// # Errors
    /// Never, here.
    pub fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits until then.
    ///
    /// # Errors
    /// Never, here.
    pub async fn until(&self, at: Instant) -> io::Result<()> {
        tokio::time::sleep_until(at.into()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
