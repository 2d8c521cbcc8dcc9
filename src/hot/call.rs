//! What a room asks of the hot store: up to [`CALL_BATCHES`] computed batches at once.

use crate::ids::{ObjectId, Position, Seq};
use crate::project::apply::Effect;
use crate::protocol::commit::Commit;
use crate::protocol::props::Props;
use crate::protocol::run::Run;
use std::collections::HashMap;

/// Most batches in one call.
pub const CALL_BATCHES: usize = 64;

/// A batch that a room has computed and now proposes.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The commit that it is to become.
    pub commit: Commit,
    /// What it does to the objects; empty for a refusal.
    pub effects: Vec<Effect>,
    /// Objects that were not there when it was computed, and that it would have changed.
    pub absent: Vec<ObjectId>,
    /// Whether it depends on more than the objects that it touches (a parent chain, the reason of a refusal): then it holds only on the very
    /// state that it was computed on.
    pub at_head: bool,
}

/// Up to [`CALL_BATCHES`] proposals that follow the room's position.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where the room stands: the proposals were computed on this history.
    pub position: Position,
    /// In order; the first takes `position.seq + 1`, or later if others were first and did not touch what these touch.
    pub proposals: Vec<Proposal>,
    /// Whether somebody wants this durable at once.
    pub urgent: bool,
}

/// What a call does to one object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Touched<'a> {
    /// Which object.
    pub id: &'a ObjectId,
    /// The rev that it must have for the call to hold; `None`: it must not be there.
    pub base: Option<Seq>,
    /// Which of the proposals leaves it and how (`None`: removed). `None`: it is only looked for.
    pub left: Option<(usize, Option<&'a Props>)>,
}

impl Call {
    /// Every object that the call touches, once, in the order of the first touch.
    #[must_use]
    pub fn touched(&self) -> Vec<Touched<'_>> {
        let mut places: HashMap<&ObjectId, usize> = HashMap::new();
        let mut touched: Vec<Touched<'_>> = Vec::new();
        for (index, proposal) in self.proposals.iter().enumerate() {
            for effect in &proposal.effects {
                let left = Some((index, effect.props.as_ref()));
                match places.get(&effect.id) {
                    Some(place) => touched[*place].left = left,
                    None => {
                        places.insert(&effect.id, touched.len());
                        touched.push(Touched { id: &effect.id, base: effect.base_rev, left });
                    }
                }
            }
            for id in &proposal.absent {
                if !places.contains_key(id) {
                    places.insert(id, touched.len());
                    touched.push(Touched { id, base: None, left: None });
                }
            }
        }
        touched
    }

    /// Whether the call holds only on the very state that it was computed on.
    #[must_use]
    pub fn at_head(&self) -> bool {
        self.proposals.iter().any(|proposal| proposal.at_head)
    }

    /// The commits, as they stand in the log when nobody else was first.
    #[must_use]
    pub fn run(&self) -> Run {
        Run {
            epoch: self.position.epoch,
            first: self.position.seq + 1,
            previous: self.position.id,
            commits: self.proposals.iter().map(|proposal| proposal.commit.clone()).collect(),
        }
    }
}
