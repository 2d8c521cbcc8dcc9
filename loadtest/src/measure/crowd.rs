//! All clients of a run: how they come together, and what is left when they are through.

use super::decode::Stamp;
use super::meter::Meter;
use super::ops;
use super::peer::Peer;
use super::place::{Dialect, Place};
use super::verdict::Verdict;
use crate::Encoding;
use crate::client::Client;
use crate::core::Core;
use crate::history::Keep;
use crate::scenario::Rooms;
use futures_util::StreamExt as _;
use futures_util::stream::{self, TryStreamExt as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long anything may take that must come in the end.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Rectangles that one batch creates.
const CREATE_AT_ONCE: usize = 100;
/// Rooms that are made at the same time.
const ROOMS_AT_ONCE: usize = 8;

/// What a crowd is let loose on.
#[derive(Debug, Clone)]
pub struct Ground {
    /// Where clients connect, like `ws://127.0.0.1:8080`: those of a room go round them.
    pub urls: Vec<String>,
    /// What is spoken there.
    pub dialect: Dialect,
}

/// All clients, room after room.
#[derive(Debug)]
pub struct Crowd {
    /// They.
    pub peers: Vec<Rc<Peer>>,
    /// Who they are.
    pub rooms: Rooms,
    ground: Ground,
    /// Batches that each client had sent before the load began.
    before: Vec<u64>,
}

impl Crowd {
    /// Fills the rooms: the first client of each creates its objects, then the others join.
    ///
    /// # Errors
    /// A sentence, when a client could not get in.
    pub async fn gather(rooms: Rooms, ground: &Ground, meter: &Rc<Meter>) -> Result<Self, String> {
        let run: u64 = rand::random::<u64>() >> 24;
        let made = stream::iter(0..rooms.count)
            .map(|room| fill(format!("load-{run:x}-{room}"), room, rooms, ground, meter))
            .buffered(ROOMS_AT_ONCE)
            .try_collect::<Vec<_>>();
        let peers: Vec<Rc<Peer>> = made.await?.into_iter().flatten().collect();
        let before = peers.iter().map(|peer| peer.state.borrow().sent).collect();
        Ok(Self { peers, rooms, ground: ground.clone(), before })
    }

    /// The numbers of those who send.
    pub fn senders(&self) -> impl Iterator<Item = usize> + '_ {
        let Rooms { clients, senders, .. } = self.rooms;
        (0..self.peers.len()).filter(move |number| number % clients < senders)
    }

    /// Bytes that came to all, frame headers included.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.peers.iter().map(|peer| peer.received()).sum()
    }

    /// Whether everything that was sent is answered and heard by all others. `merged`: a server may make one of several.
    #[must_use]
    pub fn is_through(&self, merged: bool) -> bool {
        self.peers.chunks(self.rooms.clients).enumerate().all(|(room, peers)| {
            let sent: u64 = self.sent(room).iter().sum();
            let heads: Vec<u64> = peers.iter().map(|peer| peer.state.borrow().seq).collect();
            let open = peers.iter().any(|peer| peer.state.borrow().open() != (0, 0));
            match self.ground.dialect {
                Dialect::Node => !open && heads.iter().all(|seq| *seq == heads[0]),
                Dialect::Floor => {
                    merged
                        || peers.iter().zip(self.sent(room)).all(|(peer, own)| peer.state.borrow().heard >= sent - own)
                }
            }
        })
    }

    /// Waits until [`Crowd::is_through`], for a while at most; true when it came to that.
    pub async fn settle(&self, merged: bool, within: Duration) -> bool {
        let end = Instant::now() + within;
        while !self.is_through(merged) {
            let broken = self.peers.iter().any(|peer| peer.state.borrow().broken.is_some());
            if broken || Instant::now() > end {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    /// Messages that each client of a room was told to send, without those that made the room.
    fn sent(&self, room: usize) -> Vec<u64> {
        let numbers = room * self.rooms.clients..(room + 1) * self.rooms.clients;
        numbers.map(|number| self.peers[number].state.borrow().sent - self.before[number]).collect()
    }

    /// Says whether anything was lost, once all is quiet, and lets everybody go. `merged` as in [`Crowd::is_through`].
    pub async fn judge(self, merged: bool) -> Verdict {
        let mut verdict = Verdict::default();
        if !self.settle(merged, PATIENCE).await {
            verdict.because(|| format!("after {PATIENCE:?} not everything was answered and heard"));
        }
        for peer in &self.peers {
            let state = peer.state.borrow();
            verdict.skipped += state.skipped;
            verdict.refused += state.refused;
            verdict.open += state.open().0.max(state.open().1 as u64);
            if let Some(why) = &state.broken {
                verdict.broken += 1;
                verdict.because(|| why.clone());
            }
        }
        verdict.checked = match (self.ground.dialect, merged) {
            (_, true) => "each connection lasted and each frame could be read; what arrived is the share of what was sent".to_owned(),
            (Dialect::Floor, _) => "each client received as many messages as the others of its room sent".to_owned(),
            (Dialect::Node, _) => {
                "each client saw every seq up to the last; in each room one client read every frame whole, kept a copy that equals a fresh one, and \
                 saw each batch of each sender once and in order; each batch was answered and saved"
                    .to_owned()
            }
        };
        for room in 0..self.rooms.count {
            match self.ground.dialect {
                Dialect::Floor if merged => {}
                Dialect::Floor => self.judge_floor(room, &mut verdict),
                Dialect::Node => {
                    if let Err(why) = self.judge_room(room, merged, &mut verdict).await {
                        verdict.broken += 1;
                        verdict.because(|| format!("a fresh client: {why}"));
                    }
                }
            }
        }
        self.peers.iter().for_each(|peer| peer.leave());
        verdict
    }

    fn room(&self, room: usize) -> &[Rc<Peer>] {
        &self.peers[room * self.rooms.clients..(room + 1) * self.rooms.clients]
    }

    fn judge_floor(&self, room: usize, verdict: &mut Verdict) {
        let sent = self.sent(room);
        let all: u64 = sent.iter().sum();
        for (peer, own) in self.room(room).iter().zip(&sent) {
            let (heard, expected) = (peer.state.borrow().heard, all - own);
            verdict.lost += expected.saturating_sub(heard);
            verdict.doubled += heard.saturating_sub(expected);
            if heard != expected {
                verdict.because(|| format!("client {} heard {heard} of {expected}", peer.place.number));
            }
        }
    }

    async fn judge_room(&self, room: usize, merged: bool, verdict: &mut Verdict) -> Result<(), String> {
        let peers = self.room(room);
        let place = &peers[0].place;
        let id = format!("judge-{:016x}", rand::random::<u64>());
        let mut judge = Client::new(&place.url, &place.room, id, Encoding::MessagePack, Keep::Names);
        judge.connect().await.map_err(|e| e.to_string())?;
        judge.until("a fresh join", PATIENCE, Core::is_synced).await.map_err(|e| e.to_string())?;
        let position = judge.core.position().ok_or("it has no position")?;
        for peer in peers.iter().filter(|peer| peer.state.borrow().seq != position.seq) {
            verdict.differing += 1;
            verdict.because(|| format!("client {} ended at {}", peer.place.number, peer.state.borrow().seq));
        }
        let sent = self.sent(room);
        let first = room * self.rooms.clients;
        let senders = peers.iter().zip(&sent).enumerate().map(|(index, (peer, sent))| {
            // A cursor is no batch.
            let batches = if merged { 0 } else { *sent };
            (peer.state.borrow().author.clone(), self.before[first + index], batches)
        });
        // The witness is the last of its room.
        if let Some(witness) = peers.last().and_then(|peer| peer.state.borrow_mut().witness.take()) {
            witness.judge(judge.core.replica(), position, senders, verdict);
        }
        judge.close().await;
        Ok(())
    }
}

/// Brings one room's clients in.
async fn fill(
    name: String,
    room: usize,
    rooms: Rooms,
    ground: &Ground,
    meter: &Rc<Meter>,
) -> Result<Vec<Rc<Peer>>, String> {
    let mut peers = Vec::with_capacity(rooms.clients);
    for index in 0..rooms.clients {
        let nodes = ground.urls.len();
        let place = Place {
            url: ground.urls[index % nodes].clone(),
            room: name.clone(),
            number: room * rooms.clients + index,
            clients: rooms.clients,
            nodes,
        };
        let joined = Peer::connect(place, ground.dialect, meter, index + 1 == rooms.clients).await;
        let peer = joined.map_err(|e| format!("client {index} of room {room} could not connect: {e}"))?;
        came(&peer, "the first sync", |peer| peer.synced).await?;
        if index == 0 && ground.dialect == Dialect::Node {
            furnish(&peer, rooms.objects).await?;
        }
        peers.push(peer);
    }
    Ok(peers)
}

/// Creates a room's objects.
async fn furnish(peer: &Peer, objects: usize) -> Result<(), String> {
    // Places as hands leave them, with all their digits: such that are alike would compress as no canvas does. As stamps they are long past.
    let place = || Stamp { due: rand::random_range(0.0..4_000.0), sender: rand::random_range(0.0..4_000.0) };
    for first in (0..objects).step_by(CREATE_AT_ONCE) {
        let ids = (first..objects.min(first + CREATE_AT_ONCE)).map(|number| (ops::first_id(number), place()));
        peer.batch(Instant::now(), ops::create(ids));
        peer.flush();
    }
    came(peer, "the objects to be saved", |state| state.open() == (0, 0)).await
}

async fn came(peer: &Peer, what: &str, holds: impl Fn(&super::state::State) -> bool) -> Result<(), String> {
    if peer.until(PATIENCE, holds).await {
        return Ok(());
    }
    let broken = peer.state.borrow().broken.clone();
    Err(broken.unwrap_or_else(|| format!("client {}: {what} did not come within {PATIENCE:?}", peer.place.number)))
}
