//! Events as scripts publish them; a script cannot make them itself. Commits travel as the packed run.

use crate::ids::{Epoch, Position};

/// The watermark has moved.
pub(super) fn saved(position: Position) -> Vec<u8> {
    [&[b'S'][..], &super::layout::position(position)].concat()
}

/// A lineage has begun.
pub(super) fn began(epoch: Epoch) -> Vec<u8> {
    [&[b'L'][..], &epoch.to_be_bytes()].concat()
}

/// A lineage has ended.
pub(super) fn ended(epoch: Epoch) -> Vec<u8> {
    [&[b'E'][..], &epoch.to_be_bytes()].concat()
}
