//! How pressed a node is: for what part of the time a worker runs or would run if the system let it.
//!
//! Who can wait asks this for how long: commits on their way to those who have not asked for them. Fewer and fuller frames are how a node can save work, and
//! what it saves goes to those who wait for an answer.
//!
//! Time on a processor alone would not tell: two nodes that share one, or a node and its Redis, have a part of it each and are late all the same. Nor do
//! late alarms: they ring a millisecond late at rest. The scheduler of Linux counts both, the time that a thread has run and the time that it has waited to
//! (Documentation/scheduler/sched-stats.rst, the part on schedstat files of processes). On other systems nobody is pressed.

use std::cell::RefCell;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::{Duration, Instant};

/// From where a worker begins to be pressed to where it is so entirely, in thousandths of its time.
const SPAN: u32 = 200;
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Whether a node takes notice of how pressed it is.
#[derive(Debug, Clone, Copy)]
pub enum Pressure {
    /// It does, from this part of its workers' time on, in thousandths.
    From(u32),
    /// Nothing ever presses it, as in a world whose time does not pass by itself.
    Ignored,
}

impl Pressure {
    /// For a node whose answers wait for the other programs that it shares its processors with.
    pub const SHARED: Self = Self::From(700);
    /// For an embedded node, whose answers wait for its disk: it gains little until it can do no more, and waits for three fifths of the most then.
    pub const EMBEDDED: Self = Self::From(880);

    /// How long something may wait that waits for `most` when the worker that asks can do no more: zero while it is at ease.
    #[must_use]
    pub fn wait(self, most: Duration) -> Duration {
        let Self::From(at_ease) = self else { return Duration::ZERO };
        let taken = WORKER.with_borrow_mut(|worker| worker.as_mut().map_or(0, Worker::part));
        most * taken.saturating_sub(at_ease).min(SPAN) / SPAN
    }
}

thread_local! {
    /// This thread, where the system tells.
    static WORKER: RefCell<Option<Worker>> = RefCell::new(Worker::this());
}

/// What is known of a thread.
struct Worker {
    schedstat: File,
    looked: Instant,
    /// For how long it had run or waited to when it was looked at last.
    taken: Duration,
    /// What part of its time that is, of late, in thousandths.
    part: u32,
}

impl Worker {
    fn this() -> Option<Self> {
        let schedstat = File::open("/proc/thread-self/schedstat").ok()?;
        let mut worker = Self { schedstat, looked: Instant::now(), taken: Duration::ZERO, part: 0 };
        worker.taken = worker.read()?;
        Some(worker)
    }

    fn read(&mut self) -> Option<Duration> {
        let mut text = [0; 64];
        self.schedstat.seek(SeekFrom::Start(0)).ok()?;
        let length = self.schedstat.read(&mut text).ok()?;
        taken(std::str::from_utf8(&text[..length]).ok()?)
    }

    fn part(&mut self) -> u32 {
        let (now, before) = (Instant::now(), self.taken);
        let all = now - self.looked;
        if all >= LOOK
            && let Some(taken) = self.read()
        {
            (self.looked, self.taken) = (now, taken);
            // Half of what it was: one look is not to be trusted.
            self.part = (self.part + thousandths(taken.saturating_sub(before), all)) / 2;
        }
        self.part
    }
}

/// For how long a thread has run and waited to, by its schedstat: both in ns, then how often it was let.
fn taken(schedstat: &str) -> Option<Duration> {
    let mut numbers = schedstat.split_whitespace().map(str::parse::<u64>);
    Some(Duration::from_nanos(numbers.next()?.ok()?) + Duration::from_nanos(numbers.next()?.ok()?))
}

/// Which part of all that is.
fn thousandths(taken: Duration, all: Duration) -> u32 {
    let part = taken.as_micros() * 1_000 / all.as_micros().max(1);
    u32::try_from(part).unwrap_or(u32::MAX).min(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_takes_is_what_it_has_run_and_waited_to() {
        assert_eq!(taken("3000000 2000000 17\n"), Some(Duration::from_millis(5)));
        assert_eq!((taken("3000000"), taken("")), (None, None));
        let of = |ms| thousandths(Duration::from_millis(ms), Duration::from_millis(100));
        assert_eq!((of(0), of(75), of(180)), (0, 750, 1_000));
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn who_does_nothing_but_run_is_pressed_and_who_sleeps_is_not() {
        let most = Duration::from_millis(16);
        assert_eq!(Pressure::SHARED.wait(most), Duration::ZERO, "nothing is known yet");
        let began = Instant::now();
        while Pressure::SHARED.wait(most) < most || Pressure::EMBEDDED.wait(most) < most / 4 {
            assert!(began.elapsed() < Duration::from_secs(20), "it has felt nothing");
        }
        assert_eq!(Pressure::Ignored.wait(most), Duration::ZERO);
        while Pressure::SHARED.wait(most) > Duration::ZERO {
            tokio::time::sleep(LOOK).await;
            assert!(began.elapsed() < Duration::from_secs(20), "it does not get over it");
        }
    }
}
