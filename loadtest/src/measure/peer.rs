//! One client of the generator: it sends, follows its answers, counts what comes, and keeps nothing.

use super::conn::Conn;
use super::decode::{self, Stamp};
use super::frame::{Kind, Written};
use super::meter::Meter;
use super::ops;
use super::place::{Dialect, Place};
use super::state::{Held, State};
use crate::wire::{Message, Position, Reject};
use crate::{Encoding, say};
use bytes::Bytes;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A client.
#[derive(Debug)]
pub struct Peer {
    /// Where it is.
    pub place: Place,
    client: String,
    dialect: Dialect,
    conn: Conn,
    meter: Rc<Meter>,
    /// What it knows.
    pub state: RefCell<State>,
    /// Something has come.
    news: Notify,
}

impl Peer {
    /// Connects, says hello, and listens in a task of its own. `witness`: it reads everything whole.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn connect(place: Place, dialect: Dialect, meter: &Rc<Meter>, witness: bool) -> io::Result<Rc<Self>> {
        let mut state = State::default();
        // The floor says nothing to a newcomer.
        state.synced = dialect == Dialect::Floor;
        state.witness = (witness && dialect == Dialect::Node).then(Box::default);
        let client = format!("load-{}-{:016x}", place.number, rand::random::<u64>());
        Self::enter(place, dialect, meter, state, client, None).await
    }

    /// Connects as the same client once more.
    ///
    /// # Errors
    /// As [`Peer::connect`].
    pub async fn return_to(place: Place, meter: &Rc<Meter>, held: &Held) -> io::Result<Rc<Self>> {
        let state = State::holding(held);
        Self::enter(place, Dialect::Node, meter, state, held.client.clone(), Some(&held.position)).await
    }

    async fn enter(
        place: Place,
        dialect: Dialect,
        meter: &Rc<Meter>,
        state: State,
        client: String,
        position: Option<&Position>,
    ) -> io::Result<Rc<Self>> {
        let path = format!("/v1/projects/{}/ws", place.room);
        let protocol = if dialect == Dialect::Node { Encoding::MessagePack.subprotocol() } else { "" };
        let conn = Conn::open(&place.url, &path, protocol).await?;
        if dialect == Dialect::Node {
            conn.queue(Written::Binary, &say::hello(&client, position, state.saved));
            conn.flush()?;
        }
        let (meter, state) = (meter.clone(), RefCell::new(state));
        let peer = Rc::new(Self { place, client, dialect, conn, meter, state, news: Notify::new() });
        tokio::task::spawn_local(peer.clone().listen());
        Ok(peer)
    }

    /// What it takes with it when it goes now.
    #[must_use]
    pub fn held(&self) -> Held {
        let state = self.state.borrow();
        Held { client: self.client.clone(), saved: state.saved, position: state.position() }
    }

    /// Bytes that came, frame headers included.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.conn.received()
    }

    /// Waits until something holds; false when that takes longer than `within`, or the connection has broken.
    pub async fn until(&self, within: Duration, holds: impl Fn(&State) -> bool) -> bool {
        let end = tokio::time::Instant::now() + within;
        loop {
            let news = self.news.notified();
            if holds(&self.state.borrow()) {
                return true;
            }
            if self.state.borrow().broken.is_some() || tokio::time::timeout_at(end, news).await.is_err() {
                return false;
            }
        }
    }

    /// Sends a batch that was due then: a list of ops, as MessagePack. It leaves at [`Peer::flush`], or when the server takes more.
    pub fn batch(&self, due: Instant, ops: Vec<u8>) {
        let mut state = self.state.borrow_mut();
        state.sent += 1;
        self.meter.sent();
        state.pending.add(due, Bytes::from(ops));
        self.fill(&mut state);
    }

    /// Moves its cursor.
    pub fn cursor(&self, stamp: Stamp) {
        self.meter.sent();
        self.hand(stamp);
    }

    /// Moves its cursor beside what is measured.
    pub fn hand(&self, stamp: Stamp) {
        self.state.borrow_mut().cursor = Some(stamp.due);
        self.conn.queue(Written::Binary, &ops::cursor(stamp));
    }

    /// Sends a message of so many bytes to the floor.
    pub fn message(&self, stamp: Stamp, bytes: usize) {
        self.state.borrow_mut().sent += 1;
        self.meter.sent();
        self.conn.queue(Written::Binary, &ops::for_floor(stamp, bytes));
    }

    /// Sends what is queued.
    pub fn flush(&self) {
        if let Err(error) = self.conn.flush() {
            self.broke(&error.to_string());
        }
    }

    /// Goes; whatever ends afterwards is nobody's fault.
    pub fn leave(&self) {
        self.state.borrow_mut().leaving = true;
        self.conn.queue(Written::Close, &1000_u16.to_be_bytes());
        // The other side may have gone first.
        let _ = self.conn.flush();
    }

    fn broke(&self, why: &str) {
        let mut state = self.state.borrow_mut();
        if !state.leaving && state.broken.is_none() {
            state.broken = Some(format!("client {}: {why}", self.place.number));
        }
        drop(state);
        self.news.notify_waiters();
    }

    async fn listen(self: Rc<Self>) {
        loop {
            let mut now = None;
            let looked = self.conn.look(|kind, payload| {
                let now = *now.get_or_insert_with(Instant::now);
                match kind {
                    Kind::Binary => self.hear(now, payload).map_err(io::Error::other),
                    Kind::Close => Err(io::Error::other(closed(payload))),
                    _ => Ok(()),
                }
            });
            match looked.await {
                Ok(true) => self.news.notify_waiters(),
                Ok(false) => return self.broke("the server has closed"),
                Err(error) => return self.broke(&error.to_string()),
            }
        }
    }

    fn hear(self: &Rc<Self>, now: Instant, payload: &[u8]) -> Result<(), String> {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        if self.dialect == Dialect::Floor {
            let stamp = ops::from_floor(payload).ok_or("a message that nobody sent")?;
            state.heard += 1;
            self.meter.delivered(now, Some(stamp.due), false);
            return Ok(());
        }
        if let Some(witness) = &mut state.witness {
            witness.hear(payload)?;
        }
        let (own, mut latest) = (&state.author, state.latest);
        let found = decode::commits(&state.names, payload, |author, stamp| {
            if author != own.as_str() {
                latest = stamp.map(|stamp| stamp.due).or(latest);
                self.meter.delivered(now, stamp.map(|stamp| stamp.due), stamp.is_some_and(|s| self.is_elsewhere(s)));
            }
        });
        if let Some(commits) = found.map_err(|e| e.to_string())? {
            state.latest = latest;
            return state.follow(&commits, payload.len());
        }
        if let Some(last) = decode::snapshot(payload).map_err(|e| e.to_string())? {
            if let Some(missed) = state.chunk(last, payload.len()) {
                self.meter.skipped(now, missed.latest, missed.count, self.place.across(missed.count));
            }
            return Ok(());
        }
        let found = decode::presence(&state.names, payload, |session, stamp| {
            // A full one repeats what was told before.
            if session != state.session && state.cursors.hear(stamp.number() % self.place.clients, stamp.due) {
                self.meter.cursor(now, stamp.due, self.is_elsewhere(stamp));
            }
        });
        if found.map_err(|e| e.to_string())?.is_some() {
            return Ok(());
        }
        let message = state.names.read(payload, Encoding::MessagePack).map_err(|e| e.to_string())?;
        self.answered(now, state, message)
    }

    fn is_elsewhere(&self, stamp: Stamp) -> bool {
        self.place.node(stamp.number()) != self.place.node(self.place.number)
    }

    fn answered(self: &Rc<Self>, now: Instant, state: &mut State, message: Message) -> Result<(), String> {
        match message {
            Message::Welcome(welcome) => state.welcomed(now, &welcome, &self.meter),
            Message::Ack(cid, _, _) => {
                state.answered(now, cid, &self.meter);
                state.rewound = state.rewound.filter(|expected| *expected > cid);
            }
            Message::Saved(cid, _) => state.durable(now, cid, &self.meter),
            Message::Reject(reject) => self.rejected(state, &reject)?,
            Message::Gap(expected) if state.rewound != Some(expected) => {
                state.rewound = Some(expected);
                state.pending.rewind(expected);
            }
            Message::Pace(ms) => state.pace = ms.map(Duration::from_millis),
            Message::Error(code, text) => return Err(format!("the server says {code}: {text}")),
            Message::Goaway(reason, ..) => return Err(format!("the server says goaway: {reason}")),
            _ => {}
        }
        self.fill(state);
        self.conn.flush().map_err(|e| e.to_string())
    }

    fn rejected(self: &Rc<Self>, state: &mut State, reject: &Reject) -> Result<(), String> {
        match reject.kind.as_str() {
            "final" => {
                state.refused += 1;
                state.pending.answer(reject.cid);
            }
            "temporary" => {
                state.pending.rewind(reject.cid);
                state.hold = true;
                let (peer, pause) = (self.clone(), Duration::from_millis(reject.retry_ms.unwrap_or(0)));
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(pause).await;
                    let mut state = peer.state.borrow_mut();
                    state.hold = false;
                    peer.fill(&mut state);
                    drop(state);
                    peer.flush();
                });
            }
            other => return Err(format!("a reject of kind {other}: {}", reject.message)),
        }
        Ok(())
    }

    /// Queues the batches that may be sent.
    fn fill(&self, state: &mut State) {
        while let Some(batch) = (!state.hold).then(|| state.pending.next(state.window)).flatten() {
            self.conn.queue(Written::Binary, &batch.message());
        }
    }
}

fn closed(payload: &[u8]) -> String {
    match payload {
        [a, b, text @ ..] => {
            format!("closed with {} {}", u16::from_be_bytes([*a, *b]), String::from_utf8_lossy(text))
        }
        _ => "closed without a code".to_owned(),
    }
}
