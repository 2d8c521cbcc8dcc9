//! The numbers that short frames use for authors and sessions: the same for everybody in a room.

use crate::protocol::frame::Frame;
use crate::protocol::short::{self, Name, Number};
use std::collections::HashMap;

/// Names that have numbers at a time; with more, numbering starts over, so that a room that lives for weeks does not tell newcomers of thousands.
const MOST: usize = 1_024;

/// Who has which number.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<Name, Number>,
    list: Vec<Name>,
}

impl Names {
    /// Gives numbers to those that have none. Returns what everybody is to be told before the numbers are used.
    pub(super) fn number(&mut self, names: impl Iterator<Item = Name> + Clone) -> Option<Frame> {
        let unknown = names.clone().filter(|name| !self.numbers.contains_key(name)).count();
        if unknown == 0 {
            return None;
        }
        if self.list.len() + unknown > MOST {
            self.list.clear();
            self.numbers.clear();
        }
        let from = self.list.len();
        for name in names {
            let next = number(self.list.len());
            if *self.numbers.entry(name).or_insert(next) == next {
                self.list.push(name);
            }
        }
        Some(short::names(number(from), &self.list[from..]))
    }

    /// The number of one that has a number.
    pub(super) fn of(&self, name: Name) -> Number {
        self.numbers[&name]
    }

    /// What a newcomer is told.
    pub(super) fn all(&self) -> Frame {
        short::names(0, &self.list)
    }
}

fn number(place: usize) -> Number {
    Number::try_from(place).expect("there are few")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(frame: Option<Frame>) -> Option<String> {
        frame.map(|frame| crate::protocol::json::to_json(frame.payload()).expect("sound"))
    }

    fn sessions(range: std::ops::Range<u64>) -> impl Iterator<Item = Name> + Clone {
        range.map(Name::Session)
    }

    #[test]
    fn each_name_is_told_once_and_the_newcomer_hears_all() {
        let mut names = Names::default();
        assert_eq!(told(names.number(sessions(5..7).chain(sessions(5..6)))), Some("[0,0,[5,6]]".into()));
        assert_eq!(told(names.number(sessions(6..7))), None);
        assert_eq!(told(names.number(sessions(6..8))), Some("[0,2,[7]]".into()));
        assert_eq!((names.of(Name::Session(6)), names.of(Name::Session(7))), (1, 2));
        assert_eq!(told(Some(names.all())), Some("[0,0,[5,6,7]]".into()));
    }

    #[test]
    fn numbering_starts_over_before_there_are_too_many() {
        let mut names = Names::default();
        names.number(sessions(0..1_000));
        assert_eq!(told(names.number(sessions(999..1_002))), Some("[0,1000,[1000,1001]]".into()));
        assert_eq!(
            told(names.number(sessions(1_001..1_025))).map(|told| told[..8].to_owned()),
            Some("[0,0,[10".into())
        );
        assert_eq!(names.of(Name::Session(1_001)), 0);
    }
}
