//! What a room does when time has passed.

use super::{End, Room};
use std::time::Duration;
use tokio::time::Instant;

/// `saved` is told at most this late.
const SAVED_TICK: Duration = Duration::from_millis(50);
/// With no other deadline, a room looks up this often.
const LOOK_UP: Duration = Duration::from_secs(3_600);

/// When what is due.
#[derive(Debug)]
pub(super) struct Timers {
    /// The next presence message.
    presence: Instant,
    /// The next `saved` message, when somebody may not know yet what is saved.
    saved: Option<Instant>,
    ticks: u32,
    /// Since when nobody needs the room.
    idle_since: Option<Instant>,
}

impl Timers {
    pub(super) fn new(now: Instant) -> Self {
        Self { presence: now, saved: None, ticks: 0, idle_since: None }
    }
}

impl Room {
    /// Somebody may not know yet what is saved.
    pub(super) fn untold(&mut self) {
        self.timers.saved.get_or_insert_with(|| Instant::now() + SAVED_TICK);
    }

    /// When presence is to be told; `None` when there is nothing to tell.
    fn presence_due(&self) -> Option<Instant> {
        let is_new = self.roster.has_news() || self.members.presence_behind();
        let due = if is_new { Some(self.timers.presence) } else { self.roster.owed() };
        due.map(|due| due.max(self.timers.presence))
    }

    fn idle_time(&self) -> Duration {
        if self.draining { Duration::ZERO } else { self.settings.idle }
    }

    /// When [`Room::on_time`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        let presence = self.presence_due();
        let idle = if self.is_idle() {
            Some(self.timers.idle_since.map_or_else(Instant::now, |since| since + self.idle_time()))
        } else {
            None
        };
        let course =
            [self.course_deadline(), self.grace_deadline(), self.direct_deadline()].into_iter().flatten().min();
        let first = [
            self.telling.deadline(),
            self.telling.call_deadline(),
            presence,
            self.timers.saved,
            idle,
            course,
            self.others_deadline(),
            self.bots.deadline(),
        ]
        .into_iter()
        .flatten()
        .min();
        first.unwrap_or_else(|| Instant::now() + LOOK_UP)
    }

    /// Does what is due.
    pub(super) fn on_time(&mut self, now: Instant) {
        self.tell_when_due(now);
        if self.presence_due().is_some_and(|due| now >= due) {
            self.tell_presence();
            self.timers.presence = now + self.roster.tick();
        }
        if self.timers.saved.is_some_and(|due| now >= due) {
            self.timers.ticks = self.timers.ticks.wrapping_add(1);
            let all_know = self.members.tell_saved(self.replica.saved().seq, self.timers.ticks);
            self.timers.saved = (!all_know).then(|| now + SAVED_TICK);
        }
        self.keep_course(now);
        self.keep_others(now);
        self.keep_bots(now);
        if !self.is_idle() {
            self.timers.idle_since = None;
        } else if now >= *self.timers.idle_since.get_or_insert(now) + self.idle_time() {
            self.end = Some(End::Idle);
        }
    }
}
