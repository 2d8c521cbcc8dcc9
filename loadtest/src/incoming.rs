//! A snapshot on its way to a client.

use super::replica::Replica;
use super::wire::{Commit, Object, Position};
use smol_str::SmolStr;

/// A snapshot that is being received.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) replica: Replica,
    /// The number of the chunk that is due.
    pub(crate) next: u64,
    /// Where the replica is when all chunks are here.
    pub(crate) target: Position,
    /// Live commits that came between the chunks.
    pub(crate) aside: Vec<(u64, SmolStr, Vec<Commit>)>,
}

impl Incoming {
    /// Nothing has come of it yet.
    pub(crate) fn new(target: Position) -> Self {
        Self { replica: Replica::default(), next: 0, target, aside: Vec::new() }
    }

    /// Takes the chunk that is due.
    pub(crate) fn add(&mut self, objects: &[Object]) {
        self.next += 1;
        objects.iter().for_each(|object| self.replica.put(object.clone()));
    }
}
