//! What of an entry does not fit its item: further parts, in a partition of their own.
//!
//! Owns their name, which is made from the whole body: two nodes may write the same commits at the same place with different bytes, and
//! neither may touch the other's parts. They count only with the entry's item, so they are written before it and removed after it.

use super::batch::{Write, parts_of};
use super::item::{self, Item, Key, PART_BYTES, PARTS, REST};
use crate::ids::{ProjectId, Seq};
use xxhash_rust::xxh3::xxh3_64;

/// The further parts of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rest {
    name: String,
    /// Their partition key.
    pub(super) pk: String,
    /// How many there are.
    pub(super) count: usize,
}

impl Rest {
    fn new(project: &ProjectId, from: Seq, name: String, count: usize) -> Self {
        Self { pk: item::entry_parts(project, from, &name), name, count }
    }

    /// What a body that begins at `from` has beyond its first part, if it has.
    pub(super) fn of(project: &ProjectId, from: Seq, body: &[u8]) -> Option<Self> {
        let rest = body.len().checked_sub(PART_BYTES).filter(|rest| *rest > 0)?;
        Some(Self::new(project, from, format!("{:016x}", xxh3_64(body)), parts_of(rest)))
    }

    /// What an entry's item names.
    pub(super) fn named_in(project: &ProjectId, from: Seq, item: &Item) -> Option<Self> {
        let count = usize::try_from(item.get_number(PARTS)?).ok()?.checked_sub(1)?;
        Some(Self::new(project, from, item.get_text(REST)?.to_owned(), count))
    }

    /// Names them in the entry's item.
    pub(super) fn name_in(&self, item: Item) -> Item {
        item.number(PARTS, 1 + self.count as u64).text(REST, &self.name)
    }

    /// What removes them.
    pub(super) fn removal(&self) -> impl Iterator<Item = Write> {
        (0..self.count).map(|n| Write::delete(&Key::new(&self.pk, item::part(n)), PART_BYTES))
    }
}
