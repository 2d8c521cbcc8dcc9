//! What a node hears of its own commits.
//!
//! Redis has no way to leave the node out that has made a call, so that each call comes back to it as an event: as much to read as a call of another
//! node, to learn nothing. Whoever has the answer to a call notes it here, and the fan-out passes over what is noted.

use crate::ids::CommitId;
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls that are remembered, about: a second of a busy node.
const PLACES: usize = 4_096;

/// The latest calls that this node has made and whose answers it has, by the id of their first commit. An older one may push a newer one out: that echo is
/// read like any other event, and changes nothing.
#[derive(Debug)]
pub struct Echoes(Box<[AtomicU64]>);

impl Default for Echoes {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Echoes {
    fn place(&self, first: CommitId) -> (&AtomicU64, u64) {
        let id = u64::from_be_bytes(first.0);
        #[expect(clippy::cast_possible_truncation, reason = "of an id that is random any bits will do")]
        let place = id as usize % PLACES;
        (&self.0[place], id)
    }

    /// A call that begins with this commit was stored, and whoever made it has heard so.
    pub fn stored(&self, first: CommitId) {
        let (place, id) = self.place(first);
        place.store(id, Ordering::Relaxed);
    }

    /// Whether that is known of the call that begins with this commit.
    #[must_use]
    pub fn knows(&self, first: CommitId) -> bool {
        let (place, id) = self.place(first);
        id != 0 && place.load(Ordering::Relaxed) == id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_until_its_place_is_taken() {
        let echoes = Echoes::default();
        let id = |n: u64| CommitId(n.to_be_bytes());
        assert!(!echoes.knows(id(7)) && !echoes.knows(CommitId::NONE));
        echoes.stored(id(7));
        assert!(echoes.knows(id(7)) && !echoes.knows(id(7 + PLACES as u64)));
        echoes.stored(id(7 + PLACES as u64));
        assert!(!echoes.knows(id(7)) && echoes.knows(id(7 + PLACES as u64)));
    }
}
