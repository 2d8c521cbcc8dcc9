//! The hub: the projects that are open on this node, a room for each.
//!
//! Owns rooms and memberships; opening is single-flight. Never touches a socket. Called by sessions.

mod direct;
pub mod held;
mod join;
mod mailbox;
mod member;
mod members;
mod moves;
mod names;
mod open;
pub mod outbox;
mod parts;
pub mod propose;
pub mod pulse;
mod room;
mod shared;
pub mod snapshot;

pub use mailbox::{Bot, BotError, Busy, JoinError, Joiner, Membership};
pub use room::{Detail, Report};

use crate::access::registry::Registry;
use crate::durable::{DELETED, DurableError, DurableStore};
use crate::fanout::{Event, Fanout};
use crate::hot::HotStore;
use crate::ids::ProjectId;
use crate::metrics;
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::protocol::limits::Limits;
use crate::protocol::message::PresenceEntry;
use crate::recovery::lineage::Both;
use crate::recovery::tombstone;
use dashmap::DashMap;
use futures_util::{StreamExt as _, stream};
use mailbox::{Control, RoomHandle};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, oneshot, watch};

/// Tries to join a room that closes at the same moment; each finds a newer room, so that one is nearly always enough.
const JOIN_TRIES: usize = 16;

/// How long a room may take to say how it is, and how many are asked at the same time.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: usize = 64;

/// The stores that rooms work with.
pub struct Stores {
    /// Where batches are ordered.
    pub hot: Arc<dyn HotStore>,
    /// Where they survive.
    pub durable: Arc<dyn DurableStore>,
    /// What carries events between rooms.
    pub fanout: Arc<dyn Fanout>,
    /// What carries presence to other nodes.
    pub presence: Arc<dyn Presence>,
    /// Who may do what in which project: told when another node has changed it.
    pub rights: Arc<Registry>,
    /// Whether this node is cut off from a hot store that other nodes reach: then it is for them to serve its projects.
    pub isolated: watch::Receiver<bool>,
}

impl Stores {
    /// The two that must agree.
    #[must_use]
    pub fn both(&self) -> Both {
        Both { hot: self.hot.clone(), durable: self.durable.clone() }
    }

    /// Whether this node should leave its projects to others.
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        *self.isolated.borrow()
    }
}

/// What a node says that is cut off from the hot store.
pub(crate) const ISOLATED: &str =
    "this node does not reach the hot store and others do: another node serves this project; reconnect";

/// What all rooms have in common.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// What clients may send and projects hold.
    pub limits: Limits,
    /// Whether a batch is answered only when it is durable: an embedded node's hot store dies with it.
    pub ack_means_saved: bool,
    /// Most sessions of one project.
    pub max_sessions: usize,
    /// How long a room stays open when nobody is there.
    pub idle: Duration,
    /// How often sessions are pinged.
    pub heartbeat: Duration,
    /// How long a session may be silent.
    pub silence: Duration,
    /// How pressed the node is.
    pub pressure: Pressure,
}

type Slot = Arc<OnceCell<RoomHandle>>;

/// The open projects of this node.
pub struct Hub {
    stores: Arc<Stores>,
    settings: Arc<RoomSettings>,
    rooms: DashMap<ProjectId, Slot>,
    closed: tokio::sync::Notify,
}

impl Hub {
    /// A hub without rooms.
    #[must_use]
    pub fn new(stores: Arc<Stores>, settings: RoomSettings) -> Arc<Self> {
        Arc::new(Self {
            stores,
            settings: Arc::new(settings),
            rooms: DashMap::new(),
            closed: tokio::sync::Notify::new(),
        })
    }

    /// What all rooms have in common.
    #[must_use]
    pub fn settings(&self) -> &RoomSettings {
        &self.settings
    }

    /// Number of open rooms.
    #[must_use]
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Makes the session a member of the project's room, which is opened if need be. The welcome comes by the outbox.
    ///
    /// # Errors
    /// [`JoinError`], when the project is full or cannot be loaded.
    pub async fn join(self: &Arc<Self>, project: &ProjectId, joiner: Joiner) -> Result<Membership, JoinError> {
        if self.stores.is_isolated() {
            return Err(JoinError::Unavailable(ISOLATED.to_owned()));
        }
        let (session, author) = (joiner.session, joiner.who.author);
        let mut joiner = Some(joiner);
        for _ in 0..JOIN_TRIES {
            let room = self.room(project).await?;
            let again = joiner.take().ok_or_else(|| JoinError::Unavailable("the room closed".to_owned()))?;
            let copy = Joiner {
                outbox: again.outbox.clone(),
                pulse: again.pulse.clone(),
                who: again.who.clone(),
                presence: again.presence.clone(),
                ..again
            };
            let (reply, answer) = oneshot::channel();
            joiner = Some(again);
            // The membership exists before the room knows of it, so that whatever happens here, it leaves.
            let membership = Membership::new(session, author, project.clone(), room.clone());
            if room.control.send(Control::Join(Box::new(copy), reply)).is_ok()
                && let Ok(answer) = answer.await
            {
                return answer.map(|()| membership);
            }
        }
        Err(JoinError::Unavailable("its room closes again and again".to_owned()))
    }

    /// Shows a bot in the project, or no longer, whichever node shows it.
    ///
    /// # Errors
    /// [`BotError`], when it cannot be shown.
    pub async fn bot(self: &Arc<Self>, project: &ProjectId, bot: Bot) -> Result<(), BotError> {
        for _ in 0..JOIN_TRIES {
            if bot.ttl.is_none() && !self.is_open(project) {
                // No room is opened only to find nobody there.
                self.stores.presence.tell_bot_left(project, bot.who);
                return Ok(());
            }
            let room = self.room(project).await.map_err(BotError::Closed)?;
            let (reply, answer) = oneshot::channel();
            if room.control.send(Control::Bot(Box::new(bot.clone()), reply)).is_ok()
                && let Ok(answer) = answer.await
            {
                return answer;
            }
        }
        Err(BotError::Closed(JoinError::Unavailable("its room closes again and again".to_owned())))
    }

    /// Who is in the project, on all nodes. A room that was closed is opened for it.
    ///
    /// # Errors
    /// [`JoinError`], when the project cannot be opened.
    pub async fn roster(self: &Arc<Self>, project: &ProjectId) -> Result<Vec<PresenceEntry>, JoinError> {
        for _ in 0..JOIN_TRIES {
            let room = self.room(project).await?;
            let (reply, answer) = oneshot::channel();
            if room.control.send(Control::Roster(reply)).is_ok()
                && let Ok(answer) = answer.await
            {
                return Ok(answer);
            }
        }
        Err(JoinError::Unavailable("its room closes again and again".to_owned()))
    }

    /// What every room says of itself; one that has too much to do is left out.
    pub async fn reports(&self) -> Vec<Report> {
        let rooms: Vec<_> = self.rooms.iter().filter_map(|slot| slot.value().get().cloned()).collect();
        let asked = rooms.into_iter().map(|room| async move {
            let (reply, answer) = oneshot::channel();
            room.control.send(Control::Look(reply)).ok()?;
            tokio::time::timeout(LOOK, answer).await.ok()?.ok()
        });
        stream::iter(asked).buffer_unordered(LOOKS).filter_map(std::future::ready).collect().await
    }

    /// Everything about a room that is open here; `None` when it is not, or has too much to do.
    pub async fn detail(&self, project: &ProjectId) -> Option<Box<Detail>> {
        let room = self.rooms.get(project).and_then(|slot| slot.value().get().cloned())?;
        let (reply, answer) = oneshot::channel();
        room.control.send(Control::Inspect(reply)).ok()?;
        tokio::time::timeout(LOOK, answer).await.ok()?.ok()
    }

    /// Deletes a project, whoever has it open on whatever node. Who may come in is not the hub's: that must have ended before.
    ///
    /// # Errors
    /// [`DurableError`]: doing it again does what is left.
    pub async fn delete(&self, project: &ProjectId) -> Result<(), DurableError> {
        let stores = self.stores.both();
        let tombstone = tombstone::end(project, &stores).await?;
        self.stores.fanout.publish(project, Event::Began { epoch: DELETED });
        let again = project.clone();
        let erased = tombstone::erase(project, &stores, &tombstone).await;
        tokio::spawn(async move {
            tokio::time::sleep(tombstone::AGAIN).await;
            if let Err(error) = tombstone::erase(&again, &stores, &tombstone).await {
                tracing::warn!(project = %again, %error, "not all of a deleted project could be erased: delete it again");
            }
        });
        erased
    }

    fn is_open(&self, project: &ProjectId) -> bool {
        self.rooms.get(project).is_some_and(|slot| slot.initialized())
    }

    /// The project's room; whoever comes first opens it, the others wait for that.
    async fn room(self: &Arc<Self>, project: &ProjectId) -> Result<RoomHandle, JoinError> {
        let slot = self.rooms.entry(project.clone()).or_default().value().clone();
        if !slot.initialized() {
            metrics::joins::reads_durable();
        }
        let opened = slot.get_or_try_init(|| open::open(self.clone(), project.clone(), slot.clone())).await;
        match opened {
            Ok(room) => Ok(room.clone()),
            Err(error) => {
                metrics::open_failed();
                // Whoever else waits for this slot tries next; the last one to fail takes it away.
                let alone = |s: &Slot| Arc::ptr_eq(s, &slot) && !s.initialized() && Arc::strong_count(s) <= 2;
                self.rooms.remove_if(project, |_, s| alone(s));
                Err(error)
            }
        }
    }

    /// Takes an ended room from the map; from then on its joiners find a new one.
    fn remove(&self, project: &ProjectId, slot: &Slot) {
        self.rooms.remove_if(project, |_, s| Arc::ptr_eq(s, slot));
        self.closed.notify_waiters();
    }

    /// Asks every room to close as soon as nobody is there and everything is saved, and waits until all have.
    pub async fn drain(&self) {
        // An opening that failed badly may have left its slot.
        self.rooms.retain(|_, slot| slot.initialized());
        loop {
            let closed = self.closed.notified();
            tokio::pin!(closed);
            closed.as_mut().enable();
            for entry in &self.rooms {
                if let Some(room) = entry.value().get() {
                    // A room that has ended is about to be removed.
                    let _ = room.control.send(Control::Drain);
                }
            }
            if self.rooms.is_empty() {
                return;
            }
            closed.await;
        }
    }
}
