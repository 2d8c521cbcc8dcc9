//! The shell of a session: performs what the machine decides, and cleans up on one path.

mod admission;
mod ask;

use super::Timing;
use super::access::Pass;
use super::machine::{Effect, Machine};
use super::socket::{Heard, Socket};
use crate::access::Access;
use crate::chance;
use crate::clock;
use crate::hub::outbox::Outbox;
use crate::hub::pulse::Pulse;
use crate::hub::{Hub, Membership};
use crate::ids::ProjectId;
use crate::lifecycle::{Stopping, stops};
use crate::metrics;
use crate::protocol::close::Close;
use crate::protocol::frame::Frame;
use crate::protocol::limits::Limits;
use crate::protocol::message::ServerMessage;
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::{Encoding, decode, encode};
use crate::quota::{Allowance, Limited, Quotas};
use rand::RngExt as _;
use smol_str::SmolStr;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tracing::field::display;
use tracing::{Instrument as _, Span};

/// In what time a client that is told to go comes back, in ms. Soon: the others are told earlier or later.
const RECONNECT_MS: (u32, u32) = (50, 500);

/// What a session needs from its surroundings.
pub struct Session {
    /// The name of the request that it came by, for the log.
    pub request: SmolStr,
    /// The project of the URL; `None` when it is not a project id.
    pub project: Option<ProjectId>,
    /// How messages are written.
    pub encoding: Encoding,
    /// Where rooms are.
    pub hub: Arc<Hub>,
    /// Who lets clients in.
    pub access: Arc<Access>,
    /// How much they may ask for.
    pub quotas: Arc<Quotas>,
    /// Says when the node stops.
    pub stopping: Stopping,
    /// How long to wait for what.
    pub timing: Arc<Timing>,
}

/// Runs a session until its connection ends. Bytes that were read from it after the upgrade are in `read`.
pub fn run(session: Session, connection: TcpStream, read: Vec<u8>) -> impl Future<Output = ()> + Send {
    let connected = metrics::connection();
    let frame_bytes = session.hub.settings().limits.frame_bytes as usize;
    let (socket, outbox) = Socket::new(connection, read, session.encoding, frame_bytes);
    let mut shell = Shell {
        outbox,
        pulse: Arc::default(),
        machine: Machine::new(Instant::now(), session.timing.clone()),
        socket,
        pass: None,
        allowance: None,
        membership: None,
        counted: None,
        session,
        _connected: connected,
    };
    // Made outside: of what an async function is given it keeps a second place as long as it runs.
    async move {
        shell.run().await;
        // Dropping the membership leaves the room: the one way out, whatever happened.
    }
}

/// How far an effect is performed.
#[must_use]
enum Performed<'a> {
    Whole,
    /// This is left to be waited for.
    Waits(Pin<Box<dyn Future<Output = ()> + Send + 'a>>),
    /// The session is over.
    Over,
}

struct Shell {
    session: Session,
    outbox: Arc<Outbox>,
    pulse: Arc<Pulse>,
    machine: Machine,
    socket: Socket,
    /// What it was let in on.
    pass: Option<Box<Pass>>,
    /// How much it may ask for.
    allowance: Option<Box<Allowance>>,
    membership: Option<Membership>,
    counted: Option<metrics::Counted>,
    /// The last to go: who is not counted is not there any more.
    _connected: metrics::Counted,
}

impl Shell {
    async fn run(&mut self) {
        if self.session.project.is_none() {
            let message = "a project id must be 1 to 64 characters of A-Z a-z 0-9 _ -".to_owned();
            self.machine.closing(Instant::now());
            self.refuse(Close::BadProject, Close::BadProject.name(), message);
        }
        let mut told = false;
        let alarm = tokio::time::sleep_until(self.machine.deadline());
        tokio::pin!(alarm);
        loop {
            // A deadline that moves away is found when the alarm rings: to follow it with each message would cost as much as the message.
            if self.machine.deadline() < alarm.deadline() {
                alarm.as_mut().reset(self.machine.deadline());
            }
            let listens = self.machine.listens();
            let effect = tokio::select! {
                biased;
                window = stops(&mut self.session.stopping), if !told => {
                    told = true;
                    self.machine.leave(Instant::now(), window.mul_f64(chance::rng().random()));
                    None
                }
                role = Pass::changed(&mut self.pass) => match role {
                    Ok(role) => self.machine.role(role),
                    Err(denied) => {
                        let (close, code, message) = self.deny(&denied);
                        Some(Effect::Refuse(close, code, message))
                    }
                },
                // Before the socket: one that always has something to read must not keep deadlines away.
                () = alarm.as_mut() => {
                    let now = Instant::now();
                    let effect = self.machine.tick(now, self.outbox.stalled(now));
                    alarm.as_mut().reset(self.machine.deadline());
                    effect
                }
                heard = poll_fn(|cx| self.socket.poll(cx, listens)) => match self.heard(heard) {
                    Some(effect) => effect,
                    None => return,
                },
            };
            match effect.map(|effect| self.perform(effect)) {
                None | Some(Performed::Whole) => {}
                Some(Performed::Waits(rest)) => rest.await,
                Some(Performed::Over) => return,
            }
        }
    }

    /// What to do about what was heard; `None` when the socket has ended.
    fn heard(&mut self, heard: Heard) -> Option<Option<Effect>> {
        let now = Instant::now();
        Some(match heard {
            Heard::Frame(frame) => {
                metrics::frame_received();
                self.pulse.beat(clock::now_ms());
                self.count(now);
                let message = decode::client_message(&frame, self.session.encoding, self.limits());
                self.machine.message(now, message, &self.session.hub.settings().limits)
            }
            Heard::Pong => {
                self.pulse.beat(clock::now_ms());
                self.count(now);
                self.machine.heard(now);
                None
            }
            Heard::WrongKind => {
                let kind = if self.session.encoding == Encoding::Json { "text" } else { "binary" };
                Some(self.machine.refuse(
                    now,
                    Close::Malformed,
                    format!(
                        "{} takes sound WebSocket messages of the kind {kind}",
                        self.session.encoding.subprotocol()
                    ),
                ))
            }
            Heard::TooLarge => {
                let message = format!("a message may have {} bytes", self.limits().frame_bytes);
                Some(self.machine.refuse(now, Close::FrameTooLarge, message))
            }
            Heard::CaughtUp => {
                if let Some(membership) = &self.membership {
                    membership.resync();
                }
                None
            }
            Heard::Closing(close) => {
                metrics::close(close);
                self.machine.closing(now);
                None
            }
            Heard::Gone => return None,
        })
    }

    /// Performs an effect.
    fn perform(&mut self, effect: Effect) -> Performed<'_> {
        match effect {
            // Apart: it happens once, and its place would stay in every idle session.
            Effect::Admit(client, hello) => {
                let span = self.knocks();
                return Performed::Waits(Box::pin(self.admit(client, *hello).instrument(span)));
            }
            Effect::Renew(credentials) => {
                let span = self.knocks();
                return Performed::Waits(Box::pin(self.renew(credentials).instrument(span)));
            }
            Effect::Expiring(left) => self.tell_end(Some(left)),
            Effect::Permission(role) => self.tell_role(role),
            Effect::Submit(batch) => self.submit(batch),
            Effect::Forbid(cid) => {
                self.reject(cid, Refusal::new(Code::Forbidden, "your role may not change this project"), None);
            }
            // A room with too much to do loses presence first: the next cursor is on its way.
            Effect::Presence(set) => {
                if self.may(Allowance::presence)
                    && let Some(membership) = &self.membership
                {
                    let _ = membership.set_presence(set);
                }
            }
            Effect::Broadcast(topic, data, to) => {
                if self.may(Allowance::broadcast)
                    && let Some(membership) = &self.membership
                {
                    let _ = membership.broadcast(topic, data, to);
                }
            }
            Effect::Pong(n) => {
                let seq = self.membership.as_ref().map_or(0, Membership::seq);
                self.say(&ServerMessage::Pong { n, seq });
            }
            Effect::Ping => self.outbox.push_control(Frame::ping()),
            Effect::Refuse(close, code, message) => self.refuse(close, code, message),
            Effect::Leave => self.goodbye(),
            Effect::Drop => return Performed::Over,
        }
        Performed::Whole
    }

    /// What the log says of somebody who is let in or not. Of all of a session it would take a kilobyte for as long as it lasts.
    fn knocks(&self) -> Span {
        let project = self.session.project.as_ref().map(display);
        tracing::error_span!("hello", project, request = %self.session.request)
    }

    /// Counts what came; of too much the rest waits.
    fn count(&mut self, now: Instant) {
        if let Some(Err(Limited { limit, retry })) = self.allowance.as_mut().map(|allowance| allowance.frame(now)) {
            metrics::limits::hit(limit);
            self.machine.rest(now, retry);
        }
    }

    /// Says what is wrong, then closes.
    fn refuse(&mut self, close: Close, code: &'static str, message: String) {
        let (project, session) = (self.session.project.as_ref(), self.membership.as_ref().map(Membership::session));
        let request = &self.session.request;
        tracing::debug!(project = project.map(display), session, %request, reason = close.name(), why = message, "closing a session");
        self.say(&ServerMessage::Error { code: code.into(), message: message.clone() });
        self.outbox.close(close, message);
        self.membership = None;
    }

    fn limits(&self) -> &Limits {
        &self.session.hub.settings().limits
    }

    fn goodbye(&mut self) {
        self.say(&ServerMessage::Goaway { reason: "restart".into(), reconnect_ms: RECONNECT_MS });
        self.outbox.close(Close::Restart, "this node stops; reconnect");
    }

    /// Queues a message of the session's own. A reader too slow for it is found by the room or by the stall.
    fn say(&self, message: &ServerMessage) {
        let _ = self.outbox.push(encode::message(message, self.session.encoding));
    }
}
