//! What is done beside the room, and what the room does with it: all of it comes back by one channel, because each that is waited at costs every turn.

use super::others::Found;
use super::{Room, unsure};
use crate::hub::join;
use crate::hub::snapshot::Snapshot;
use crate::protocol::Encoding;

/// What was done beside the room.
pub(in crate::hub) enum Aside {
    /// A snapshot was encoded.
    Made(Encoding, Snapshot),
    /// Sessions of other nodes were read.
    Found(Found),
    /// A hot store that was away was asked: whether it answers.
    Probed(bool),
    /// The durable log was read, for joiners.
    Tail(unsure::Read),
}

impl Room {
    pub(super) fn aside(&mut self, aside: Aside) {
        match aside {
            Aside::Made(encoding, snapshot) => {
                self.snapshots.done(encoding, snapshot);
                join::admit_waiting(self, encoding);
            }
            Aside::Found(found) => self.found(found),
            Aside::Probed(answers) => self.probed(answers),
            Aside::Tail(read) => self.tail_read(read),
        }
    }
}
