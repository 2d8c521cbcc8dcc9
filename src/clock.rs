//! The wall clock, read here and nowhere else; everything that decides by time takes it as a parameter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970; 0 on a machine whose clock stands before that.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(since_1970().as_millis()).unwrap_or(u64::MAX)
}

/// Microseconds since 1970.
#[must_use]
pub fn now_us() -> u64 {
    u64::try_from(since_1970().as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
fn since_1970() -> Duration {
    #[cfg(test)]
    if let Some(simulated) = simulated::now() {
        return simulated;
    }
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
pub use simulated::{follow_tokio, is_simulated};

#[cfg(test)]
mod simulated {
    use std::cell::Cell;
    use std::time::Duration;
    use tokio::time::Instant;

    /// Where a simulated world begins: 2026, in seconds since 1970.
    const START: Duration = Duration::from_secs(1_780_000_000);

    thread_local! {
        static SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// From now on, this thread's wall clock goes with the runtime's, which may be paused; `false` makes it real again.
    pub fn follow_tokio(follows: bool) {
        SINCE.set(follows.then(Instant::now));
    }

    /// Whether this thread's wall clock is a simulated one.
    #[must_use]
    pub fn is_simulated() -> bool {
        SINCE.get().is_some()
    }

    pub(super) fn now() -> Option<Duration> {
        SINCE.get().map(|since| START + since.elapsed())
    }
}
