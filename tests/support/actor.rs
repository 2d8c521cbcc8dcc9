//! A client that edits a project at random, and writes down when it was told what.

use super::process::PATIENCE;
use collabcanvas::protocol::Encoding;
use loadtest::client::{Client, Ended};
use loadtest::history::Keep;
use loadtest::say;
use loadtest::wire::Message;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Unanswered batches of a client at most.
pub const WINDOW: u64 = 4;
/// Objects of a project, about.
const OBJECTS: usize = 200;

/// What clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// They edit.
    Edit,
    /// They listen.
    Rest,
    /// They leave as soon as all that they sent is saved.
    Finish,
    /// They leave.
    Leave,
}

/// How clients behave.
#[derive(Debug, Clone)]
pub struct Habits {
    /// The project.
    pub project: String,
    /// Time between two edits of a client, about.
    pub pause: Duration,
    /// Each so many-th edit is followed by a new connection, at another one for each client; 0: none.
    pub restless: usize,
    /// Some batches ask for what is refused for good.
    pub mistakes: bool,
}

impl Habits {
    /// Steady clients that edit this often.
    pub fn steady(project: &str, pause: Duration) -> Self {
        Self { project: project.to_owned(), pause, restless: 0, mistakes: false }
    }
}

/// What all clients together have been told so far.
#[derive(Debug, Default)]
pub struct Told {
    /// Answered batches, by client.
    pub answered: Vec<u64>,
    /// Temporary refusals, by code, and `degraded` modes.
    pub for_now: BTreeMap<String, u64>,
    /// Ends of sessions that the clients did not ask for, in words.
    pub ended: BTreeMap<String, u64>,
}

/// What the clients of a project share.
#[derive(Debug, Default)]
pub struct Shared {
    /// What they were told.
    pub told: Mutex<Told>,
    /// Objects that somebody has created and nobody deleted, about.
    objects: Mutex<Vec<String>>,
}

/// What a mutex holds.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One client.
pub struct Actor {
    /// Its connection, replica and history.
    pub client: Client,
    /// When each cid was acked, or refused behind an ack.
    pub acked: Vec<(u64, Instant)>,
    /// When it was at which seq.
    pub heard: Vec<(u64, Instant)>,
    index: usize,
    made: u32,
    habits: Habits,
    rng: StdRng,
    shared: Arc<Shared>,
}

impl Actor {
    /// A client that is not connected.
    pub fn new(url: &str, habits: &Habits, shared: &Arc<Shared>) -> Self {
        let index = {
            let answered = &mut lock(&shared.told).answered;
            answered.push(0);
            answered.len() - 1
        };
        let encoding = if index.is_multiple_of(2) { Encoding::MessagePack } else { Encoding::Json };
        let id = format!("c{index}-{:016x}", rand::random::<u64>());
        Self {
            client: Client::new(url, &habits.project, id, encoding, Keep::Names),
            acked: Vec::new(),
            heard: Vec::new(),
            index,
            made: 0,
            habits: habits.clone(),
            rng: StdRng::seed_from_u64(rand::random()),
            shared: shared.clone(),
        }
    }

    fn op(&mut self) -> String {
        let (x, y) = (self.rng.random_range(-5_000..5_000), self.rng.random_range(0.0..1.0));
        let (known, full) = {
            let objects = lock(&self.shared.objects);
            let known = (!objects.is_empty()).then(|| self.rng.random_range(0..objects.len()));
            (known.map(|index| objects[index].clone()), objects.len() > OBJECTS)
        };
        match (self.rng.random_range(0..100), known) {
            (0..4, Some(id)) if self.habits.mistakes => format!(r#"{{"op":"create","id":"{id}"}}"#),
            (4..14, Some(id)) if full => {
                lock(&self.shared.objects).retain(|other| *other != id);
                format!(r#"{{"op":"delete","id":"{id}"}}"#)
            }
            (14..30, Some(id)) => format!(r#"{{"op":"increment","id":"{id}","prop":"n","by":1}}"#),
            (30..75, Some(id)) => format!(r#"{{"op":"update","id":"{id}","set":{{"x":{x},"y":{y:?}}}}}"#),
            (75..80, Some(id)) => {
                format!(r#"{{"op":"update","id":"{id}","set":{{"text":"at {x}"}},"unset":["y"]}}"#)
            }
            _ => {
                self.made += 1;
                let id = format!("o{}-{}", self.index, self.made);
                lock(&self.shared.objects).push(id.clone());
                format!(r#"{{"op":"create","id":"{id}","props":{{"type":"note","x":{x},"y":{y:?},"n":0}}}}"#)
            }
        }
    }

    /// Whether this edit is one after which it comes again.
    fn is_restless(&self) -> bool {
        let edits = self.client.core.history.sent.len();
        self.habits.restless > 0 && (self.index + edits).is_multiple_of(self.habits.restless)
    }

    fn edit(&mut self) {
        let count = if self.rng.random_range(0..8) == 0 { 3 } else { 1 };
        let ops: Vec<_> = (0..count).map(|_| self.op()).collect();
        self.client.submit(say::from_json(&format!("[{}]", ops.join(","))));
    }

    /// Writes down what a message says.
    fn note(&mut self, message: &Message) {
        let now = Instant::now();
        match message {
            Message::Ack(cid, ..) => {
                let from = self.acked.last().map_or(0, |(cid, _)| *cid) + 1;
                self.acked.extend((from..=*cid).map(|cid| (cid, now)));
                lock(&self.shared.told).answered[self.index] += (from..=*cid).count() as u64;
            }
            Message::Reject(reject) if reject.kind == "temporary" => {
                *lock(&self.shared.told).for_now.entry(reject.code.to_string()).or_default() += 1;
            }
            Message::Mode(mode) if mode == "degraded" => {
                *lock(&self.shared.told).for_now.entry("degraded".to_owned()).or_default() += 1;
            }
            _ => {}
        }
        let at = self.client.core.position().map(|position| position.seq);
        if let Some(seq) = at.filter(|seq| self.heard.last().is_none_or(|(heard, _)| seq > heard)) {
            self.heard.push((seq, now));
        }
    }

    async fn connect(&mut self) {
        let pause = Duration::from_millis(self.rng.random_range(0..100));
        tokio::time::sleep(pause).await;
        self.client.reconnect(PATIENCE).await.expect("a node is there");
    }

    fn done(&self, stage: Stage) -> bool {
        let core = &self.client.core;
        stage == Stage::Leave || (stage == Stage::Finish && core.open_batches() == (0, 0) && core.is_synced())
    }

    /// Does what it is told to do, until it is told to leave.
    pub async fn work(mut self, mut stage: watch::Receiver<Stage>) -> Self {
        let (mut connected, mut next) = (false, Instant::now());
        loop {
            if !connected {
                self.connect().await;
                connected = true;
            }
            let now = *stage.borrow_and_update();
            if self.done(now) {
                return self;
            }
            let edits = now == Stage::Edit && self.client.core.open_batches().1 < WINDOW;
            let heard = tokio::select! {
                heard = self.client.next() => heard,
                Ok(()) = stage.changed() => continue,
                () = tokio::time::sleep_until(next.into()), if edits => {
                    next = Instant::now() + self.habits.pause.mul_f64(self.rng.random_range(0.0..2.0));
                    self.edit();
                    if self.is_restless() {
                        self.client.cut();
                        connected = false;
                    }
                    continue;
                }
            };
            match heard {
                Ok(message) => self.note(&message),
                Err(Ended::Violation(violation)) => panic!("client {}: {violation}", self.index),
                Err(ended) => {
                    *lock(&self.shared.told).ended.entry(ended.to_string()).or_default() += 1;
                    connected = false;
                }
            }
        }
    }

    /// What it still waits for.
    pub fn state(&self) -> String {
        let core = &self.client.core;
        let (unsaved, unanswered) = core.open_batches();
        let (synced, at) = (core.is_synced(), core.position().map(|position| position.seq));
        format!("client {}: {unanswered} unanswered, {unsaved} unsaved, synced: {synced}, at {at:?}", self.index)
    }
}
