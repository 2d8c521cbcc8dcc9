//! How a room goes on while the hot store is away: on the durable store alone.
//!
//! After a grace the room looks at the durable log instead. As soon as there is something to write, it begins a direct epoch, or joins the one that another node
//! has begun, and appends each call itself; what others append it reads a few times a second. It keeps asking the hot store; when that answers, the ordinary
//! course ends the direct epoch by a heal.

use super::{Aside, Done, End, Room};
use crate::durable::load::{Tail, since, tail};
use crate::durable::{DurableError, Entry};
use crate::hub::ISOLATED;
use crate::hub::direct::{Direct, LOOK, PAUSE, POLL, PROBE};
use crate::hub::propose::Proposed;
use crate::metrics;
use crate::protocol::close::Close;
use crate::protocol::commit::Commit;
use crate::recovery::course::Need;
use crate::recovery::direct::{Went, append, go};
use crate::recovery::replica::Broken;
use tokio::time::Instant;

/// What there is of the log after a known tail; `None` when that is not there any more.
pub(super) type News = Result<Option<(Vec<Entry>, Tail)>, DurableError>;

impl Room {
    /// The grace is over: goes on without the hot store.
    pub(super) fn go_direct(&mut self, now: Instant) {
        if self.course.direct.is_none() {
            self.course.direct = Some(Direct::new(now));
        }
    }

    /// When there is something to do without the hot store.
    pub(super) fn direct_deadline(&self) -> Option<Instant> {
        let direct = self.course.direct.as_ref().filter(|direct| direct.is_on())?;
        // A request under way comes back by itself.
        if self.in_flight.is_some() {
            direct.probe_due()
        } else {
            Some(direct.deadline(self.has_work(), self.only_watches()))
        }
    }

    /// Whether there is something to write, and this node is the one to do it.
    fn has_work(&self) -> bool {
        let unsaid = || !(self.in_direct_epoch() || (self.is_saved() && self.unsure.is_empty()));
        !self.only_watches() && (!self.queue.is_empty() || unsaid())
    }

    /// Whether the room is in a direct epoch.
    pub(super) fn in_direct_epoch(&self) -> bool {
        self.course.direct.as_ref().is_some_and(|direct| direct.tail.is_some())
    }

    /// Whether another node reaches the hot store: this one writes nothing, and only looks what is saved.
    fn only_watches(&self) -> bool {
        self.stores.is_isolated() || self.course.direct.as_ref().is_some_and(|direct| direct.ended.is_some())
    }

    /// Has members go to the nodes that go on.
    pub(super) fn give_way(&mut self) {
        if self.stores.is_isolated() || self.course.direct.as_ref().is_some_and(Direct::left) {
            self.refuse_queue();
            self.members.close_all(Close::Restart, ISOLATED);
        }
    }

    /// Asks now and then whether the hot store is there again, beside everything else: it may take its time not to answer.
    pub(super) fn keep_probing(&mut self, now: Instant) {
        let Some(direct) = &mut self.course.direct else { return };
        if direct.back || direct.probing || now < direct.probe {
            return;
        }
        direct.probing = true;
        let (project, hot, asides) = (self.project.clone(), self.stores.hot.clone(), self.asides.clone());
        let position = self.replica.position();
        tokio::spawn(async move {
            let answers = hot.verify(&project, position).await.is_ok();
            // A room that has ended asks no more.
            let _ = asides.send(Aside::Probed(answers));
        });
    }

    /// The hot store answers, or not.
    pub(super) fn probed(&mut self, answers: bool) {
        let Some(direct) = &mut self.course.direct else { return };
        direct.probing = false;
        direct.probe = Instant::now() + PROBE;
        direct.back |= answers;
        if let Some(failures) = &mut direct.ended {
            *failures += u32::from(!answers);
        }
        if answers {
            self.course.need = Need::Verify(None);
            self.course.try_now();
        }
    }

    /// Starts the next step without the hot store.
    pub(super) fn start_direct(&mut self) {
        let (now, has_work, only_watches) = (Instant::now(), self.has_work(), self.only_watches());
        let Some(direct) = &mut self.course.direct else { return };
        if now < direct.retry {
            return;
        }
        let (project, durable) = (self.project.clone(), self.stores.durable.clone());
        match direct.tail.filter(|_| !only_watches) {
            None if has_work => self.join_direct(),
            None if now >= direct.poll => {
                direct.poll = now + LOOK;
                self.in_flight =
                    Some(Box::pin(async move { Done::Looked(tail(&*durable, &project, &Tail::START).await) }));
            }
            Some(known) if direct.behind || (now >= direct.poll && !has_work) => {
                direct.poll = now + POLL;
                self.reads_log();
                self.in_flight =
                    Some(Box::pin(async move { Done::News(known, since(&*durable, &project, &known).await) }));
            }
            Some(_) if has_work => self.append_call(),
            _ => {}
        }
    }

    fn append_call(&mut self) {
        let Some(proposed) = self.next_call() else { return };
        let (project, durable) = (self.project.clone(), self.stores.durable.clone());
        let commits = proposed.call.proposals.iter().map(|proposal| proposal.commit.clone()).collect();
        self.in_flight = Some(Box::pin(async move {
            let stored = append(&project, &*durable, proposed.call.position, commits).await;
            Done::Appended(Box::new(proposed), stored)
        }));
    }

    /// A call was appended, or not.
    pub(super) fn appended(&mut self, proposed: Proposed, stored: Result<Tail, String>) {
        metrics::direct_call(stored.is_ok());
        match (stored, &mut self.course.direct) {
            (Ok(tail), Some(direct)) => {
                direct.tail = Some(tail);
                direct.poll = Instant::now() + POLL;
                let first = proposed.call.position.seq + 1;
                self.accepted(proposed, first);
                self.saved_up_to(tail);
            }
            (Ok(_), None) => self.again(proposed),
            (Err(why), direct) => {
                tracing::debug!(project = %self.project, why, "a call was not appended: the log is read first");
                if let Some(direct) = direct {
                    direct.behind = true;
                }
                self.again(proposed);
            }
        }
    }

    /// Everything up to here is durable: the log says so.
    fn saved_up_to(&mut self, tail: Tail) {
        if self.replica.mark_saved(tail.position) {
            self.settle();
        }
    }

    /// A direct epoch was begun or joined, or not.
    pub(super) fn went(&mut self, went: Went) {
        match went {
            Went::Direct(state, tail) => {
                self.works();
                self.course.was_direct = Some(tail.position.epoch);
                if let Some(direct) = &mut self.course.direct {
                    direct.tail = Some(tail);
                    direct.behind = false;
                    direct.ended = None;
                    direct.poll = Instant::now() + POLL;
                }
                self.adopt(*state);
                self.propose_held();
                self.log_read();
            }
            Went::Ended => self.was_ended(),
            Went::Deleted => self.end = Some(End::Deleted),
            Went::NotNow(why) => {
                tracing::warn!(project = %self.project, why, "the project cannot go on without the hot store yet");
                self.does_not_work();
            }
        }
    }

    /// Where the durable log ends: if in a direct epoch, others have gone on.
    pub(super) fn looked(&mut self, looked: Result<Tail, DurableError>) {
        let saved = self.replica.saved();
        match looked {
            Ok(tail) if tail.is_deleted() => self.end = Some(End::Deleted),
            Ok(tail) => {
                self.works();
                self.saved_up_to(tail);
                if tail.direct && tail.position.seq > saved.seq && !self.stores.is_isolated() {
                    self.join_direct();
                }
            }
            Err(error) => self.neither_works(&error),
        }
    }

    /// Begins a direct epoch, or follows the one that others have begun.
    fn join_direct(&mut self) {
        let (project, durable, was) = (self.project.clone(), self.stores.durable.clone(), self.course.was_direct);
        let mine: Vec<Commit> = self.unsaved().chain(self.course.held.commits()).cloned().collect();
        self.reads_log();
        self.in_flight = Some(Box::pin(async move { Done::Went(go(&project, &*durable, &mine, was).await) }));
    }

    /// What others have appended since `known`.
    pub(super) fn news(&mut self, known: Tail, news: News) {
        match news {
            Ok(Some((_, tail))) if tail.is_deleted() => self.end = Some(End::Deleted),
            Ok(Some((entries, tail))) => {
                self.works();
                let Some(direct) = &mut self.course.direct else { return };
                direct.behind = false;
                direct.tail = Some(tail);
                for entry in entries {
                    if !entry.direct {
                        return self.was_ended();
                    }
                    match self.replica.learn(entry.from, entry.prev, &entry.commits) {
                        Ok(_) => {
                            self.follow_others(entry.from, &entry.commits);
                            self.replica.enter_epoch(entry.epoch);
                            self.course.was_direct = Some(entry.epoch);
                            self.settle();
                        }
                        Err(Broken::Changes(error)) => return self.end = Some(End::Lost(error.to_string())),
                        // Not the history that this room is on: take the log's.
                        Err(_) => return self.join_direct(),
                    }
                }
                self.saved_up_to(tail);
                self.propose_held();
                self.log_read();
            }
            Ok(None) => {
                tracing::debug!(project = %self.project, ?known, "the log is loaded anew");
                self.join_direct();
            }
            Err(error) => self.neither_works(&error),
        }
    }

    fn works(&mut self) {
        if let Some(direct) = &mut self.course.direct {
            direct.works = true;
            direct.pause = PAUSE.0;
        }
    }

    fn neither_works(&mut self, error: &DurableError) {
        tracing::warn!(project = %self.project, %error, "neither the hot nor the durable store answers");
        self.does_not_work();
    }

    fn does_not_work(&mut self) {
        let Some(direct) = &mut self.course.direct else { return };
        direct.pause = (direct.pause * 2).min(PAUSE.1);
        direct.retry = Instant::now() + direct.pause;
        if direct.pause == PAUSE.1 {
            // For long, and not only because others were first: their authors are told to come back.
            direct.works = false;
            self.refuse_queue();
        }
    }

    /// Another node reaches the hot store and has gone on with the project there. So may this one, which is asked at once; else members go to that node.
    fn was_ended(&mut self) {
        if let Some(direct) = &mut self.course.direct {
            direct.ended.get_or_insert(0);
            direct.probe = Instant::now();
        }
    }
}
