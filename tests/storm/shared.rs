//! What a client of the storm shares with those who watch it.

use crate::support::actor::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};

/// What a client is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Edit.
    Edit,
    /// Go for good at the next ack, in that very moment.
    Leave,
    /// Stop editing, and come back with what is known as soon as all is saved.
    Finish,
    /// Come back now.
    GiveUp,
}

/// How far a client is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Batches that were handed in.
    pub(crate) submitted: AtomicU64,
    /// The highest answered one of them.
    pub(crate) answered: AtomicU64,
    /// The highest durable one.
    pub(crate) saved: AtomicU64,
    /// The highest seq that it was told to be durable.
    pub(crate) watermark: AtomicU64,
    /// It was told that the project is in degraded mode.
    pub(crate) degraded: AtomicBool,
}

/// What all clients of a round share.
#[derive(Debug)]
pub(crate) struct Round {
    /// When it began.
    pub(crate) began: Instant,
    /// Where the nodes are.
    pub(crate) urls: Vec<String>,
    /// Between two edits of a client, about.
    pub(crate) pause: Duration,
    /// One edit in so many is followed by a new connection; 0: none.
    pub(crate) restless: u32,
    /// Batches and ops that were acked.
    pub(crate) acked: [AtomicU64; 2],
    /// The longest wait for an answer, in ms.
    pub(crate) stall: AtomicU64,
    /// How often a node greeted a client with less than what had been called saved. An SDK would have to take its work for lost.
    pub(crate) stale: AtomicU64,
    /// From the end of each session that a client did not end itself to the next welcome.
    pub(crate) away: Mutex<Vec<Duration>>,
    /// How often a node said goodbye to a session.
    pub(crate) goodbyes: AtomicUsize,
    /// From each goodbye of a node until what was acked by then was called saved.
    pub(crate) flushed: Mutex<Vec<Duration>>,
}

impl Round {
    /// One that begins now.
    pub(crate) fn new(urls: Vec<String>, pause: Duration, restless: u32) -> Self {
        Self {
            began: Instant::now(),
            urls,
            pause,
            restless,
            acked: Default::default(),
            stall: AtomicU64::new(0),
            stale: AtomicU64::new(0),
            away: Mutex::default(),
            goodbyes: AtomicUsize::new(0),
            flushed: Mutex::default(),
        }
    }
}

/// Durations in order, for percentiles.
pub(crate) fn sorted(durations: &Mutex<Vec<Duration>>) -> Vec<Duration> {
    let mut sorted = lock(durations).clone();
    sorted.sort_unstable();
    sorted
}

/// The smallest duration that so many percent are not above; zero when there are none.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}
