//! A load that stays the same: moves, users, cursors.

use super::crowd::{Crowd, Ground};
use super::decode::Stamp;
use super::figures::{Outcome, real};
use super::hands;
use super::meter::Meter;
use super::ops;
use super::place::Dialect;
use super::timetable::Timetable;
use super::visit;
use crate::machine::Alarm;
use crate::scenario::{Rooms, Steady};
use crate::target::probe::Probe;
use rand::RngExt as _;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// From the decision to start until the first message may be due.
const LEAD: Duration = Duration::from_millis(100);
/// Between two looks at the processes.
const LOOK: Duration = Duration::from_millis(500);
/// A load so long is to show whether memory stays what it is.
const LONG: Duration = Duration::from_secs(600);
/// Of a thousand ops of a user, those that create.
const CREATE: u32 = 150;
/// Of a thousand ops of a user, those that delete.
const DELETE: u32 = 100;
/// Objects that a user has at most: what would be one more deletes the oldest instead. As a user makes one more than it deletes every four seconds or so
/// (at five ops a second), this is reached after some minutes, and nothing grows from there on.
const MOST: usize = 50;
/// The name of the commits that snapshots stood for in an outcome.
pub const SKIPPED: &str = "skipped";

/// What clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// Moves.
    Moves,
    /// Creations, moves, deletions.
    Users,
    /// Cursors.
    Cursors,
}

/// A crowd at work.
pub struct Work {
    crowd: Rc<Crowd>,
    acts: Acts,
    meter: Rc<Meter>,
    /// The objects that each client has made and not deleted, and how many it ever made.
    made: RefCell<Vec<(VecDeque<u64>, u64)>>,
}

/// A stretch of load.
#[derive(Debug, Clone, Copy)]
pub struct Stretch {
    /// When sending begins.
    pub begin: Instant,
    /// From when on it counts.
    pub from: Instant,
    /// When both end.
    pub to: Instant,
}

impl Stretch {
    /// Begins as soon as can be.
    #[must_use]
    pub fn soon(warmup: Duration, counted: Duration) -> Self {
        let begin = Instant::now() + LEAD;
        Self { begin, from: begin + warmup, to: begin + warmup + counted }
    }
}

/// Runs a steady load and measures it.
///
/// # Errors
/// A sentence, when the clients could not get in or a process could not be looked at.
pub async fn run(
    rooms: Rooms,
    load: Steady,
    acts: Acts,
    ground: &Ground,
    probe: &mut Probe,
) -> Result<Outcome, String> {
    let meter = Rc::new(Meter::new(Instant::now()));
    meter.is_of_cursors.set(acts == Acts::Cursors);
    let crowd = Rc::new(Crowd::gather(rooms, ground, &meter).await?);
    let work = Rc::new(Work::new(crowd.clone(), acts, &meter));
    let stretch = Stretch::soon(load.warmup(), load.measured());
    // Only users have visitors.
    let until = if acts == Acts::Users { stretch.to } else { stretch.from };
    let visits = tokio::task::spawn_local(visit::visits(crowd.clone(), stretch.from, until));
    let moving =
        load.hands.then(|| tokio::task::spawn_local(hands::move_all(crowd.clone(), meter.clone(), stretch.to)));
    let (mut outcome, _) = measure(&work, load.rate, stretch, probe).await?;
    if let Some(moving) = moving {
        moving.await.map_err(|e| e.to_string())?;
        outcome.more.insert("pace ms".to_owned(), hands::pace_ms(&crowd));
        let heard = real(meter.hands.get()) / (load.warmup + load.seconds);
        outcome.more.insert("cursors heard/s a client".to_owned(), heard / real(crowd.peers.len() as u64));
    }
    let visits = visits.await.map_err(|e| e.to_string())?.map_err(|e| format!("the alarm: {e}"))?;
    visit::tell(&mut outcome.more, "visit", visits.iter().filter_map(|took| took.as_ref().ok().copied()));
    outcome.verdict = crowd.judge().await;
    for why in visits.into_iter().filter_map(Result::err) {
        outcome.verdict.broken += 1;
        outcome.verdict.because(|| format!("a visitor: {why}"));
    }
    crowd.leave();
    fill_in(&mut outcome, &meter);
    let clients = real((rooms.count * rooms.clients) as u64);
    outcome.more.insert("kB/s a client".to_owned(), real(outcome.received) / clients / outcome.seconds / 1e3);
    if outcome.verdict.skipped > 0 {
        outcome.more.insert(SKIPPED.to_owned(), real(outcome.verdict.skipped));
    }
    if load.measured() >= LONG {
        let growth = outcome.used.iter().filter_map(|used| Some((format!("{} growth %", used.name), used.growth()?)));
        outcome.more.extend(growth);
    }
    Ok(outcome)
}

/// Lets a crowd work for a while, and measures. Times are not in the outcome yet, as not everything has arrived: see [`fill_in`]. Returns also by how much
/// the generator was late in the end.
///
/// # Errors
/// A sentence, when a process could not be looked at or the alarm fails.
pub async fn measure(
    work: &Rc<Work>,
    rate: f64,
    stretch: Stretch,
    probe: &mut Probe,
) -> Result<(Outcome, Duration), String> {
    let Stretch { begin, from, to } = stretch;
    let (crowd, meter) = (&work.crowd, &work.meter);
    meter.count(from, to);
    let sending = tokio::task::spawn_local(work.clone().send(rate, begin, to));
    tokio::time::sleep_until(from.into()).await;
    let before = (meter.sent.get(), meter.delivered.get(), crowd.received());
    probe.begin()?;
    let seconds = watch(meter, to, probe).await?;
    let mut outcome = Outcome { seconds, used: probe.end()?, generator: probe.generator(), ..Outcome::default() };
    outcome.sent = meter.sent.get() - before.0;
    outcome.deliveries = meter.delivered.get() - before.1;
    outcome.received = crowd.received() - before.2;
    let others = real(crowd.rooms.clients as u64 - 1);
    outcome.share = real(outcome.deliveries) / (real(outcome.sent) * others).max(1.0);
    let over = Instant::now();
    sending.await.map_err(|e| e.to_string())?.map_err(|e| format!("the alarm: {e}"))?;
    Ok((outcome, over.elapsed()))
}

/// Looks at the processes until `to`; returns the seconds that passed.
///
/// # Errors
/// When a process has gone.
pub async fn watch(meter: &Meter, to: Instant, probe: &mut Probe) -> Result<f64, String> {
    let from = Instant::now();
    let mut looks = 0;
    loop {
        let next = (from + LOOK * (looks + 1)).min(to);
        tokio::time::sleep_until(next.into()).await;
        looks += 1;
        probe.look(from.elapsed())?;
        if looks % 2 == 0 {
            meter.tick(Instant::now());
        }
        if next == to {
            return Ok(from.elapsed().as_secs_f64());
        }
    }
}

/// The times that the meter has.
pub fn fill_in(outcome: &mut Outcome, meter: &Meter) {
    outcome.delivery = meter.delivery.borrow().summary();
    outcome.across = meter.across.borrow().summary();
    outcome.ack = meter.ack.borrow().summary();
    outcome.saved = meter.saved.borrow().summary();
}

impl Work {
    /// A crowd that has done nothing yet.
    #[must_use]
    pub fn new(crowd: Rc<Crowd>, acts: Acts, meter: &Rc<Meter>) -> Self {
        let made = RefCell::new(vec![(VecDeque::new(), 0); crowd.peers.len()]);
        Self { crowd, acts, meter: meter.clone(), made }
    }

    /// Lets every sender send `rate` messages a second from `begin` until before `to`.
    ///
    /// # Errors
    /// When the alarm fails.
    pub async fn send(self: Rc<Self>, rate: f64, begin: Instant, to: Instant) -> std::io::Result<()> {
        let alarm = Alarm::new()?;
        let mut table = Timetable::new(begin, rate, self.crowd.senders(), || rand::random_range(0.0..1.0));
        let mut touched = Vec::new();
        while let Some(next) = table.next().filter(|next| *next < to) {
            alarm.until(next).await?;
            // What is late is sent late, all at once, and its lateness counts.
            let now = Instant::now().min(to);
            while let Some((due, number)) = table.take(now).filter(|(due, _)| *due < to) {
                self.act(due, number);
                touched.push(number);
            }
            touched.drain(..).for_each(|number| self.crowd.peers[number].flush());
            // A generator that is behind must go on receiving.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn act(&self, due: Instant, number: usize) {
        let peer = &self.crowd.peers[number];
        let stamp = Stamp { due: self.meter.micros(due), sender: real(number as u64) };
        let ops = match self.acts {
            Acts::Moves => self.step(stamp),
            Acts::Users => self.user(number, stamp),
            Acts::Cursors => Vec::new(),
        };
        match (self.crowd.ground.dialect, self.acts) {
            (Dialect::Node, Acts::Cursors) => peer.cursor(stamp),
            (Dialect::Node, _) => peer.batch(due, ops),
            // A creation is as long here as there; all else has the floor's own length.
            (Dialect::Floor, _) if ops.len() > 2 * ops::FLOOR_BYTES => peer.message(stamp, ops.len()),
            (Dialect::Floor, _) => peer.message(stamp, ops::FLOOR_BYTES),
        }
    }

    fn step(&self, stamp: Stamp) -> Vec<u8> {
        ops::update(&ops::first_id(rand::random_range(0..self.crowd.rooms.objects)), stamp)
    }

    /// Something that a user does: what it deletes is its own.
    fn user(&self, number: usize, stamp: Stamp) -> Vec<u8> {
        let mut made = self.made.borrow_mut();
        let (own, count) = &mut made[number];
        let id = |n: u64| format!("u{number}-{n}");
        let mut rng = rand::rng();
        match rng.random_range(0..1_000) {
            ..CREATE if own.len() < MOST => {
                *count += 1;
                own.push_back(*count);
                ops::create(std::iter::once((id(*count), stamp)))
            }
            chance if chance < CREATE + DELETE && !own.is_empty() => {
                ops::delete(&own.pop_front().map(id).unwrap_or_default())
            }
            _ if !own.is_empty() && rng.random_bool(0.5) => {
                ops::update(&id(own[rng.random_range(0..own.len())]), stamp)
            }
            _ => self.step(stamp),
        }
    }
}
