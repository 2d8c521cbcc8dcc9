//! What kind of world a run is in: how slow, how lossy, how forgetful. Different in every run, so that what is rare in one is common in another.

use crate::chance;
use crate::hot::log::KEPT_SAVED;
use rand::RngExt as _;
use std::time::Duration;

/// A world's character, for the whole of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Temper {
    /// Longest time that a call to Redis takes each way, in ms.
    pub(super) hot_ms: u64,
    /// Longest time that a request to the durable store takes each way, in ms.
    pub(super) durable_ms: u64,
    /// Events that are lost, in thousandths.
    pub(super) lost: u32,
    /// Events that are late, in thousandths.
    pub(super) late: u32,
    /// Calls that go wrong by themselves, in thousandths.
    pub(super) wrong: u32,
    /// Saved commits that Redis keeps.
    pub(super) keeps: usize,
    /// Looks after which a saved project's keys expire, in thousandths.
    pub(super) expires: u32,
    /// Looks after which somebody makes a checkpoint, in thousandths.
    pub(super) checkpoints: u32,
    /// How long entries are kept after a checkpoint covers them.
    pub(super) retention: Duration,
    /// Longest time that a person waits between two edits, in ms.
    pub(super) edits_ms: u64,
    /// Longest time that a person stays at a node.
    pub(super) stays: Duration,
    /// Longest time that nodes keep a room which nobody needs, in ms.
    pub(super) idle_ms: u64,
}

fn one_of<T: Copy>(all: &[T]) -> T {
    all[chance::rng().random_range(0..all.len())]
}

impl Temper {
    /// Quick and patient, and nothing is lost.
    pub(super) fn calm() -> Self {
        Self {
            hot_ms: 4,
            durable_ms: 8,
            lost: 0,
            late: 0,
            wrong: 0,
            keeps: KEPT_SAVED,
            expires: 0,
            checkpoints: 0,
            retention: Duration::from_secs(90),
            edits_ms: 200,
            stays: Duration::from_secs(20),
            idle_ms: 4_000,
        }
    }

    /// The character of the run that the seed says.
    pub(super) fn random() -> Self {
        Self {
            hot_ms: one_of(&[4, 4, 4, 30, 120]),
            durable_ms: one_of(&[8, 8, 8, 60, 600]),
            lost: one_of(&[0, 20, 20, 150]),
            late: one_of(&[0, 20, 20, 150]),
            wrong: one_of(&[5, 25, 25, 80]),
            keeps: one_of(&[0, 1, 3, 8, 30, KEPT_SAVED]),
            expires: one_of(&[8, 8, 40]),
            checkpoints: one_of(&[5, 20, 100]),
            retention: Duration::from_secs(one_of(&[1, 90])),
            edits_ms: one_of(&[200, 1_200, 1_200, 4_000]),
            stays: Duration::from_millis(one_of(&[1_500, 20_000, 20_000])),
            idle_ms: one_of(&[150, 4_000, 4_000]),
        }
    }
}
