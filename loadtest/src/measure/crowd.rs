//! All clients of a run: how they come together, and when they are through.

use super::decode::Stamp;
use super::meter::Meter;
use super::ops;
use super::peer::Peer;
use super::place::{Dialect, Place};
use super::state::State;
use crate::scenario::Rooms;
use futures_util::StreamExt as _;
use futures_util::stream::{self, TryStreamExt as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long anything may take that must come in the end.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// What has not come from the floor after so long a silence never will: it keeps nothing.
const SILENCE: Duration = Duration::from_secs(5);
/// Between two looks whether all is through.
const LOOK: Duration = Duration::from_millis(20);
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
    /// Where they are.
    pub ground: Ground,
    /// Batches that each client had sent before the load began.
    pub(super) before: Vec<u64>,
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
        // A snapshot that came while the rooms were made stands for nothing of the load.
        peers.iter().for_each(|peer| peer.state.borrow_mut().skipped = 0);
        let before = peers.iter().map(|peer| peer.state.borrow().sent).collect();
        Ok(Self { peers, rooms, ground: ground.clone(), before })
    }

    /// The numbers of those who send.
    pub fn senders(&self) -> impl Iterator<Item = usize> + '_ {
        let Rooms { clients, senders, .. } = self.rooms;
        (0..self.peers.len()).filter(move |number| number % clients < senders)
    }

    /// The clients of a room.
    #[must_use]
    pub fn room(&self, room: usize) -> &[Rc<Peer>] {
        &self.peers[room * self.rooms.clients..(room + 1) * self.rooms.clients]
    }

    /// Bytes that came to all, frame headers included.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.peers.iter().map(|peer| peer.received()).sum()
    }

    /// Commits that snapshots stood for, of all clients.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.peers.iter().map(|peer| peer.state.borrow().skipped).sum()
    }

    /// Why the first client broke off that did.
    #[must_use]
    pub fn broken(&self) -> Option<String> {
        self.peers.iter().find_map(|peer| peer.state.borrow().broken.clone())
    }

    /// Whether everything that was sent is answered and heard by all others; of cursors, the last of each sender.
    #[must_use]
    pub fn is_through(&self) -> bool {
        (0..self.rooms.count).all(|room| {
            let peers = self.room(room);
            match self.ground.dialect {
                Dialect::Node => {
                    let seq = peers[0].state.borrow().seq;
                    let is_through = |state: &State| state.open() == (0, 0) && state.seq == seq;
                    peers.iter().all(|peer| is_through(&peer.state.borrow())) && self.unheard(room) == 0
                }
                Dialect::Floor => {
                    let sent = self.sent(room);
                    let all: u64 = sent.iter().sum();
                    peers.iter().zip(sent).all(|(peer, own)| peer.state.borrow().heard >= all - own)
                }
            }
        })
    }

    /// Waits until [`Crowd::is_through`], for a while at most; true when it came to that.
    pub async fn settle(&self, within: Duration) -> bool {
        let end = Instant::now() + within;
        let (mut received, mut since) = (self.received(), Instant::now());
        while !self.is_through() {
            if received != self.received() {
                (received, since) = (self.received(), Instant::now());
            }
            let silent = self.ground.dialect == Dialect::Floor && since.elapsed() > SILENCE;
            if silent || Instant::now() > end || self.broken().is_some() {
                return false;
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    /// As [`Crowd::settle`], where nothing can go on without.
    ///
    /// # Errors
    /// Why a connection broke, or what did not come.
    pub async fn must_settle(&self, what: &str) -> Result<(), String> {
        if self.settle(PATIENCE).await {
            return Ok(());
        }
        Err(self.broken().unwrap_or_else(|| format!("{what} did not come within {PATIENCE:?}")))
    }

    /// Messages that each client of a room was told to send, without those that made the room.
    pub(super) fn sent(&self, room: usize) -> Vec<u64> {
        let before = &self.before[room * self.rooms.clients..];
        self.room(room).iter().zip(before).map(|(peer, before)| peer.state.borrow().sent - before).collect()
    }

    /// Last cursors of a room's clients that have not come to another one.
    pub(super) fn unheard(&self, room: usize) -> u64 {
        let last = self.room(room).iter().enumerate().filter_map(|(n, peer)| Some((n, peer.state.borrow().cursor?)));
        let last: Vec<(usize, f64)> = last.collect();
        let lacks = |(n, peer): (usize, &Rc<Peer>)| {
            let cursors = &peer.state.borrow().cursors;
            last.iter().filter(|(from, due)| *from != n && !cursors.has(*from, *due)).count() as u64
        };
        self.room(room).iter().enumerate().map(lacks).sum()
    }

    /// The first client of a room moves its objects to anywhere: so many, one after another, beginning with the one of this number.
    pub fn stir(&self, room: usize, first: usize, count: usize) {
        let mover = &self.room(room)[0];
        for number in first..first + count {
            mover.batch(Instant::now(), ops::update(&ops::first_id(number % self.rooms.objects), anywhere()));
        }
        mover.flush();
    }

    /// Lets everybody go.
    pub fn leave(&self) {
        self.peers.iter().for_each(|peer| peer.leave());
    }
}

/// A place as hands leave things, with all its digits: such that are alike would compress as no canvas does. As a stamp it is long past.
fn anywhere() -> Stamp {
    Stamp { due: rand::random_range(0.0..4_000.0), sender: rand::random_range(0.0..4_000.0) }
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
    let nodes = ground.urls.len();
    for index in 0..rooms.clients {
        let place = Place {
            url: ground.urls[index % nodes].clone(),
            room: name.clone(),
            number: room * rooms.clients + index,
            clients: rooms.clients,
            nodes,
        };
        // The last ones, of which there is one at each node, do the full work.
        let witness = index + nodes >= rooms.clients;
        let joined = Peer::connect(place, ground.dialect, meter, witness).await;
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
    for first in (0..objects).step_by(CREATE_AT_ONCE) {
        let ids = (first..objects.min(first + CREATE_AT_ONCE)).map(|number| (ops::first_id(number), anywhere()));
        peer.batch(Instant::now(), ops::create(ids));
        peer.flush();
    }
    came(peer, "the objects to be saved", |state| state.open() == (0, 0)).await
}

async fn came(peer: &Peer, what: &str, holds: impl Fn(&State) -> bool) -> Result<(), String> {
    if peer.until(PATIENCE, holds).await {
        return Ok(());
    }
    let broken = peer.state.borrow().broken.clone();
    Err(broken.unwrap_or_else(|| format!("client {}: {what} did not come within {PATIENCE:?}", peer.place.number)))
}
