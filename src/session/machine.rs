//! What a session does when something happens to it. Pure: time comes in, effects go out.

use super::Timing;
use super::handshake;
use crate::ids::Cid;
use crate::protocol::close::Close;
use crate::protocol::decode::Unreadable;
use crate::protocol::limits::Limits;
use crate::protocol::message::{ClientMessage, Hello, Role, To, Who};
use crate::protocol::op::Batch;
use crate::protocol::props::Props;
use crate::protocol::value::Value;
use smol_str::SmolStr;
use tokio::time::Instant;

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Join the room.
    Join(Who, Box<Hello>),
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
    /// Say what is wrong, then close.
    Refuse(Close, String),
    /// Drop the socket: nobody reads it any more.
    Drop,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for the hello, until then.
    Fresh { until: Instant },
    /// A member of its room.
    Live { role: Role, next_ping: Instant },
    /// Our close is on its way; the socket is dropped then.
    Closing { until: Instant },
}

/// One session's state.
#[derive(Debug)]
pub(super) struct Machine {
    state: State,
    timing: Timing,
    heard: Instant,
}

impl Machine {
    pub(super) fn new(now: Instant, timing: Timing) -> Self {
        Self { state: State::Fresh { until: now + timing.hello }, timing, heard: now }
    }

    /// When [`Machine::tick`] wants to be called.
    pub(super) fn deadline(&self) -> Instant {
        match self.state {
            State::Fresh { until } | State::Closing { until } => until,
            State::Live { next_ping, .. } => next_ping.min(self.heard + self.timing.silence),
        }
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
            (Ok(ClientMessage::Ping(n)), _) => Some(Effect::Pong(n)),
        }
    }

    fn hello(&mut self, now: Instant, hello: Hello, limits: &Limits) -> Effect {
        match handshake::check(&hello, limits) {
            Ok(who) => {
                self.state = State::Live { role: who.role, next_ping: now + self.timing.heartbeat };
                Effect::Join(who, Box::new(hello))
            }
            Err((close, message)) => self.refuse(now, close, message),
        }
    }

    /// Begins to close.
    pub(super) fn refuse(&mut self, now: Instant, close: Close, message: String) -> Effect {
        self.closing(now);
        Effect::Refuse(close, message)
    }

    /// A close frame is on its way, whoever asked for it.
    pub(super) fn closing(&mut self, now: Instant) {
        if !matches!(self.state, State::Closing { .. }) {
            self.state = State::Closing { until: now + self.timing.closing };
        }
    }

    /// Time has passed. `stalled` is how long the client has not taken a byte that waits for it.
    pub(super) fn tick(&mut self, now: Instant, stalled: std::time::Duration) -> Option<Effect> {
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
            State::Live { next_ping, .. } if now >= *next_ping => {
                *next_ping = now + self.timing.heartbeat;
                Some(Effect::Ping)
            }
            State::Live { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TIMING: Timing = Timing {
        hello: Duration::from_secs(5),
        heartbeat: Duration::from_secs(10),
        silence: Duration::from_secs(25),
        closing: Duration::from_secs(2),
    };

    fn hello() -> ClientMessage {
        ClientMessage::Hello(Hello {
            versions: (1, 1),
            features: vec![],
            client: "c".to_owned(),
            token: None,
            position: None,
            saved: 0,
            presence: Props::empty(),
        })
    }

    #[expect(clippy::needless_pass_by_value, reason = "it is called on what a call returns")]
    fn closes(effect: Option<Effect>) -> Option<Close> {
        match effect {
            Some(Effect::Refuse(close, _)) => Some(close),
            _ => None,
        }
    }

    fn live(now: Instant) -> Machine {
        let mut machine = Machine::new(now, TIMING);
        assert!(matches!(machine.message(now, Ok(hello()), &Limits::default()), Some(Effect::Join(..))));
        machine
    }

    #[test]
    fn hello_must_come_first_once_and_in_time() {
        let now = Instant::now();
        let limits = Limits::default();
        let mut machine = Machine::new(now, TIMING);
        assert_eq!(closes(machine.message(now, Ok(ClientMessage::Ping(1)), &limits)), Some(Close::Malformed));
        assert_eq!(machine.message(now, Ok(hello()), &limits), None, "what comes after our close is not heard");
        let mut machine = Machine::new(now, TIMING);
        assert_eq!(machine.tick(now + Duration::from_secs(4), Duration::ZERO), None);
        assert_eq!(closes(machine.tick(now + Duration::from_secs(5), Duration::ZERO)), Some(Close::HelloTimeout));
        assert_eq!(closes(live(now).message(now, Ok(hello()), &limits)), Some(Close::Malformed));
    }

    #[test]
    fn silence_ends_a_session_and_pings_find_it() {
        let now = Instant::now();
        let mut machine = live(now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(machine.deadline(), at(10));
        assert_eq!(machine.tick(at(10), Duration::ZERO), Some(Effect::Ping));
        machine.heard(at(11));
        assert_eq!(machine.tick(at(20), Duration::ZERO), Some(Effect::Ping));
        assert_eq!(machine.tick(at(30), Duration::ZERO), Some(Effect::Ping));
        assert_eq!(machine.deadline(), at(36));
        assert_eq!(closes(machine.tick(at(36), Duration::ZERO)), Some(Close::Silent));
        assert_eq!(machine.tick(at(38), Duration::ZERO), Some(Effect::Drop));
    }

    #[test]
    fn a_reader_that_takes_nothing_is_slow() {
        let now = Instant::now();
        assert_eq!(closes(live(now).tick(now, TIMING.silence)), Some(Close::Slow));
    }

    #[test]
    fn large_broadcasts_and_unreadable_frames_close() {
        let now = Instant::now();
        let data = Value::new([&[0xc5, 0x20, 0x01][..], &[0; 0x2001]].concat().into(), 1).expect("bytes");
        let broadcast = ClientMessage::Broadcast { topic: "t".into(), data, to: To::All };
        assert_eq!(closes(live(now).message(now, Ok(broadcast), &Limits::default())), Some(Close::Malformed));
        let unreadable = Err(Unreadable("why".to_owned()));
        assert_eq!(closes(live(now).message(now, unreadable, &Limits::default())), Some(Close::Malformed));
    }
}
