//! One project open on this node: the one owner of its replica, its members and its order of work.
//!
//! A task that lives as long as somebody is there or something is unsaved. While a call to the hot store is in flight, what arrives
//! joins the next: a batch alone at rest, up to 64 under load. It decides through pure parts (`replica`, `propose`, `roster`) and
//! only moves their results.

use super::install::{Installed, install};
use super::join;
use super::mailbox::{Control, JoinError, Joiner, Mail, Mailbox};
use super::members::Members;
use super::propose::{Answer, AtOnce, Proposed, Verdict, Waiting, propose};
use super::replica::Replica;
use super::snapshot::{Snapshot, Snapshots};
use super::{RoomSettings, Stores};
use crate::fanout::{Event, Subscription};
use crate::hot::{HotError, Mismatch, Reply};
use crate::ids::{Author, ProjectId, Seq, SessionId};
use crate::metrics;
use crate::presence::roster::Roster;
use crate::project::rebalance::rebalance;
use crate::protocol::Encoding;
use crate::protocol::close::Close;
use crate::protocol::message::ServerMessage;
use crate::protocol::op::{Batch, Body};
use crate::protocol::refusal::Code;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// Messages that are taken from the mailbox in one turn.
const TURN: usize = 256;
/// `saved` is told at most this late.
const SAVED_TICK: Duration = Duration::from_millis(50);
/// When to send a batch again that the store had no answer to, in ms.
const UNAVAILABLE_RETRY_MS: u32 = 1_000;
/// When to send a batch again that was too many, in ms.
const OVERLOADED_RETRY_MS: u32 = 200;

/// What a call to a store has led to.
enum Done {
    Installed(Installed),
    Committed(Box<Proposed>, Result<Reply, HotError>),
}

/// Why a room ends.
enum End {
    /// Nobody is there and everything is saved.
    Idle,
    /// This history is over: load the project anew.
    Lost(String),
}

pub(super) struct Room {
    pub(super) project: ProjectId,
    pub(super) stores: Arc<Stores>,
    pub(super) settings: Arc<RoomSettings>,
    pub(super) replica: Replica,
    /// Whether the hot store has this project; a project that is only looked at is not put there.
    pub(super) installed: bool,
    pub(super) members: Members,
    pub(super) roster: Roster,
    pub(super) snapshots: Snapshots,
    /// Joiners who wait for a snapshot.
    pub(super) waiting: Vec<(Joiner, oneshot::Sender<Result<(), JoinError>>)>,
    pub(super) made: mpsc::UnboundedSender<(Encoding, Snapshot)>,
    seq: Arc<std::sync::atomic::AtomicU64>,
    queue: VecDeque<Waiting>,
    in_flight: Option<BoxFuture<'static, Done>>,
    /// Events that came while a call was in flight.
    heard: Vec<Event>,
    rebalancing: bool,
    draining: bool,
    end: Option<End>,
}

impl Room {
    /// Runs a room until nobody needs it. `subscription` must be older than the replica.
    pub(super) async fn run(
        project: ProjectId,
        stores: Arc<Stores>,
        settings: Arc<RoomSettings>,
        replica: Replica,
        installed: bool,
        mut mailbox: Mailbox,
        mut subscription: Subscription,
    ) -> Mailbox {
        let (made, mut snapshots_made) = mpsc::unbounded_channel();
        let mut room = Self {
            project,
            stores,
            settings,
            replica,
            installed,
            members: Members::default(),
            roster: Roster::default(),
            snapshots: Snapshots::default(),
            waiting: Vec::new(),
            made,
            seq: mailbox.seq.clone(),
            queue: VecDeque::new(),
            in_flight: None,
            heard: Vec::new(),
            rebalancing: false,
            draining: false,
            end: None,
        };
        room.publish_seq();
        let mut mail = Vec::with_capacity(TURN);
        let mut saved_tick = tokio::time::interval(SAVED_TICK);
        saved_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0_u32;
        let mut next_presence = Instant::now();
        let mut idle_since = Instant::now();
        while room.end.is_none() {
            room.start();
            let (is_idle, presence_due) = (room.is_idle(), room.presence_due());
            let idle_at = idle_since + room.idle_time();
            tokio::select! {
                biased;
                done = poll_in_flight(&mut room.in_flight) => room.finish(done),
                Some(event) = subscription.recv() => room.hear(event),
                Some(control) = mailbox.control.recv() => room.control(control),
                _ = mailbox.mail.recv_many(&mut mail, TURN) => mail.drain(..).for_each(|mail| room.mail(mail)),
                Some((encoding, snapshot)) = snapshots_made.recv() => room.snapshot_made(encoding, snapshot),
                () = tokio::time::sleep_until(next_presence), if presence_due => {
                    room.tell_presence();
                    next_presence = Instant::now() + room.roster.tick();
                }
                _ = tick(&mut saved_tick), if !room.members.is_empty() => {
                    ticks = ticks.wrapping_add(1);
                    room.members.tell_saved(room.replica.saved().seq, ticks);
                }
                () = tokio::time::sleep_until(idle_at), if is_idle => {
                    room.end = Some(End::Idle);
                }
            }
            if !room.is_idle() {
                idle_since = Instant::now();
            }
        }
        room.leave().await;
        mailbox
    }

    fn publish_seq(&self) {
        self.seq.store(self.replica.position().seq, Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        let saved = self.replica.saved().seq == self.replica.position().seq;
        self.members.is_empty() && self.waiting.is_empty() && self.queue.is_empty() && self.in_flight.is_none() && saved
    }

    fn idle_time(&self) -> Duration {
        if self.draining {
            Duration::ZERO
        } else {
            self.settings.idle
        }
    }

    fn presence_due(&self) -> bool {
        self.roster.has_news() || self.members.presence_behind()
    }

    /// Starts the next call, if none is in flight and there is something to do.
    fn start(&mut self) {
        if self.in_flight.is_some() || self.queue.is_empty() {
            return;
        }
        if !self.installed {
            let (project, stores, replica) = (self.project.clone(), self.stores.clone(), self.replica.clone());
            self.in_flight = Some(Box::pin(async move {
                Done::Installed(install(&project, &stores, &replica).await)
            }));
            return;
        }
        let proposed = propose(&self.replica, &mut self.queue, &self.settings.limits, &mut rand::rng());
        for (session, say) in &proposed.at_once {
            self.at_once(*session, *say);
        }
        if proposed.call.proposals.is_empty() {
            return;
        }
        metrics::call(proposed.call.proposals.len());
        let (project, stores) = (self.project.clone(), self.stores.clone());
        self.in_flight = Some(Box::pin(async move {
            let reply = stores.hot.commit(&project, proposed.call.clone()).await;
            Done::Committed(Box::new(proposed), reply)
        }));
    }

    fn at_once(&mut self, session: SessionId, say: AtOnce) {
        let position = self.replica.position();
        match say {
            AtOnce::Repeat(cid, seq) => {
                metrics::repeated();
                let verdict = Verdict::Accepted(Vec::new());
                self.members.decided(session, Answer { cid, seq, verdict });
                self.settle();
            }
            AtOnce::Gap(expected) => {
                if let Some(member) = self.members.get_mut(session) {
                    member.say(&ServerMessage::Gap { expected });
                }
            }
            AtOnce::InUse => {
                tracing::warn!(project = %self.project, session, seq = position.seq, "two pages share a client id");
                if let Some(member) = self.members.get_mut(session) {
                    let message = "this client id has sent other ops with the same cid: start with a new client id";
                    member.outbox.close(Close::ClientIdInUse, message);
                }
            }
        }
    }

    fn finish(&mut self, done: Done) {
        self.in_flight = None;
        match done {
            Done::Installed(Installed::Yes { epoch, seal }) => {
                self.installed = true;
                self.replica.enter_epoch(epoch);
                let first = self.replica.position().seq + 1;
                self.replica.accept(seal, Vec::new());
                self.replica.mark_saved(self.replica.position());
                self.send_commits(first);
            }
            Done::Installed(Installed::NotNow(why)) => {
                tracing::warn!(project = %self.project, why, "the project cannot be written to now");
                self.refuse_queue();
            }
            Done::Installed(Installed::Lost(why)) => self.end = Some(End::Lost(why)),
            Done::Committed(proposed, reply) => self.committed(*proposed, reply),
        }
        std::mem::take(&mut self.heard)
            .into_iter()
            .for_each(|event| self.hear(event));
    }

    fn refuse_queue(&mut self) {
        for waiting in std::mem::take(&mut self.queue) {
            if let Some((session, _)) = waiting.from {
                self.members
                    .not_now(session, waiting.batch.cid, Code::Unavailable, UNAVAILABLE_RETRY_MS);
            }
        }
    }

    fn committed(&mut self, proposed: Proposed, reply: Result<Reply, HotError>) {
        match reply {
            Ok(Reply::Accepted) => self.accepted(proposed),
            Ok(Reply::Stale(missed)) => {
                let position = self.replica.position();
                self.learn(position.seq + 1, position.id, &missed);
                self.again(proposed);
            }
            Ok(Reply::Mismatch(Mismatch::Empty)) => {
                self.installed = false;
                self.again(proposed);
            }
            Ok(other) => self.end = Some(End::Lost(format!("the hot store answered {other:?}"))),
            Err(error) => self.end = Some(End::Lost(error.to_string())),
        }
    }

    /// Puts the batches of a call back to the front of the queue.
    fn again(&mut self, proposed: Proposed) {
        proposed
            .batches
            .into_iter()
            .rev()
            .for_each(|waiting| self.queue.push_front(waiting));
    }

    fn accepted(&mut self, proposed: Proposed) {
        let first = self.replica.position().seq + 1;
        for proposal in proposed.call.proposals {
            self.replica.accept(proposal.commit, proposal.effects);
        }
        self.send_commits(first);
        for (session, answer) in proposed.answers {
            match session {
                Some(session) => self.members.decided(session, answer),
                None => self.rebalancing = false,
            }
        }
        self.settle();
        let Some(id) = proposed.rebalance.filter(|_| !self.rebalancing) else {
            return;
        };
        let ops = rebalance(self.replica.canvas(), &id);
        if !ops.is_empty() {
            self.rebalancing = true;
            let batch = Batch {
                cid: 0,
                body: Body::Ops(ops),
                durable: false,
                digest: 0,
                size: 0,
            };
            self.queue.push_back(Waiting { from: None, batch });
        }
    }

    /// Sends the replica's commits from `first` on to everybody.
    fn send_commits(&mut self, first: Seq) {
        self.publish_seq();
        metrics::commits(self.replica.position().seq + 1 - first);
        let before = first - 1;
        if let Some(commits) = self.replica.id_at(before).and_then(|id| self.replica.after(before, id)) {
            self.members.commits(first, &commits);
        }
    }

    /// Answers what can be answered: embedded, an ack means saved.
    pub(super) fn settle(&mut self) {
        let saved = self.replica.saved().seq;
        let answered = if self.settings.ack_means_saved {
            saved
        } else {
            self.replica.position().seq
        };
        self.members.settle(answered, saved);
    }

    fn learn(&mut self, first: Seq, previous: crate::ids::CommitId, commits: &[crate::protocol::commit::Commit]) {
        let next = self.replica.position().seq + 1;
        match self.replica.learn(first, previous, commits) {
            Ok(0) => {}
            Ok(_) => self.send_commits(next),
            Err(broken) => self.end = Some(End::Lost(broken.to_string())),
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            // While a call is in flight, its own commits come this way too, before the answer: the answer comes first.
            event @ Event::Commits { .. } if self.in_flight.is_some() => self.heard.push(event),
            Event::Commits {
                epoch,
                first,
                previous,
                commits,
            } if epoch == self.replica.position().epoch => {
                self.learn(first, previous, &commits);
            }
            Event::Commits { .. } => {}
            Event::Saved(position) => {
                if self.replica.mark_saved(position) {
                    self.settle();
                }
            }
            Event::Ended { epoch } if epoch >= self.replica.position().epoch => {
                self.end = Some(End::Lost("the durable store has a newer lineage".to_owned()));
            }
            Event::Ended { .. } => {}
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Join(joiner, reply) => join::join(self, *joiner, reply),
            Control::Resync(session) => join::resync(self, session),
            Control::Leave(session) => self.forget(session),
            Control::Drain => self.draining = true,
        }
    }

    /// The one path by which a session leaves.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.waiting.retain(|(joiner, _)| joiner.session != session);
        if self.members.remove(session).is_some() {
            self.roster.leave(session);
        }
    }

    fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Batch { session, author, batch } => self.submit(session, author, batch),
            Mail::Presence { session, set } => {
                let limit = self.settings.limits.presence_bytes;
                if !self.roster.set(session, &set, limit as usize) {
                    let message = format!("presence may have {limit} bytes in all; this change was not taken");
                    let error = ServerMessage::Error {
                        code: "presence_too_large".into(),
                        message,
                    };
                    if let Some(member) = self.members.get_mut(session) {
                        member.say(&error);
                    }
                }
            }
            Mail::Broadcast {
                session,
                topic,
                data,
                to,
            } => {
                self.members.passing(
                    session,
                    to,
                    &ServerMessage::Broadcast {
                        from: session,
                        topic,
                        data,
                    },
                );
            }
        }
    }

    fn submit(&mut self, session: SessionId, author: Author, batch: Batch) {
        let waiting = self
            .queue
            .iter()
            .filter(|w| w.from.is_some_and(|(s, _)| s == session))
            .count();
        if waiting + self.members.unanswered(session) >= self.settings.limits.unacked_batches as usize {
            self.members
                .not_now(session, batch.cid, Code::Overloaded, OVERLOADED_RETRY_MS);
            return;
        }
        self.queue.push_back(Waiting {
            from: Some((session, author)),
            batch,
        });
    }

    fn tell_presence(&mut self) {
        let news = ServerMessage::Presence {
            full: false,
            sessions: self.roster.take_news(),
        };
        let everybody = ServerMessage::Presence {
            full: true,
            sessions: self.roster.everybody(),
        };
        self.members.presence(&news, &everybody);
    }

    fn snapshot_made(&mut self, encoding: Encoding, snapshot: Snapshot) {
        self.snapshots.done(encoding, snapshot);
        join::admit_waiting(self, encoding);
    }

    /// Says goodbye to whoever is left, and lets the hot store forget what is saved.
    async fn leave(mut self) {
        match self.end.take() {
            Some(End::Lost(why)) => {
                tracing::warn!(project = %self.project, why, "the room starts over from the durable store");
                metrics::room_lost();
                self.members
                    .close_all(Close::Unavailable, "the project is loaded anew; reconnect");
                if let Err(error) = self
                    .stores
                    .hot
                    .discard(&self.project, self.replica.position().epoch)
                    .await
                {
                    tracing::warn!(project = %self.project, %error, "the hot store kept an old lineage");
                }
            }
            Some(End::Idle) | None => {
                if let Err(error) = self.stores.hot.forget(&self.project, self.replica.position()).await {
                    tracing::debug!(project = %self.project, %error, "the hot store kept a saved project");
                }
            }
        }
    }
}

async fn tick(interval: &mut Interval) {
    interval.tick().await;
}

/// Waits for the call in flight; for ever when there is none.
async fn poll_in_flight(in_flight: &mut Option<BoxFuture<'static, Done>>) -> Done {
    match in_flight {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
