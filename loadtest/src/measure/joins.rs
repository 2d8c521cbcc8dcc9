//! Clients that come to a project with many objects: one after another, many at once, and many that come back.
//!
//! A join counts from before the connection is made until the last chunk has come. What is in the chunks is left packed, as unpacking is the client's own work;
//! the room's witness has read all of it.

use super::crowd::{Crowd, PATIENCE};
use super::figures::{Outcome, real};
use super::meter::Meter;
use super::ops;
use super::peer::Peer;
use super::place::{Dialect, Place};
use crate::scenario::{Joins, Rooms};
use crate::stats::Times;
use crate::target::Running;
use crate::target::probe::Probe;
use crate::wire::Position;
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Clients that come together where it is not the coming that is measured.
const GENTLY: usize = 20;

/// One join.
struct Joined {
    peer: Rc<Peer>,
    took: Duration,
}

/// Lets clients come.
///
/// # Errors
/// A sentence, when one could not get in.
pub async fn run(rooms: Rooms, joins: Joins, running: &mut Running, probe: &mut Probe) -> Result<Outcome, String> {
    let meter = Rc::new(Meter::new(Instant::now()));
    let crowd = Crowd::gather(rooms, &running.ground, &meter).await?;
    let visit = Visit { place: crowd.peers[0].place.clone(), meter: meter.clone() };
    let began = Instant::now();
    probe.begin()?;
    let mut outcome = Outcome::default();
    let more = &mut outcome.more;

    let mut alone = Vec::new();
    for _ in 0..joins.one_by_one {
        let joined = visit.join(None, Instant::now()).await?;
        joined.peer.leave();
        alone.push(joined);
    }
    let bytes: u64 = alone.iter().map(|joined| joined.peer.received()).sum();
    more.insert("join kB".to_owned(), real(bytes) / 1e3 / real(alone.len() as u64));
    tell(more, "join", &alone);
    probe.look(began.elapsed())?;

    let together = visit.together(&vec![None; joins.at_once]).await?;
    tell(more, "at once", &together);
    together.iter().for_each(|joined| joined.peer.leave());
    probe.look(began.elapsed())?;

    let returned = visit.back(joins, &crowd).await?;
    if !returned.is_empty() {
        tell(more, "reconnect", &returned);
        let slowest = returned.iter().map(|joined| joined.took).max().unwrap_or_default();
        more.insert("reconnect all ms".to_owned(), slowest.as_secs_f64() * 1e3);
        let whole = returned.iter().filter(|joined| joined.peer.state.borrow().by_snapshot).count();
        more.insert("reconnect by snapshot".to_owned(), real(whole as u64));
    }
    probe.look(began.elapsed())?;
    returned.iter().for_each(|joined| joined.peer.leave());
    outcome.seconds = began.elapsed().as_secs_f64();
    outcome.used = probe.end()?;
    outcome.generator = probe.generator();
    outcome.verdict = crowd.judge(false).await;
    let met = cold(rooms, joins.cold, running, &meter).await?;
    tell(&mut outcome.more, "cold", &met);
    Ok(outcome)
}

/// Makes projects, starts the nodes anew, and is the first to come to each.
async fn cold(rooms: Rooms, count: usize, running: &mut Running, meter: &Rc<Meter>) -> Result<Vec<Joined>, String> {
    let crowd = Crowd::gather(Rooms { count, ..rooms }, &running.ground, meter).await?;
    let places: Vec<Place> = crowd.peers.iter().step_by(rooms.clients).map(|peer| peer.place.clone()).collect();
    if !crowd.settle(false, PATIENCE).await {
        return Err("the projects that are to be met cold were not saved".to_owned());
    }
    crowd.peers.iter().for_each(|peer| peer.leave());
    running.restart().await?;
    let mut met = Vec::new();
    for place in places {
        let place = Place { url: running.ground.urls[0].clone(), ..place };
        let visit = Visit { place, meter: meter.clone() };
        met.push(visit.join(None, Instant::now()).await?);
    }
    met.iter().for_each(|joined| joined.peer.leave());
    Ok(met)
}

fn tell(more: &mut BTreeMap<String, f64>, name: &str, joined: &[Joined]) {
    if joined.is_empty() {
        return;
    }
    let mut times = Times::default();
    joined.iter().for_each(|joined| times.add(joined.took));
    let percentiles = times.percentiles([500, 950]).map(|time| time.as_secs_f64() * 1e3);
    more.insert(format!("{name} p50 ms"), percentiles[0]);
    more.insert(format!("{name} p95 ms"), percentiles[1]);
}

/// Where they come to.
struct Visit {
    place: Place,
    meter: Rc<Meter>,
}

impl Visit {
    /// One join that was due then, of a newcomer or of somebody who holds the project at a position.
    async fn join(&self, held: Option<&Position>, due: Instant) -> Result<Joined, String> {
        let place = self.place.clone();
        let peer = match held {
            Some(held) => Peer::return_to(place, &self.meter, held).await,
            None => Peer::connect(place, Dialect::Node, &self.meter, false).await,
        };
        let peer = peer.map_err(|e| format!("a client could not connect: {e}"))?;
        if !peer.until(PATIENCE, |state| state.synced).await {
            let broken = peer.state.borrow().broken.clone();
            return Err(broken.unwrap_or_else(|| format!("a join did not end within {PATIENCE:?}")));
        }
        Ok(Joined { peer, took: due.elapsed() })
    }

    /// Many at once.
    async fn together(&self, held: &[Option<Position>]) -> Result<Vec<Joined>, String> {
        let due = Instant::now();
        held.iter().map(|held| self.join(held.as_ref(), due)).collect::<FuturesUnordered<_>>().try_collect().await
    }

    /// Many come gently, go, miss something, and come back at once.
    async fn back(&self, joins: Joins, crowd: &Crowd) -> Result<Vec<Joined>, String> {
        let mut held = Vec::new();
        while held.len() < joins.reconnecting {
            let group = self.together(&vec![None; GENTLY.min(joins.reconnecting - held.len())]).await?;
            held.extend(group.iter().map(|joined| joined.peer.state.borrow().home.clone()));
            group.iter().for_each(|joined| joined.peer.leave());
        }
        let writer = &crowd.peers[0];
        for n in 0..joins.missed {
            let due = Instant::now();
            let stamp = super::decode::Stamp { due: self.meter.micros(due), sender: 0.0 };
            writer.batch(due, ops::update(&ops::first_id(n % crowd.rooms.objects), stamp));
        }
        writer.flush();
        if !crowd.settle(false, PATIENCE).await {
            return Err("the moves that the others miss were not saved".to_owned());
        }
        self.together(&held).await
    }
}
