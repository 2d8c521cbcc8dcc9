//! How sessions talk to a room: its mailbox, and the handle that a member holds.

use super::outbox::Outbox;
use super::pulse::Pulse;
use super::room::{Detail, Report};
use crate::ids::{Author, Cid, ClientId, Position, ProjectId, Seq, SessionId};
use crate::protocol::Encoding;
use crate::protocol::message::{PresenceEntry, Role, To, Who};
use crate::protocol::op::Batch;
use crate::protocol::props::Props;
use crate::protocol::value::Value;
use smol_str::SmolStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Batches, presence and broadcasts that may wait for a room. A room drains thousands in a few milliseconds; beyond this, waiting would only
/// add delay, and the sender is told to come back.
const MAILBOX: usize = 4_096;

/// Someone who wants to be a member.
#[derive(Debug)]
pub struct Joiner {
    /// Number of the session, unique in the project.
    pub session: SessionId,
    /// Who it is.
    pub who: Who,
    /// How its frames are written.
    pub encoding: Encoding,
    /// Whether it takes short frames. Only with MessagePack.
    pub short: bool,
    /// Where its frames go.
    pub outbox: Arc<Outbox>,
    /// When its client was last heard.
    pub pulse: Arc<Pulse>,
    /// What the client already holds.
    pub position: Option<Position>,
    /// Its highest cid that it was told to be saved; 0 for none.
    pub saved: Cid,
    /// First presence fields.
    pub presence: Props,
}

/// Why a session could not join.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JoinError {
    /// The project has as many sessions as it may.
    #[error("the project is full: it may have {0} sessions")]
    Full(usize),
    /// The project was deleted.
    #[error("this project was deleted")]
    Deleted,
    /// The project could not be loaded. Never shown as an empty project.
    #[error("the project cannot be opened now: {0}")]
    Unavailable(String),
}

/// A back end's presence in a project.
#[derive(Debug, Clone)]
pub struct Bot {
    /// Who it is.
    pub who: Who,
    /// All its fields.
    pub fields: Props,
    /// How long it is shown unless it is told of anew; `None`: no longer.
    pub ttl: Option<Duration>,
}

impl Bot {
    /// A bot of this name.
    #[must_use]
    pub fn new(name: &ClientId, fields: Props, ttl: Option<Duration>) -> Self {
        let who = Who { author: Author::of("bot", name), user: format!("bot:{name}").into(), role: Role::Viewer };
        Self { who, fields, ttl }
    }
}

/// Why a bot is not shown.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BotError {
    /// Its fields are too large.
    #[error("presence may have {0} bytes in all")]
    TooLarge(usize),
    /// There are too many.
    #[error("a project may have {0} bots on one node")]
    TooMany(usize),
    /// The project cannot be opened.
    #[error(transparent)]
    Closed(JoinError),
}

/// What must not be lost or delayed by a full mailbox; there are never more of these than sessions.
#[derive(Debug)]
pub(super) enum Control {
    Join(Box<Joiner>, oneshot::Sender<Result<(), JoinError>>),
    /// The outbox of a session that could not keep up is empty.
    Resync(SessionId),
    Leave(SessionId),
    Role(SessionId, Role),
    Bot(Box<Bot>, oneshot::Sender<Result<(), BotError>>),
    /// Who is there, on all nodes?
    Roster(oneshot::Sender<Vec<PresenceEntry>>),
    /// Everything about you, please.
    Inspect(oneshot::Sender<Box<Detail>>),
    /// How are you?
    Look(oneshot::Sender<Report>),
    /// The node stops.
    Drain,
}

/// What members send.
#[derive(Debug)]
pub(super) enum Mail {
    Batch { session: SessionId, author: Author, batch: Batch },
    Presence { session: SessionId, set: Props },
    Broadcast { session: SessionId, topic: SmolStr, data: Value, to: To },
}

/// A room, seen from outside.
#[derive(Debug, Clone)]
pub(super) struct RoomHandle {
    pub(super) control: mpsc::UnboundedSender<Control>,
    pub(super) mail: mpsc::Sender<Mail>,
    pub(super) seq: Arc<AtomicU64>,
}

/// The room's ends of its mailbox.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) control: mpsc::UnboundedReceiver<Control>,
    pub(super) mail: mpsc::Receiver<Mail>,
    pub(super) seq: Arc<AtomicU64>,
}

pub(super) fn mailbox() -> (RoomHandle, Mailbox) {
    let (control, control_end) = mpsc::unbounded_channel();
    let (mail, mail_end) = mpsc::channel(MAILBOX);
    let seq = Arc::new(AtomicU64::new(0));
    (RoomHandle { control, mail, seq: seq.clone() }, Mailbox { control: control_end, mail: mail_end, seq })
}

/// The room has too much to do: come back later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// A place in a room. Dropping it leaves the room; nothing else can.
#[derive(Debug)]
pub struct Membership {
    session: SessionId,
    author: Author,
    project: ProjectId,
    room: RoomHandle,
}

impl Membership {
    pub(super) fn new(session: SessionId, author: Author, project: ProjectId, room: RoomHandle) -> Self {
        Self { session, author, project, room }
    }

    /// The session that is a member.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The project.
    #[must_use]
    pub fn project(&self) -> &ProjectId {
        &self.project
    }

    /// The project's seq now.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.room.seq.load(Ordering::Relaxed)
    }

    fn send(&self, mail: Mail) -> Result<(), Busy> {
        self.room.mail.try_send(mail).map_err(|_| Busy)
    }

    /// Hands in a batch; the answer comes by the outbox.
    ///
    /// # Errors
    /// [`Busy`]: it was not taken.
    pub fn submit(&self, batch: Batch) -> Result<(), Busy> {
        self.send(Mail::Batch { session: self.session, author: self.author, batch })
    }

    /// Sets presence fields; nil removes.
    ///
    /// # Errors
    /// [`Busy`]: they were not taken.
    pub fn set_presence(&self, set: Props) -> Result<(), Busy> {
        self.send(Mail::Presence { session: self.session, set })
    }

    /// Passes an event on.
    ///
    /// # Errors
    /// [`Busy`]: it was not taken.
    pub fn broadcast(&self, topic: SmolStr, data: Value, to: To) -> Result<(), Busy> {
        self.send(Mail::Broadcast { session: self.session, topic, data, to })
    }

    /// The session's role is another from now on.
    pub fn set_role(&self, role: Role) {
        // A room that has gone has no members.
        let _ = self.room.control.send(Control::Role(self.session, role));
    }

    /// Says that the outbox, which had been full, is empty now.
    pub fn resync(&self) {
        // A room that has gone has closed the outbox before; there is nobody to ask.
        let _ = self.room.control.send(Control::Resync(self.session));
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // A room that has gone has no members.
        let _ = self.room.control.send(Control::Leave(self.session));
    }
}
