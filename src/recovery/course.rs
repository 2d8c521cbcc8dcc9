//! What a room does when the hot store says that the room's history is not its own.

use crate::hot::Mismatch;
use crate::ids::Epoch;

/// What a room must do before its next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// Ask whether the store has the room's seq and commit id, in this epoch if one is named, else in the room's own.
    Verify(Option<Epoch>),
    /// Ask again, after a while: somebody else is at it.
    Wait,
    /// Adopt what the store has.
    Load,
    /// The store has forgotten the project, of which all is durable: put it there at the next commit.
    Uninstalled,
    /// Begin a new lineage.
    Heal,
}

/// A room, as far as the decision goes.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// Its epoch.
    pub epoch: Epoch,
    /// The epoch that it asked in; a room that knows of a newer one asks whether that goes on from where it is.
    pub asked: Epoch,
    /// Whether all that it has is durable, and it holds nothing.
    pub saved: bool,
    /// Whether the durable store may have gone on without it: it has tried to put the project into the hot store and could not.
    pub overtaken: bool,
}

/// Decides what to do about a mismatch.
#[must_use]
pub fn decide(mismatch: Mismatch, room: Standing) -> Need {
    match mismatch {
        Mismatch::Frozen => Need::Wait,
        Mismatch::Empty if room.saved && !room.overtaken => Need::Uninstalled,
        Mismatch::Empty => Need::Heal,
        // Its log no longer reaches down to the room: what the room has above its own watermark is held.
        Mismatch::Trimmed => Need::Load,
        // Perhaps it goes on from where the room is.
        Mismatch::Epoch(theirs) if theirs > room.epoch && room.asked < theirs => Need::Verify(Some(theirs)),
        // A newer lineage, healed without what this room has.
        Mismatch::Epoch(_) | Mismatch::Fork if room.asked > room.epoch => Need::Load,
        // The store has rolled back, or two halves of it went on apart.
        Mismatch::Epoch(_) | Mismatch::Fork => Need::Heal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Standing = Standing { epoch: 3, asked: 3, saved: false, overtaken: false };

    #[test]
    fn an_empty_store_is_filled_again_or_healed() {
        assert_eq!(decide(Mismatch::Empty, ROOM), Need::Heal, "something may be nowhere but here");
        assert_eq!(decide(Mismatch::Empty, Standing { saved: true, ..ROOM }), Need::Uninstalled);
        let failed = Standing { saved: true, overtaken: true, ..ROOM };
        assert_eq!(decide(Mismatch::Empty, failed), Need::Heal, "the durable store may have gone on");
    }

    #[test]
    fn a_newer_lineage_is_followed_or_adopted() {
        assert_eq!(decide(Mismatch::Epoch(4), ROOM), Need::Verify(Some(4)));
        let asked = Standing { asked: 4, ..ROOM };
        assert_eq!(decide(Mismatch::Fork, asked), Need::Load);
        assert_eq!(decide(Mismatch::Trimmed, asked), Need::Load);
        assert_eq!(decide(Mismatch::Epoch(5), asked), Need::Verify(Some(5)), "it has moved on meanwhile");
    }

    #[test]
    fn an_older_store_is_healed() {
        assert_eq!(decide(Mismatch::Epoch(2), ROOM), Need::Heal);
        assert_eq!(decide(Mismatch::Fork, ROOM), Need::Heal);
        assert_eq!(decide(Mismatch::Frozen, ROOM), Need::Wait, "somebody does so");
    }
}
