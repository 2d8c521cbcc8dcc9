//! One project open on this node: the one owner of its replica, its members and its order of work.
//!
//! A task that lives as long as somebody is there or something is unsaved. One request to the hot store is in flight at a time; what arrives meanwhile joins
//! the next: a batch alone at rest, up to 64 under load. It decides through pure parts (`replica`, `propose`, `held`, `roster`) and only moves
//! their results.

mod aside;
mod bots;
mod calls;
mod cold;
mod course;
mod detail;
mod direct;
mod end;
mod followed;
mod history;
mod leases;
mod mail;
mod others;
mod report;
mod telling;
mod timers;
mod unsure;

use super::join;
use super::mailbox::{Control, JoinError, Joiner, Mailbox};
use super::members::Members;
use super::propose::{Proposed, Waiting};
use super::snapshot::Snapshots;
use super::{RoomSettings, Stores};
use crate::durable::load::Tail;
use crate::durable::{DELETED, DurableError};
use crate::fanout::{Event, Subscription};
use crate::hot::{HotError, HotState, Reply, Verified};
use crate::ids::{ObjectId, Position, ProjectId, SessionId};
use crate::mechanism::{Mechanism, on};
use crate::presence::roster::Roster;
use crate::recovery::direct::Went;
use crate::recovery::lineage::Begun;
use crate::recovery::replica::Replica;
pub(super) use aside::Aside;
use bots::Bots;
pub(super) use course::Course;
pub use detail::Detail;
use direct::News;
use end::End;
use followed::Followed;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use others::Others;
pub use report::Report;
use report::Tally;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use telling::Telling;
use timers::Timers;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use unsure::Unsure;

/// Messages that are taken from the mailbox in one turn, and events that are heard.
const TURN: usize = 256;

/// Calls that are made in one turn when the store answers at once.
const CALLS: usize = 16;

/// What a request to a store has led to.
enum Done {
    /// A project that was not in the hot store was put there.
    Installed(Begun),
    Committed(Box<Proposed>, Result<Reply, HotError>),
    /// Asked at this position.
    Verified(Position, Result<Verified, HotError>),
    Loaded(Result<Option<HotState>, HotError>),
    Healed(Begun),
    /// What the durable log has of a project that the hot store does not have.
    Cold(Result<cold::Found, DurableError>),
    /// The project went on without the hot store, or not.
    Went(Went),
    Appended(Box<Proposed>, Result<Tail, String>),
    Looked(Result<Tail, DurableError>),
    /// What follows this tail.
    News(Tail, News),
}

/// One project open on this node.
pub(super) struct Room {
    pub(super) project: ProjectId,
    pub(super) stores: Arc<Stores>,
    pub(super) settings: Arc<RoomSettings>,
    pub(super) replica: Replica,
    pub(super) members: Members,
    pub(super) roster: Roster,
    others: Others,
    bots: Bots,
    pub(super) snapshots: Snapshots,
    /// Joiners who know of something that this room does not: they wait until it has asked the store.
    pub(super) unsure: Unsure,
    /// Joiners who wait for a snapshot.
    pub(super) waiting: Vec<(Joiner, oneshot::Sender<Result<(), JoinError>>)>,
    /// Where what is done beside the room ends. Bounded by what the room asks for.
    pub(super) asides: mpsc::UnboundedSender<Aside>,
    /// How the room and the hot store stand to each other.
    pub(super) course: Course,
    seq: Arc<std::sync::atomic::AtomicU64>,
    queue: VecDeque<Waiting>,
    in_flight: Option<BoxFuture<'static, Done>>,
    /// When the last call was made.
    called: Instant,
    followed: Followed,
    /// Objects whose order keys are too long, and whether a re-keying is on its way.
    long_keys: BTreeSet<ObjectId>,
    rebalancing: bool,
    telling: Telling,
    tally: Tally,
    timers: Timers,
    draining: bool,
    end: Option<End>,
}

impl Room {
    /// A room at a replica, which stands so to the hot store.
    pub(super) fn new(
        project: ProjectId,
        stores: Arc<Stores>,
        settings: Arc<RoomSettings>,
        replica: Replica,
        course: Course,
    ) -> (Self, mpsc::UnboundedReceiver<Aside>) {
        let (asides, done) = mpsc::unbounded_channel();
        let now = Instant::now();
        let telling = Telling::new(replica.position().seq, now);
        let room = Self {
            project,
            stores,
            settings,
            replica,
            members: Members::default(),
            roster: Roster::default(),
            others: Others::default(),
            bots: Bots::default(),
            snapshots: Snapshots::default(),
            unsure: Unsure::default(),
            waiting: Vec::new(),
            asides,
            course,
            seq: Arc::default(),
            queue: VecDeque::new(),
            in_flight: None,
            called: now,
            followed: Followed::default(),
            long_keys: BTreeSet::new(),
            rebalancing: false,
            telling,
            tally: Tally::default(),
            timers: Timers::new(now),
            draining: false,
            end: None,
        };
        (room, done)
    }

    /// Runs until nobody needs the room. `subscription` must be older than the replica.
    pub(super) async fn run(
        mut self,
        mut asides: mpsc::UnboundedReceiver<Aside>,
        mailbox: &mut Mailbox,
        mut subscription: Subscription,
    ) {
        self.seq = mailbox.seq.clone();
        self.publish_seq();
        self.read_everybody();
        let mut mail = Vec::with_capacity(TURN);
        let alarm = tokio::time::sleep_until(self.deadline());
        tokio::pin!(alarm);
        loop {
            self.start();
            // A store in this process has answered already, and what it has published has come: one turn for all of it.
            for _ in 0..CALLS {
                let Some(done) = poll_in_flight(&mut self.in_flight).now_or_never() else { break };
                self.finish(done);
                self.start();
            }
            for _ in 0..TURN {
                let Ok(event) = subscription.try_recv() else { break };
                self.hear(event);
            }
            self.on_time(Instant::now());
            self.members.flush();
            self.look_after_followed();
            if self.end.is_some() {
                break;
            }
            let deadline = self.deadline();
            // One that rings too early costs less than one that is set in every turn.
            if deadline < alarm.deadline() || alarm.is_elapsed() {
                alarm.as_mut().reset(deadline);
            }
            tokio::select! {
                biased;
                done = poll_in_flight(&mut self.in_flight) => self.finish(done),
                Some(event) = subscription.recv() => self.hear(event),
                Some(control) = mailbox.control.recv() => self.control(control),
                _ = mailbox.mail.recv_many(&mut mail, TURN) => mail.drain(..).for_each(|mail| self.mail(mail)),
                Some(aside) = asides.recv() => self.aside(aside),
                () = alarm.as_mut() => {}
            }
        }
        self.leave().await;
    }

    fn publish_seq(&self) {
        self.seq.store(self.telling.told, Ordering::Relaxed);
    }

    fn is_saved(&self) -> bool {
        self.replica.saved().seq == self.replica.position().seq && self.course.holds_nothing()
    }

    fn is_idle(&self) -> bool {
        self.members.is_empty()
            && self.waiting.is_empty()
            && self.unsure.is_empty()
            && self.queue.is_empty()
            && self.in_flight.is_none()
            && self.bots.is_empty()
            && (self.is_saved() || !on(Mechanism::Close))
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Commits(run) => self.hear_commits(run),
            Event::Saved(position) => {
                if self.replica.mark_saved(position) {
                    self.stores.hot.heard_saved(&self.project, position.seq);
                    self.settle();
                }
            }
            Event::Began { epoch: DELETED } => self.end = Some(End::Deleted),
            Event::Began { epoch } if epoch <= self.replica.position().epoch => {}
            Event::Began { .. } => self.course.ask(),
            others => self.hear_others(others),
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Join(joiner, reply) => join::join(self, *joiner, reply),
            Control::Resync(session) => join::resync(self, session),
            Control::Leave(session) => self.forget(session),
            Control::Role(session, role) => self.role(session, role),
            Control::Bot(bot, reply) => drop(reply.send(self.bot(&bot))),
            Control::Roster(reply) => drop(reply.send(self.roster.everybody())),
            Control::Inspect(reply) => drop(reply.send(Box::new(self.detail()))),
            Control::Look(reply) => drop(reply.send(self.report())),
            Control::Drain => self.drain(),
        }
    }

    /// The one path by which a session leaves.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.waiting.retain(|(joiner, _)| joiner.session != session);
        self.unsure.forget(session);
        if let Some(member) = self.members.remove(session) {
            self.roster.leave(session);
            self.end_leases(&member);
        }
    }
}

/// Waits for the request in flight; for ever when there is none.
async fn poll_in_flight(in_flight: &mut Option<BoxFuture<'static, Done>>) -> Done {
    match in_flight {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
