//! Inputs for a target: its seeds with a few things changed, and noise.

use proptest::prelude::*;
use proptest::sample::Index;

/// What is done to an input.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// A part comes once more, elsewhere.
    Repeat(Index, usize, Index),
    Cut(Index),
}

/// Bytes that decide much: heads of containers, of text and bytes, the ends of numbers.
const HEADS: [u8; 16] = [0, 1, 0x7f, 0x80, 0x81, 0x90, 0x91, 0xa0, 0xc0, 0xc1, 0xc4, 0xcf, 0xdc, 0xdd, 0xdf, 0xff];

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), prop::sample::select(HEADS.to_vec())]
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), prop::collection::vec(byte(), 1..6)).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        2 => (at(), 1..9_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        2 => (at(), 1..40_usize, at()).prop_map(|(from, length, to)| Edit::Repeat(from, length, to)),
        1 => at().prop_map(Edit::Cut),
    ]
}

impl Edit {
    fn apply(&self, data: &mut Vec<u8>) {
        let place = |at: &Index| at.index(data.len() + 1);
        match self {
            Self::Set(at, byte) => {
                let at = place(at);
                data.splice(at..data.len().min(at + 1), [*byte]);
            }
            Self::Insert(at, bytes) => {
                let at = place(at);
                data.splice(at..at, bytes.iter().copied());
            }
            Self::Remove(at, length) => {
                let at = place(at);
                data.drain(at..data.len().min(at + length));
            }
            Self::Repeat(from, length, to) => {
                let (from, to) = (place(from), place(to));
                let part = data[from..data.len().min(from + length)].to_vec();
                data.splice(to..to, part);
            }
            Self::Cut(at) => {
                let at = place(at);
                data.truncate(at);
            }
        }
    }
}

/// Any of the seeds, changed in a few places, or noise.
pub(crate) fn mutated(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changed = (prop::sample::select(seeds), prop::collection::vec(edit(), 0..6)).prop_map(|(mut data, edits)| {
        edits.iter().for_each(|edit| edit.apply(&mut data));
        data
    });
    prop_oneof![3 => changed, 1 => prop::collection::vec(any::<u8>(), 0..400)]
}
