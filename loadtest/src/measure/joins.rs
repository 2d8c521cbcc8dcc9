//! Clients that come to a project with many objects: one after another, many at once, and many that come back.
//!
//! A join counts from before the connection is made until the last chunk has come. What is in the chunks is left packed, as unpacking is the client's own
//! work. So each is compared with a fresh client that came to the same node afterwards, read all of it, and was itself compared with a copy that was kept.

use super::crowd::Crowd;
use super::figures::{Outcome, real};
use super::judge::Fresh;
use super::meter::Meter;
use super::place::{Dialect, Place};
use super::state::{Held, State};
use super::verdict::Verdict;
use super::visit::{self, Joined};
use crate::scenario::{Joins, Rooms};
use crate::target::Running;
use crate::target::probe::Probe;
use futures_util::stream::{FuturesUnordered, TryStreamExt as _};
use std::rc::Rc;
use std::slice;
use std::time::{Duration, Instant};

/// Clients that come together where it is not the coming that is measured.
const GENTLY: usize = 20;
/// Moves of each project that is to be met cold: people have worked at it, and its log shows it.
const MOVES: usize = 3_000;
/// Moves of each that are under way at the same time.
const MOVES_AT_ONCE: usize = 250;
/// After so long no further moves are made, however few there were.
const MOVING: Duration = Duration::from_secs(10);
/// Bytes that a snapshot has at least, in percent of one that was read whole.
const ENOUGH: u64 = 90;

/// Lets clients come.
///
/// # Errors
/// A sentence, when one could not get in.
pub async fn run(rooms: Rooms, joins: Joins, running: &mut Running, probe: &mut Probe) -> Result<Outcome, String> {
    let meter = Rc::new(Meter::new(Instant::now()));
    let crowd = Crowd::gather(rooms, &running.ground, &meter).await?;
    let mut outcome = Outcome::default();
    let began = Instant::now();
    probe.begin()?;
    let mut checked = hot(&crowd, joins, &meter, probe, &mut outcome).await?;
    outcome.seconds = began.elapsed().as_secs_f64();
    outcome.used = probe.end()?;
    outcome.generator = probe.generator();
    outcome.verdict.add(crowd.judge().await);
    crowd.leave();
    // Its copies of the project need not stay.
    drop(crowd);
    let met = cold(rooms, joins.cold, running, &meter, &mut outcome.verdict).await?;
    visit::tell(&mut outcome.more, "cold", met.iter().map(|joined| joined.took));
    checked += met.len();
    let what = format!(
        "of {checked} joins, {} of them the first after a restart, where they led to and how much came, against fresh clients whose copies were compared",
        met.len()
    );
    outcome.verdict.also_checked(&what);
    Ok(outcome)
}

/// Lets clients come to the first room of a crowd that is there; returns how many came.
async fn hot(
    crowd: &Crowd,
    joins: Joins,
    meter: &Rc<Meter>,
    probe: &mut Probe,
    outcome: &mut Outcome,
) -> Result<usize, String> {
    let Outcome { more, verdict, .. } = outcome;
    let door = Door { urls: &crowd.ground.urls, place: &crowd.peers[0].place, meter };
    let began = Instant::now();

    let mut alone = Vec::with_capacity(joins.one_by_one);
    for number in 0..joins.one_by_one {
        let joined = door.join(number, None, Instant::now()).await?;
        joined.peer.leave();
        alone.push(joined);
    }
    let bytes: u64 = alone.iter().map(|joined| joined.peer.received()).sum();
    more.insert("join kB".to_owned(), real(bytes) / 1e3 / real(alone.len() as u64));
    visit::tell(more, "join", alone.iter().map(|joined| joined.took));
    probe.look(began.elapsed())?;

    let together = door.together(0..joins.at_once, &[]).await?;
    visit::tell(more, "at once", together.iter().map(|joined| joined.took));
    together.iter().for_each(|joined| joined.peer.leave());
    probe.look(began.elapsed())?;
    let fresh = crowd.fresh_copies(0, door.urls, verdict).await?;
    check(&alone, &fresh, door.urls, verdict);
    check(&together, &fresh, door.urls, verdict);

    let returned = door.back(joins, crowd).await?;
    probe.look(began.elapsed())?;
    returned.iter().for_each(|joined| joined.peer.leave());
    if let Some(slowest) = returned.iter().map(|joined| joined.took).max() {
        visit::tell(more, "reconnect", returned.iter().map(|joined| joined.took));
        more.insert("reconnect all ms".to_owned(), slowest.as_secs_f64() * 1e3);
        let whole = returned.iter().filter(|joined| joined.peer.state.borrow().by_snapshot).count();
        more.insert("reconnect by snapshot".to_owned(), real(whole as u64));
        let fresh = crowd.fresh_copies(0, door.urls, verdict).await?;
        check(&returned, &fresh, door.urls, verdict);
    }
    Ok(alone.len() + together.len() + returned.len())
}

/// Makes projects, starts the nodes anew, and is the first to come to each.
async fn cold(
    rooms: Rooms,
    count: usize,
    running: &mut Running,
    meter: &Rc<Meter>,
    verdict: &mut Verdict,
) -> Result<Vec<Joined>, String> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let crowd = Crowd::gather(Rooms { count, ..rooms }, &running.ground, meter).await?;
    let began = Instant::now();
    for first in (0..MOVES).step_by(MOVES_AT_ONCE) {
        (0..count).for_each(|room| crowd.stir(room, first, MOVES_AT_ONCE));
        crowd.must_settle("the word that the moves of the projects that are to be met cold are saved").await?;
        if began.elapsed() > MOVING {
            break;
        }
    }
    verdict.add(crowd.judge().await);
    crowd.leave();
    running.restart().await?;
    let urls = &running.ground.urls;
    let mut met = Vec::with_capacity(count);
    for room in 0..count {
        let door = Door { urls, place: &crowd.room(room)[0].place, meter };
        met.push(door.join(room, None, Instant::now()).await?);
    }
    for (room, joined) in met.iter().enumerate() {
        joined.peer.leave();
        let fresh = crowd.fresh_copies(room, urls, verdict).await?;
        check(slice::from_ref(joined), &fresh, urls, verdict);
    }
    Ok(met)
}

/// Compares joins with those of fresh clients at the same nodes.
fn check(joins: &[Joined], fresh: &[Fresh], urls: &[String], verdict: &mut Verdict) {
    for joined in joins {
        let (state, place) = (joined.peer.state.borrow(), &joined.peer.place);
        let there = urls.iter().zip(fresh).filter(|(url, _)| **url == place.url);
        there.for_each(|(_, fresh)| compare(&state, place.number, fresh, verdict));
    }
}

/// Counts a join that led somewhere else than a fresh client's, and a snapshot that had too little in it.
fn compare(state: &State, number: usize, fresh: &Fresh, verdict: &mut Verdict) {
    fresh.compare(state, number, verdict);
    if state.by_snapshot && state.content * 100 < fresh.content * ENOUGH {
        verdict.differing += 1;
        verdict.because(|| format!("a join brought {} bytes, a fresh one {}", state.content, fresh.content));
    }
}

/// Where they come to.
struct Door<'a> {
    urls: &'a [String],
    /// Somebody's who is there.
    place: &'a Place,
    meter: &'a Rc<Meter>,
}

impl Door<'_> {
    /// One join that was due then, of a newcomer or of somebody who was there before. They go round the nodes.
    async fn join(&self, number: usize, held: Option<&Held>, due: Instant) -> Result<Joined, String> {
        let url = self.urls[number % self.urls.len()].clone();
        let place = Place { url, number: number % self.place.clients, ..self.place.clone() };
        visit::join(place, Dialect::Node, held, self.meter, due).await
    }

    /// Many at once; those come back of whom it is known what they hold.
    async fn together(&self, numbers: std::ops::Range<usize>, held: &[Held]) -> Result<Vec<Joined>, String> {
        let due = Instant::now();
        numbers.map(|n| self.join(n, held.get(n), due)).collect::<FuturesUnordered<_>>().try_collect().await
    }

    /// Many come gently, go, miss something, and come back at once.
    async fn back(&self, joins: Joins, crowd: &Crowd) -> Result<Vec<Joined>, String> {
        let mut held = Vec::with_capacity(joins.reconnecting);
        while held.len() < joins.reconnecting {
            let group = self.together(held.len()..joins.reconnecting.min(held.len() + GENTLY), &[]).await?;
            held.extend(group.iter().map(|joined| joined.peer.held()));
            group.iter().for_each(|joined| joined.peer.leave());
        }
        crowd.stir(0, 0, joins.missed);
        crowd.must_settle("the word that the moves that the others miss are saved").await?;
        self.together(0..held.len(), &held).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Position;

    #[test]
    fn a_join_that_brings_too_little_or_something_else_is_found() {
        let position = |seq, id: &str| Position { epoch: 1, seq, id: id.into() };
        let fresh = Fresh { position: position(7, "g"), content: 1_000 };
        let differing = |position, by_snapshot, content| {
            let mut state = State::holding(&Held { client: String::new(), saved: 0, position });
            (state.by_snapshot, state.content) = (by_snapshot, content);
            let mut verdict = Verdict::default();
            compare(&state, 0, &fresh, &mut verdict);
            verdict.differing
        };
        assert_eq!(differing(position(7, "g"), true, 900), 0);
        assert_eq!(differing(position(7, "g"), false, 0), 0, "what it holds need not come");
        assert_eq!(differing(position(7, "g"), true, 899), 1, "a tenth is missing");
        assert_eq!(differing(position(6, "f"), false, 0), 1, "behind");
        assert_eq!(differing(position(7, "x"), false, 0), 1, "another history");
        assert_eq!(differing(position(0, ""), true, 20), 2, "an empty project");
    }
}
