//! One project open on this node: the one owner of its replica, its members and its order of work.
//!
//! A task that lives as long as somebody is there or something is unsaved. While a call to the hot store is in flight, what arrives
//! joins the next: a batch alone at rest, up to 64 under load. It decides through pure parts (`replica`, `propose`, `roster`) and
//! only moves their results.

mod calls;
mod mail;

use super::install::Installed;
use super::join;
use super::mailbox::{Control, JoinError, Joiner, Mailbox};
use super::members::Members;
use super::propose::{Proposed, Waiting};
use super::replica::Replica;
use super::snapshot::{Snapshot, Snapshots};
use super::{RoomSettings, Stores};
use crate::fanout::{Event, Subscription};
use crate::hot::{HotError, Reply};
use crate::ids::{ObjectId, ProjectId, SessionId};
use crate::metrics;
use crate::presence::roster::Roster;
use crate::protocol::Encoding;
use crate::protocol::close::Close;
use futures_util::future::BoxFuture;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// Messages that are taken from the mailbox in one turn.
const TURN: usize = 256;
/// When to send a batch again that the store had no answer to, in ms.
const UNAVAILABLE_RETRY_MS: u32 = 1_000;
/// `saved` is told at most this late.
const SAVED_TICK: Duration = Duration::from_millis(50);

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

/// Where finished snapshots come from.
pub(super) type Snapshotter = mpsc::UnboundedReceiver<(Encoding, Snapshot)>;

/// One project open on this node.
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
    /// Objects whose order keys are too long, and whether a re-keying is on its way.
    long_keys: BTreeSet<ObjectId>,
    rebalancing: bool,
    /// Somebody may not know yet what is saved.
    untold: bool,
    draining: bool,
    end: Option<End>,
}

impl Room {
    /// A room at a replica. `installed` says whether the hot store has the project.
    pub(super) fn new(
        project: ProjectId,
        stores: Arc<Stores>,
        settings: Arc<RoomSettings>,
        replica: Replica,
        installed: bool,
    ) -> (Self, Snapshotter) {
        let (made, snapshots_made) = mpsc::unbounded_channel();
        let room = Self {
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
            seq: Arc::default(),
            queue: VecDeque::new(),
            in_flight: None,
            heard: Vec::new(),
            long_keys: BTreeSet::new(),
            rebalancing: false,
            untold: false,
            draining: false,
            end: None,
        };
        (room, snapshots_made)
    }

    /// Runs until nobody needs the room. `subscription` must be older than the replica.
    pub(super) async fn run(mut self, mut made: Snapshotter, mailbox: &mut Mailbox, mut subscription: Subscription) {
        self.seq = mailbox.seq.clone();
        self.publish_seq();
        let mut mail = Vec::with_capacity(TURN);
        let mut saved_tick = tokio::time::interval(SAVED_TICK);
        saved_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0_u32;
        let mut next_presence = Instant::now();
        let mut idle_since = Instant::now();
        while self.end.is_none() {
            self.start();
            let (is_idle, presence_due) = (self.is_idle(), self.presence_due());
            let idle_at = idle_since + self.idle_time();
            tokio::select! {
                biased;
                done = poll_in_flight(&mut self.in_flight) => self.finish(done),
                Some(event) = subscription.recv() => self.hear(event),
                Some(control) = mailbox.control.recv() => self.control(control),
                _ = mailbox.mail.recv_many(&mut mail, TURN) => mail.drain(..).for_each(|mail| self.mail(mail)),
                Some((encoding, snapshot)) = made.recv() => self.snapshot_made(encoding, snapshot),
                () = tokio::time::sleep_until(next_presence), if presence_due => {
                    self.tell_presence();
                    next_presence = Instant::now() + self.roster.tick();
                }
                _ = tick(&mut saved_tick), if self.untold => {
                    ticks = ticks.wrapping_add(1);
                    self.untold = !self.members.tell_saved(self.replica.saved().seq, ticks);
                }
                () = tokio::time::sleep_until(idle_at), if is_idle => {
                    self.end = Some(End::Idle);
                }
            }
            if !self.is_idle() {
                idle_since = Instant::now();
            }
        }
        self.leave().await;
    }

    fn publish_seq(&self) {
        self.seq.store(self.replica.position().seq, Ordering::Relaxed);
    }

    fn is_idle(&self) -> bool {
        let saved = self.replica.saved().seq == self.replica.position().seq;
        self.members.is_empty() && self.waiting.is_empty() && self.queue.is_empty() && self.in_flight.is_none() && saved
    }

    fn idle_time(&self) -> Duration {
        if self.draining { Duration::ZERO } else { self.settings.idle }
    }

    fn presence_due(&self) -> bool {
        self.roster.has_news() || self.members.presence_behind()
    }

    fn hear(&mut self, event: Event) {
        match event {
            // While a call is in flight, its own commits come this way too, before the answer: the answer comes first.
            event @ Event::Commits(_) if self.in_flight.is_some() => self.heard.push(event),
            Event::Commits(run) if run.epoch == self.replica.position().epoch => {
                self.learn(run.first, run.previous, &run.commits);
            }
            Event::Commits(_) => {}
            Event::Saved(position) => {
                if self.replica.mark_saved(position) {
                    self.settle();
                }
            }
            Event::Ended { epoch } if epoch >= self.replica.position().epoch => {
                self.end = Some(End::Lost("the durable store has a newer lineage".to_owned()));
            }
            _ => {}
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
                self.members.close_all(Close::Unavailable, "the project is loaded anew; reconnect");
                if let Err(error) = self.stores.hot.discard(&self.project, self.replica.position().epoch).await {
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
