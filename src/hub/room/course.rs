//! How a room stays on the hot store's history, and comes back to it.
//!
//! Pub/Sub may lose anything at any time, and the hot store may come back empty, older or forked; no connection state tells. So a room asks now and then whether
//! its position is on the store's history (*verify*), and decides by the answer: fill up from the log, adopt the store's newer lineage, or heal. What it has and
//! the new lineage lacks is held and proposed once more.

use super::{Done, Room};
use crate::hot::HotError;
use crate::hub::direct::Direct;
use crate::hub::held::Held;
use crate::ids::{Epoch, Position, Seq};
use crate::protocol::commit::Commit;
use crate::protocol::message::{Mode, ServerMessage};
use crate::protocol::refusal::Code;
use crate::protocol::run::Run;
use crate::recovery::course::Need;
use crate::recovery::lineage::heal;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A room in which something happens asks this often whether it has missed anything: the last event of a burst leaves no hole to see.
const VERIFY: Duration = Duration::from_millis(1_500);
/// A quiet one this often.
const VERIFY_QUIET: Duration = Duration::from_secs(5);
/// Without events for so long, a room is quiet.
const QUIET: Duration = Duration::from_secs(30);
/// An event beyond a hole waits so long for the one before it: with Pub/Sub apart from the store, they may come out of order.
const HOLE: Duration = Duration::from_millis(50);
/// First and longest pause after a store did not answer.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// The longest pause while the hot store is silent: several fit into the grace, so that a room does not leave a store that is back.
const PAUSE_SILENT: Duration = Duration::from_millis(250);
/// When to send a batch again that the store had no answer to, in ms.
pub(super) const UNAVAILABLE_RETRY_MS: u32 = 1_000;
/// So long batches wait for a hot store that does not answer before their authors are told to come back.
const GRACE: Duration = Duration::from_millis(2_500);

/// The hot store does not do what it is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble {
    since: Instant,
    /// Since when it has not answered at all.
    silent: Option<Instant>,
    retry: Instant,
    pause: Duration,
    /// It answers, but takes nothing: only an accepted call ends that.
    pub(super) refuses: bool,
}

impl Trouble {
    fn new(now: Instant) -> Self {
        Self { since: now, silent: None, retry: now, pause: PAUSE.0 / 2, refuses: false }
    }
}

/// How a room and the hot store stand to each other.
#[derive(Debug)]
pub(in crate::hub) struct Course {
    /// Whether the hot store has the project; one that is only looked at is not put there.
    pub(super) installed: bool,
    /// Somebody else may have written to the durable store: putting the project into the hot one has failed.
    pub(super) overtaken: bool,
    pub(super) need: Need,
    pub(super) trouble: Option<Trouble>,
    /// Which life of the store's connection the last proof belongs to.
    pub(super) lives: Option<u64>,
    /// When the store last said that the replica is on its history.
    pub(super) proved: Instant,
    /// When the last commit came.
    pub(super) moved: Instant,
    /// Runs beyond a hole, by first seq, and since when.
    pub(super) ahead: BTreeMap<Seq, Run>,
    pub(super) hole: Option<Instant>,
    pub(super) held: Held,
    /// When the durable log was last found to end where the room does, though the hot store has nothing.
    pub(super) looked: Option<Instant>,
    /// What the room does while the hot store is away.
    pub(super) direct: Option<Direct>,
    /// The epoch that this room has sealed last, when it is not known to be installed.
    pub(super) sealed: Option<Epoch>,
    /// The direct epoch that the room was in last, until it is on the hot store's history again.
    pub(super) was_direct: Option<Epoch>,
    mode: Mode,
}

impl Course {
    /// `installed` says whether the hot store has the project, `lives` which of its lives that was, `need` what must be done first.
    pub(in crate::hub) fn new(installed: bool, lives: Option<u64>, need: Need) -> Self {
        let now = Instant::now();
        Self {
            installed,
            overtaken: false,
            need,
            trouble: None,
            lives,
            proved: now,
            moved: now,
            ahead: BTreeMap::new(),
            hole: None,
            held: Held::default(),
            looked: None,
            direct: None,
            was_direct: None,
            sealed: None,
            mode: Mode::Normal,
        }
    }

    /// Asks the store, before anything else, whether the room is up to date.
    pub(super) fn ask(&mut self) {
        if self.need == Need::Nothing {
            self.need = Need::Verify(None);
        }
    }

    /// Whether the room lacks nothing that it has heard of.
    pub(super) fn holds_nothing(&self) -> bool {
        self.held.is_empty() && self.ahead.is_empty()
    }

    /// Whether the room goes on without the hot store.
    pub(super) fn is_direct(&self) -> bool {
        self.direct.as_ref().is_some_and(Direct::is_on)
    }

    /// The store has answered, whatever it said.
    pub(super) fn heard(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.silent = None;
        }
    }

    /// The store may be asked again at once.
    pub(super) fn try_now(&mut self) {
        if let Some(trouble) = &mut self.trouble {
            trouble.retry = Instant::now();
        }
    }

    /// Normal, or degraded while the store is away.
    pub(in crate::hub) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the store must be left alone for now.
    fn pauses(&self, now: Instant) -> bool {
        self.trouble.is_some_and(|trouble| now < trouble.retry)
    }
}

impl Room {
    /// When the room has something to ask the store, or to try again.
    pub(super) fn course_deadline(&self) -> Option<Instant> {
        if self.in_flight.is_some() || self.course.is_direct() {
            return None;
        }
        match self.course.trouble {
            Some(trouble) if self.course.need != Need::Nothing || !self.queue.is_empty() => Some(trouble.retry),
            _ => self.verify_due(),
        }
    }

    /// When the members must be told that the store is away.
    pub(super) fn grace_deadline(&self) -> Option<Instant> {
        let trouble = self.course.trouble.filter(|trouble| !trouble.refuses)?;
        let told = (self.course.mode == Mode::Normal).then_some(trouble.since);
        let direct = trouble.silent.filter(|_| self.course.direct.is_none());
        [told, direct].into_iter().flatten().min().map(|since| since + GRACE)
    }

    fn verify_due(&self) -> Option<Instant> {
        let course = &self.course;
        course.lives?;
        let idle = self.members.is_empty() && self.is_saved();
        let verify =
            (!idle).then_some(course.proved + if course.moved.elapsed() < QUIET { VERIFY } else { VERIFY_QUIET });
        [course.hole.map(|since| since + HOLE), verify].into_iter().flatten().min()
    }

    /// Looks whether it is time to ask the store.
    pub(super) fn keep_course(&mut self, now: Instant) {
        let idle = self.course.need == Need::Nothing && self.in_flight.is_none();
        if idle && self.verify_due().is_some_and(|due| now >= due) {
            self.course.hole = None;
            self.course.ask();
        }
        if let Some(trouble) = self.course.trouble
            && !trouble.refuses
        {
            let over = |since: Instant| now >= since + GRACE;
            if trouble.silent.is_some_and(over) {
                self.set_mode(Mode::Degraded);
                self.go_direct(now);
                self.give_way();
            } else if over(trouble.since) && self.course.direct.is_none() {
                // It answers, but a heal takes its time: a direct epoch would only end what others begin.
                self.set_mode(Mode::Degraded);
                self.refuse_queue();
            }
        }
        self.keep_probing(now);
    }

    /// Starts what must be done before the next call. Returns whether the next call may begin.
    pub(super) fn take_course(&mut self) -> bool {
        if self.course.pauses(Instant::now()) {
            return false;
        }
        let (project, stores) = (self.project.clone(), self.stores.clone());
        let position = self.replica.position();
        match self.course.need {
            Need::Nothing | Need::Uninstalled => return true,
            Need::Verify(_) | Need::Wait => {
                let epoch = if let Need::Verify(epoch) = self.course.need { epoch } else { None };
                let asked = Position { epoch: epoch.unwrap_or(position.epoch), ..position };
                self.in_flight =
                    Some(Box::pin(async move { Done::Verified(asked, stores.hot.verify(&project, asked).await) }));
            }
            Need::Load => self.in_flight = Some(Box::pin(async move { Done::Loaded(stores.hot.load(&project).await) })),
            Need::Heal => {
                // However long it takes, members are told after a while.
                let now = Instant::now();
                self.course.trouble.get_or_insert(Trouble::new(now));
                let mine: Vec<Commit> = self.unsaved().chain(self.course.held.commits()).cloned().collect();
                self.in_flight =
                    Some(Box::pin(
                        async move { Done::Healed(heal(&project, &stores.both(), position.epoch, &mine).await) },
                    ));
            }
        }
        self.course.need = Need::Nothing;
        false
    }

    /// The store did not do what it was asked: try again later, and tell the authors after a while.
    pub(super) fn in_trouble(&mut self, error: &HotError) {
        if self.course.trouble.is_none() {
            tracing::warn!(project = %self.project, %error, "the hot store does not answer");
        }
        self.pause();
        self.course.need = Need::Verify(None);
        if let (Some(trouble), HotError::Unavailable(_)) = (&mut self.course.trouble, error) {
            trouble.silent.get_or_insert_with(Instant::now);
        }
        if let Some(direct) = &mut self.course.direct {
            // It was there for a moment: the project goes on without it.
            direct.go_on();
            return;
        }
        let refuses = matches!(error, HotError::Refused(_));
        if let Some(trouble) = &mut self.course.trouble {
            trouble.refuses = refuses;
        }
        if refuses {
            self.course.heard();
            self.set_mode(Mode::Degraded);
            self.refuse_queue();
        }
    }

    /// Whether a new batch is worth a call: not while the store is away, but one now and then tries whether it takes anything again.
    pub(super) fn takes_batches(&self) -> bool {
        match self.course.trouble {
            Some(trouble) if trouble.refuses => {
                self.queue.is_empty() && self.in_flight.is_none() && Instant::now() >= trouble.retry
            }
            _ => self.course.direct.as_ref().map_or(self.course.mode == Mode::Normal, Direct::takes_batches),
        }
    }

    pub(super) fn pause(&mut self) {
        let now = Instant::now();
        let trouble = self.course.trouble.unwrap_or(Trouble::new(now));
        let longest = if trouble.silent.is_some() { PAUSE_SILENT } else { PAUSE.1 };
        let pause = (trouble.pause * 2).min(longest);
        self.course.trouble = Some(Trouble { retry: now + pause, pause, ..trouble });
    }

    pub(super) fn set_mode(&mut self, mode: Mode) {
        if self.course.mode != mode {
            self.course.mode = mode;
            self.members.say_to_all(&ServerMessage::Mode(mode));
        }
    }

    /// Tells the authors of all that waits to come back.
    pub(super) fn refuse_queue(&mut self) {
        self.turn_away_unsure();
        self.rebalancing = false;
        for waiting in std::mem::take(&mut self.queue) {
            if let Some((session, _)) = waiting.from {
                self.members.answered_at_once(session);
                self.members.not_now(session, waiting.batch.cid, Code::Unavailable, UNAVAILABLE_RETRY_MS);
            }
        }
    }
}
