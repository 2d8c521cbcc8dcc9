//! What a session does when something happens to it. Pure: time comes in, effects go out.

use super::Timing;
use super::handshake;
use crate::ids::{Cid, ClientId};
use crate::protocol::close::Close;
use crate::protocol::decode::Unreadable;
use crate::protocol::limits::Limits;
use crate::protocol::message::{ClientMessage, Credentials, Hello, Role, To};
use crate::protocol::op::Batch;
use crate::protocol::props::Props;
use crate::protocol::value::Value;
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long before its access ends a client is asked for a new token.
const WARNING: Duration = Duration::from_secs(60);
/// … but not before it has its welcome.
const WELCOME: Duration = Duration::from_secs(1);
/// For how long a client that sends too much is not listened to at most: pings must come through.
const REST: Duration = Duration::from_secs(1);

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Find out who this is, and let it join the room if it may.
    Admit(ClientId, Box<Hello>),
    /// Find out whether access goes on with this.
    Renew(Credentials),
    /// Tell the client in how long its access ends.
    Expiring(Duration),
    /// Tell the client its role.
    Permission(Role),
    /// Hand in a batch.
    Submit(Batch),
    /// Tell the client that its role may not write.
    Forbid(Cid),
    /// Set presence fields.
    Presence(Props),
    /// Pass an event on.
    Broadcast(SmolStr, Value, To),
    /// Answer a ping.
    Pong(u64),
    /// Send a WebSocket ping.
    Ping,
    /// Say what is wrong, with a fixed word and a sentence, then close.
    Refuse(Close, &'static str, String),
    /// Say that the node stops, then close.
    Leave,
    /// Drop the socket: nobody reads it any more.
    Drop,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for the hello, until then.
    Fresh { until: Instant },
    /// A member of its room, with a role until its access ends.
    Live { role: Role, next_ping: Instant, access: Until },
    /// Our close is on its way; the socket is dropped then.
    Closing { until: Instant },
}

/// When access ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Until {
    /// `None`: never.
    end: Option<Instant>,
    /// When to ask for a new token; `None` when that has been done.
    warning: Option<Instant>,
}

impl Until {
    fn new(end: Option<Instant>, now: Instant) -> Self {
        let warning = |end: Instant| end.checked_sub(WARNING).unwrap_or(end).max(now + WELCOME);
        Self { end, warning: end.map(warning) }
    }

    fn next(&self) -> Option<Instant> {
        self.warning.or(self.end)
    }
}

/// One session's state.
#[derive(Debug)]
pub(super) struct Machine {
    state: State,
    timing: Arc<Timing>,
    heard: Instant,
    /// The client is not listened to until then: it has sent too much.
    rests: Option<Instant>,
    /// The node stops, and the client is told to go then.
    leaves: Option<Instant>,
}

impl Machine {
    pub(super) fn new(now: Instant, timing: Arc<Timing>) -> Self {
        Self { state: State::Fresh { until: now + timing.hello }, timing, heard: now, rests: None, leaves: None }
    }

    /// When [`Machine::tick`] wants to be called.
    pub(super) fn deadline(&self) -> Instant {
        let deadline = match self.state {
            State::Fresh { until } | State::Closing { until } => until,
            State::Live { next_ping, access, .. } => {
                let heartbeat = next_ping.min(self.heard + self.timing.silence);
                access.next().map_or(heartbeat, |next| next.min(heartbeat))
            }
        };
        [self.rests, self.leaves].into_iter().flatten().fold(deadline, Instant::min)
    }

    /// Whether the client is listened to.
    pub(super) fn listens(&self) -> bool {
        self.rests.is_none()
    }

    /// The client has sent more than it may: it is not listened to for a while.
    pub(super) fn rest(&mut self, now: Instant, time: Duration) {
        self.rests = Some(now + time.min(REST));
    }

    /// The node stops. Who has not joined yet is told at once: there would only be more to give up later.
    pub(super) fn leave(&mut self, now: Instant, after: Duration) {
        self.leaves = match self.state {
            State::Fresh { .. } => Some(now),
            State::Live { .. } => Some(now + after),
            State::Closing { .. } => None,
        };
    }

    /// The client has shown that it lives.
    pub(super) fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A message came, or something that is none.
    pub(super) fn message(
        &mut self,
        now: Instant,
        message: Result<ClientMessage, Unreadable>,
        limits: &Limits,
    ) -> Option<Effect> {
        self.heard(now);
        if matches!(self.state, State::Closing { .. }) {
            return None;
        }
        match (message, self.state) {
            (Err(unreadable), _) => Some(self.refuse(now, Close::Malformed, unreadable.0)),
            (Ok(ClientMessage::Hello(hello)), State::Fresh { .. }) => Some(self.hello(now, hello, limits)),
            (Ok(_), State::Fresh { .. }) => {
                Some(self.refuse(now, Close::Malformed, "the first message must be hello".to_owned()))
            }
            (Ok(ClientMessage::Hello(_)), _) => {
                Some(self.refuse(now, Close::Malformed, "hello may come only once".to_owned()))
            }
            (Ok(ClientMessage::Batch(batch)), State::Live { role, .. }) if !role.may_write() => {
                Some(Effect::Forbid(batch.cid))
            }
            (Ok(ClientMessage::Batch(batch)), _) => Some(Effect::Submit(batch)),
            (Ok(ClientMessage::Presence(set)), _) => Some(Effect::Presence(set)),
            (Ok(ClientMessage::Broadcast { topic, data, to }), _) => {
                let size = data.as_bytes().len();
                if size > limits.broadcast_bytes as usize {
                    let message =
                        format!("a broadcast's data may have {} bytes, this has {size}", limits.broadcast_bytes);
                    return Some(self.refuse(now, Close::Malformed, message));
                }
                Some(Effect::Broadcast(topic, data, to))
            }
            (Ok(ClientMessage::Token(credentials)), _) => Some(Effect::Renew(credentials)),
            (Ok(ClientMessage::Ping(n)), _) => Some(Effect::Pong(n)),
        }
    }

    fn hello(&mut self, now: Instant, hello: Hello, limits: &Limits) -> Effect {
        match handshake::check(&hello, limits) {
            Ok(client) => Effect::Admit(client, Box::new(hello)),
            Err((close, message)) => self.refuse(now, close, message),
        }
    }

    /// The client was let in, until its access ends.
    pub(super) fn admitted(&mut self, now: Instant, role: Role, end: Option<Instant>) {
        if let State::Fresh { .. } = self.state {
            self.heard(now);
            self.state = State::Live { role, next_ping: now + self.timing.heartbeat, access: Until::new(end, now) };
        }
    }

    /// A new token was taken.
    pub(super) fn renewed(&mut self, now: Instant, end: Option<Instant>) {
        if let State::Live { access, .. } = &mut self.state {
            *access = Until::new(end, now);
        }
    }

    /// The role may have changed.
    pub(super) fn role(&mut self, now: Role) -> Option<Effect> {
        match &mut self.state {
            State::Live { role, .. } if *role != now => {
                *role = now;
                Some(Effect::Permission(now))
            }
            _ => None,
        }
    }

    /// Begins to close.
    pub(super) fn refuse(&mut self, now: Instant, close: Close, message: String) -> Effect {
        self.closing(now);
        Effect::Refuse(close, close.name(), message)
    }

    /// A close frame is on its way, whoever asked for it.
    pub(super) fn closing(&mut self, now: Instant) {
        if !matches!(self.state, State::Closing { .. }) {
            self.leaves = None;
            self.state = State::Closing { until: now + self.timing.closing };
        }
    }

    /// Time has passed. `stalled` is how long the client has not taken a byte that waits for it.
    pub(super) fn tick(&mut self, now: Instant, stalled: Duration) -> Option<Effect> {
        if self.rests.is_some_and(|rests| now >= rests) {
            self.rests = None;
            // What waits to be read shows whether it lives.
            self.heard(now);
        }
        if self.leaves.is_some_and(|leaves| now >= leaves) {
            self.leaves = None;
            // A client that takes nothing must not hold the node up.
            self.closing(now);
            return Some(Effect::Leave);
        }
        match &mut self.state {
            State::Fresh { until } => {
                (now >= *until).then(|| self.refuse(now, Close::HelloTimeout, "no hello came in time".to_owned()))
            }
            State::Closing { until } => (now >= *until).then_some(Effect::Drop),
            State::Live { .. } if now >= self.heard + self.timing.silence => {
                Some(self.refuse(now, Close::Silent, "nothing was heard for too long".to_owned()))
            }
            State::Live { .. } if stalled >= self.timing.silence => {
                Some(self.refuse(now, Close::Slow, "the client does not read what it is sent".to_owned()))
            }
            State::Live { access: Until { end: Some(end), .. }, .. } if now >= *end => {
                Some(self.refuse(now, Close::Unauthenticated, "the token has expired: get a new one".to_owned()))
            }
            State::Live { access: Until { end: Some(end), warning }, .. } if warning.is_some_and(|at| now >= at) => {
                *warning = None;
                Some(Effect::Expiring(*end - now))
            }
            State::Live { next_ping, .. } if now >= *next_ping => {
                *next_ping = now + self.timing.heartbeat;
                Some(Effect::Ping)
            }
            State::Live { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests;
