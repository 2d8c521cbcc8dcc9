//! A client of the storm: it edits, goes from node to node, comes back whatever happens, and writes down what it was told and when.

use crate::edits::Edits;
use crate::record::{At, ClientRecord, Segment, Sent};
use crate::shared::{Order, Progress, Round};
use crate::support::actor::lock;
use collabcanvas::protocol::Encoding;
use loadtest::client::{Client, Ended};
use loadtest::history::Keep;
use loadtest::say;
use loadtest::wire::Message;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Unanswered batches of a client at most.
const WINDOW: u64 = 6;
/// How long a client that waits for something bears silence before it goes elsewhere.
const SILENCE: Duration = Duration::from_secs(3);
/// How long it waits for a connection.
const CONNECTING: Duration = Duration::from_secs(2);
/// The bounds of the random pause before another try.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// One client.
pub(crate) struct Editor {
    /// Its connection, replica and history.
    pub(crate) client: Client,
    /// What it broke off with, when a node broke the protocol.
    pub(crate) violation: Option<String>,
    /// Which project.
    pub(crate) project: String,
    id: String,
    left: bool,
    node: usize,
    edits: Edits,
    rng: StdRng,
    round: Arc<Round>,
    progress: Arc<Progress>,
    /// When each batch was handed in, and how many ops it has.
    sent: Vec<(u64, u64)>,
    acks: Vec<(u64, u64, u64)>,
    saves: Vec<(u64, u64, u64)>,
    retry: Duration,
    heard: Instant,
    /// When its session ended without its doing.
    away_since: Option<Instant>,
    /// What was acked when its node said goodbye, and when that was.
    warned: Option<(u64, Instant)>,
}

impl Editor {
    /// A client that is not connected; its edits come from the seed.
    pub(crate) fn new(round: &Arc<Round>, project: &str, progress: &Arc<Progress>, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let encoding = if seed.is_multiple_of(2) { Encoding::MessagePack } else { Encoding::Json };
        let node = rng.random_range(0..round.urls.len());
        let id = format!("c{seed}-{:016x}", rand::random::<u64>());
        Self {
            client: Client::new(&round.urls[node], project, id.clone(), encoding, Keep::Names),
            violation: None,
            project: project.to_owned(),
            id: id.clone(),
            left: false,
            node,
            edits: Edits::new(&id, rng.random()),
            rng,
            round: round.clone(),
            progress: progress.clone(),
            sent: Vec::new(),
            acks: Vec::new(),
            saves: Vec::new(),
            retry: RETRY[0],
            heard: Instant::now(),
            away_since: None,
            warned: None,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.round.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn edit(&mut self) {
        let ops = self.edits.batch(self.client.core.replica());
        let cid = self.client.submit(say::from_json(&format!("[{}]", ops.join(","))));
        self.sent.push((self.now(), ops.len() as u64));
        self.progress.submitted.store(cid, Ordering::Relaxed);
    }

    fn ops(&self, cid: u64) -> u64 {
        let index = usize::try_from(cid).unwrap_or(usize::MAX).wrapping_sub(1);
        self.sent.get(index).map_or(0, |(_, ops)| *ops)
    }

    /// Writes down what a message says.
    fn note(&mut self, message: &Message, before: u64) {
        let now = self.now();
        self.heard = Instant::now();
        self.retry = RETRY[0];
        match message {
            Message::Ack(cid, seq, _) => {
                self.acks.push((*cid, *seq, now));
                let acked = (before + 1..=*cid).filter(|cid| self.client.core.history.acked.contains(cid));
                let counts = acked.fold([0, 0], |[batches, ops], cid| [batches + 1, ops + self.ops(cid)]);
                for (total, count) in self.round.acked.iter().zip(counts) {
                    total.fetch_add(count, Ordering::Relaxed);
                }
                let handed_in = self.sent.get(usize::try_from(before).unwrap_or(usize::MAX)).map_or(now, |(ms, _)| *ms);
                self.round.stall.fetch_max(now.saturating_sub(handed_in), Ordering::Relaxed);
            }
            Message::Saved(cid, seq) => self.heard_saved(*cid, *seq),
            Message::Welcome(welcome) => {
                self.heard_saved(welcome.saved, welcome.saved_seq);
                if let Some(since) = self.away_since.take() {
                    lock(&self.round.away).push(since.elapsed());
                }
            }
            Message::Mode(mode) if mode == "degraded" => self.progress.degraded.store(true, Ordering::Relaxed),
            Message::Goaway(..) => {
                self.round.goodbyes.fetch_add(1, Ordering::Relaxed);
                self.warned = Some((self.client.core.history.acked.last().copied().unwrap_or(0), Instant::now()));
            }
            _ => {}
        }
        self.progress.answered.store(self.answered(), Ordering::Relaxed);
        self.progress.saved.store(self.client.core.history.saved, Ordering::Relaxed);
    }

    fn heard_saved(&mut self, cid: u64, seq: u64) {
        self.saves.push((cid, seq, self.now()));
        self.progress.watermark.fetch_max(seq, Ordering::Relaxed);
        if let Some((_, since)) = self.warned.take_if(|(acked, _)| *acked <= cid) {
            lock(&self.round.flushed).push(since.elapsed());
        }
    }

    /// Tries to connect, to the same node or another one.
    async fn connect(&mut self) -> bool {
        let pause = self.retry.mul_f64(self.rng.random_range(0.0..1.0));
        self.retry = (self.retry * 2).min(RETRY[1]);
        tokio::time::sleep(pause).await;
        self.node = self.rng.random_range(0..self.round.urls.len());
        self.client.go_to(&self.round.urls[self.node], &self.project);
        self.heard = Instant::now();
        matches!(tokio::time::timeout(CONNECTING, self.client.connect()).await, Ok(Ok(())))
    }

    fn done(&self, order: Order) -> bool {
        let core = &self.client.core;
        order == Order::GiveUp || (order == Order::Finish && core.open_batches() == (0, 0) && core.is_synced())
    }

    /// Whether something is overdue.
    fn waits(&self) -> bool {
        let core = &self.client.core;
        !core.is_synced() || core.open_batches() != (0, 0)
    }

    /// Does what it is told until it is told to come back.
    pub(crate) async fn work(mut self, mut order: watch::Receiver<Order>) -> Self {
        let (mut connected, mut next) = (false, Instant::now());
        loop {
            let now = *order.borrow_and_update();
            if self.done(now) {
                return self;
            }
            if !connected {
                connected = self.connect().await;
                continue;
            }
            let (unsaved, unanswered) = self.client.core.open_batches();
            let edits = matches!(now, Order::Edit | Order::Leave) && unanswered < WINDOW && unsaved < 5_000;
            let (waits, silence, before) = (self.waits(), self.heard + SILENCE, self.answered());
            let heard = tokio::select! {
                heard = self.client.next() => heard,
                changed = order.changed() => {
                    // Whoever gives the orders lives longer than those who take them.
                    if changed.is_err() { return self }
                    continue;
                }
                () = tokio::time::sleep_until(next.into()), if edits => {
                    next = Instant::now() + self.round.pause.mul_f64(self.rng.random_range(0.0..2.0));
                    self.edit();
                    if self.round.restless > 0 && self.rng.random_range(0..self.round.restless) == 0 {
                        self.client.cut();
                        connected = false;
                    }
                    continue;
                }
                () = tokio::time::sleep_until(silence.into()), if waits => {
                    self.client.cut();
                    connected = false;
                    continue;
                }
            };
            match heard {
                Ok(message) => {
                    self.note(&message, before);
                    if now == Order::Leave && matches!(message, Message::Ack(..)) {
                        self.client.cut();
                        self.left = true;
                        return self;
                    }
                }
                Err(Ended::Violation(violation)) if violation.0.contains("was saved, now there are only") => {
                    self.round.stale.fetch_add(1, Ordering::Relaxed);
                    self.client.cut();
                    connected = false;
                }
                Err(Ended::Violation(violation)) => {
                    self.violation = Some(format!("{}: {violation}", self.state()));
                    return self;
                }
                Err(_) => {
                    self.away_since.get_or_insert_with(Instant::now);
                    connected = false;
                }
            }
        }
    }

    /// The highest answered cid.
    fn answered(&self) -> u64 {
        self.client.core.history.sent.len() as u64 - self.client.core.open_batches().1
    }

    /// What it still waits for.
    pub(crate) fn state(&self) -> String {
        let core = &self.client.core;
        let ((unsaved, unanswered), node) = (core.open_batches(), self.node);
        let (synced, at) = (core.is_synced(), core.position().map(|position| position.seq));
        let id = &self.id;
        format!(
            "client {id} of {} at node {node}: {unanswered} unanswered, {unsaved} unsaved, synced: {synced}, at {at:?}",
            self.project
        )
    }

    /// What it has lived through, as it is kept.
    pub(crate) fn record(&self) -> ClientRecord {
        let history = &self.client.core.history;
        let sent = history.sent.iter().zip(&self.sent).map(|((cid, ops), (ms, _))| Sent::new(*cid, *ms, ops));
        ClientRecord {
            project: self.project.clone(),
            client: self.id.clone(),
            author: history.author.to_string(),
            left: self.left,
            saved: history.saved,
            taken_back: history.taken_back,
            welcomes: history.welcomes,
            sent: sent.collect(),
            acked: crate::record::runs(history.acked.iter().copied()),
            gone: history.gone.iter().map(|(cid, ids)| (*cid, ids.iter().map(ToString::to_string).collect())).collect(),
            rejected: history.rejected.iter().map(|(cid, code)| (*cid, code.to_string())).collect(),
            acks: self.acks.clone(),
            saves: self.saves.clone(),
            seen: history.segments.iter().map(Segment::new).collect(),
            at: (!self.left).then(|| At::of(&self.client.core)).flatten(),
        }
    }
}
