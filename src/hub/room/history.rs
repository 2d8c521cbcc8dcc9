//! What a room does with what it hears of its history: events, answers of the hot store, other lineages.

use super::{End, Room};
use crate::hot::{HotError, HotState, Mismatch, Verified};
use crate::hub::join;
use crate::ids::{Position, Seq};
use crate::mechanism::{Mechanism, on};
use crate::metrics;
use crate::protocol::commit::Commit;
use crate::protocol::message::Mode;
use crate::protocol::run::Run;
use crate::recovery::course::{Need, Standing, decide};
use crate::recovery::lineage::Begun;
use crate::recovery::replica::{Broken, Replica};
use tokio::time::Instant;

/// Runs that wait beyond a hole; what is more is read from the log.
const AHEAD: usize = 256;

impl Room {
    /// Commits that may be nowhere but here.
    pub(super) fn unsaved(&self) -> impl Iterator<Item = &Commit> {
        let saved = self.replica.saved();
        let tail = self.replica.after(saved.seq, saved.id).into_iter().flatten();
        tail.chain(self.course.ahead.values().flat_map(|run| run.commits.iter()))
    }

    pub(super) fn hear_commits(&mut self, run: Run) {
        let epoch = self.replica.position().epoch;
        self.course.moved = Instant::now();
        if run.epoch < epoch {
            return;
        }
        if run.epoch > epoch {
            self.course.ask();
            return;
        }
        match self.replica.learn(run.first, run.previous, &run.commits) {
            Ok(0) => {}
            Ok(_) => {
                self.follow_others(run.first, &run.commits);
                self.learnt();
                self.fill_from_ahead();
            }
            Err(Broken::Hole { .. }) if self.course.ahead.len() < AHEAD => {
                if let Some(other) = self.course.ahead.insert(run.first, run) {
                    self.course.held.put(other.commits.iter(), &self.replica, Instant::now());
                }
                self.course.hole.get_or_insert_with(Instant::now);
            }
            Err(Broken::Hole { .. }) => self.course.ask(),
            // Another branch: the store knows which one holds. This one is proposed again if it is not.
            Err(Broken::Fork) => {
                self.course.held.put(run.commits.iter(), &self.replica, Instant::now());
                self.course.ask();
            }
            Err(broken @ Broken::Changes(_)) => self.end = Some(End::Lost(broken.to_string())),
        }
    }

    /// Goes on with what had come too early.
    pub(super) fn fill_from_ahead(&mut self) {
        let next = self.replica.position().seq + 1;
        while let Some(entry) = self.course.ahead.first_entry().filter(|entry| *entry.key() <= next) {
            let run = entry.remove();
            self.hear_commits(run);
        }
        if self.course.ahead.is_empty() {
            self.course.hole = None;
        }
    }

    /// Commits of others are new in the replica.
    fn learnt(&mut self) {
        // They come from the hot store, whoever put the project there.
        self.course.installed = true;
        self.settle();
    }

    /// Takes commits that the store says this room has missed, which follow `from`.
    pub(super) fn catch_up(&mut self, from: Position, missed: &[Commit]) {
        if missed.is_empty() {
            return;
        }
        match self.replica.learn(from.seq + 1, from.id, missed) {
            Ok(count) => {
                if count > 0 {
                    metrics::repaired(count);
                    self.follow_others(from.seq + 1, missed);
                    self.learnt();
                }
                self.fill_from_ahead();
            }
            Err(Broken::Changes(error)) => self.end = Some(End::Lost(error.to_string())),
            Err(_) => self.course.ask(),
        }
    }

    pub(super) fn verified(&mut self, asked: Position, answer: Result<Verified, HotError>) {
        match answer {
            Ok(Verified::Same { head, saved, missed }) => {
                if asked.epoch > self.replica.position().epoch {
                    if !self.replica.position().same_history(&asked) {
                        // It has moved on with the old lineage meanwhile.
                        self.course.need = Need::Verify(Some(asked.epoch));
                        return;
                    }
                    self.replica.enter_epoch(asked.epoch);
                }
                self.course.installed = true;
                self.catch_up(asked, &missed);
                if self.replica.mark_saved(saved) {
                    self.settle();
                }
                if self.replica.position().seq < head && !missed.is_empty() {
                    self.course.ask();
                    return;
                }
                self.forget_ahead(head);
                self.on_course();
            }
            Ok(Verified::Mismatch(mismatch)) => self.off_course(mismatch, asked),
            Err(error) => self.in_trouble(&error),
        }
    }

    /// Lets go of what waits beyond a hole though the log has been read to its end: it may never have been accepted.
    fn forget_ahead(&mut self, head: Seq) {
        let beyond = std::mem::take(&mut self.course.ahead);
        for (first, run) in beyond {
            if first > head && on(Mechanism::Buffer) {
                self.course.held.put(run.commits.iter(), &self.replica, Instant::now());
            }
        }
        self.course.hole = None;
    }

    /// The store has said that the replica is on its history.
    pub(super) fn on_course(&mut self) {
        if self.course.sealed.is_some_and(|sealed| sealed > self.replica.position().epoch) {
            // What this room has sealed was never installed: the store would stay behind the durable log until the next commit is saved.
            self.course.need = Need::Heal;
            return;
        }
        self.course.sealed = None;
        self.course.proved = Instant::now();
        self.course.overtaken = false;
        self.course.direct = None;
        self.course.was_direct = None;
        if !self.course.trouble.is_some_and(|trouble| trouble.refuses) {
            self.in_order();
        }
        let lives = self.stores.hot.lives();
        if lives != self.course.lives && on(Mechanism::Rewind) {
            self.course.lives = lives;
            self.rewind();
        }
        self.propose_held();
        self.ask_further();
    }

    /// Nothing is wrong with the store.
    pub(super) fn in_order(&mut self) {
        self.course.direct = None;
        self.course.trouble = None;
        self.set_mode(Mode::Normal);
    }

    /// Proposes what is held and can be.
    pub(super) fn propose_held(&mut self) {
        let (course, members) = (&mut self.course, &self.members);
        course.held.settle(&self.replica);
        if course.held.is_empty() {
            return;
        }
        let given_up = course.held.give_up(&self.replica, |author| members.has(author), Instant::now());
        if given_up > 0 {
            tracing::error!(project = %self.project, given_up, "commits without their predecessor were given up");
            metrics::given_up(given_up);
        }
        for waiting in course.held.due(&self.replica).into_iter().rev() {
            self.queue.push_front(waiting);
        }
    }

    /// Has every session send again what is not saved: if the only room that held a commit has died, its author alone can know.
    fn rewind(&mut self) {
        // Each member sends again what it has no answer to. A copy of it that still waits would be answered before those in front of it.
        let members = &mut self.members;
        self.queue.retain(|waiting| waiting.from.is_none_or(|(session, _)| members.get_mut(session).is_none()));
        join::restart_all(self);
    }

    /// Decides what to do about a history that is not the store's.
    pub(super) fn off_course(&mut self, mismatch: Mismatch, asked: Position) {
        metrics::mismatch();
        self.course.heard();
        let room = Standing {
            epoch: self.replica.position().epoch,
            asked: asked.epoch,
            saved: self.is_saved(),
            // Other nodes may be in the direct epoch still: only another lineage ends it for them.
            overtaken: self.course.overtaken || self.in_direct_epoch(),
        };
        self.course.need = decide(mismatch, room);
        match self.course.need {
            Need::Wait => self.pause(),
            Need::Uninstalled => {
                self.course.need = Need::Nothing;
                self.is_cold();
            }
            _ => {}
        }
        if self.course.need == Need::Heal {
            tracing::warn!(project = %self.project, ?mismatch, position = ?asked, "the hot state is not this room's history");
        }
    }

    pub(super) fn loaded(&mut self, answer: Result<Option<HotState>, HotError>) {
        match answer {
            Ok(Some(state)) if state.position.epoch >= self.replica.position().epoch => {
                self.adopt(state);
                self.on_course();
            }
            Ok(_) => self.course.ask(),
            Err(error) => self.in_trouble(&error),
        }
    }

    /// A lineage was begun, or not.
    pub(super) fn begun(&mut self, begun: Begun, installing: bool) {
        match begun {
            Begun::Yes(state) => {
                self.adopt(*state);
                self.on_course();
            }
            Begun::Deleted => self.end = Some(End::Deleted),
            Begun::NotNow(why) => self.not_begun(&why, installing),
            Begun::Sealed(epoch, why) => {
                self.course.sealed = Some(epoch);
                self.not_begun(&why, installing);
            }
        }
    }

    fn not_begun(&mut self, why: &str, installing: bool) {
        tracing::warn!(project = %self.project, why, "a lineage could not be begun and is tried again");
        self.course.overtaken |= installing;
        self.course.need = Need::Verify(None);
        self.pause();
    }

    /// Takes the store's lineage for its own. What the room has and that lacks is held.
    pub(super) fn adopt(&mut self, state: HotState) {
        let now = Instant::now();
        // The new replica may not reach back so far.
        self.tell_commits();
        let old = std::mem::replace(&mut self.replica, Replica::new(state));
        let tail = old.after(old.saved().seq, old.saved().id);
        self.course.held.put(tail.into_iter().flatten(), &self.replica, now);
        for run in std::mem::take(&mut self.course.ahead).into_values() {
            self.course.held.put(run.commits.iter(), &self.replica, now);
        }
        self.course.hole = None;
        self.course.installed = true;
        let same = self.replica.id_at(old.position().seq) == Some(old.position().id);
        if same {
            // All that was told is still true: go on.
            self.settle();
        } else {
            self.rewind();
        }
    }
}
