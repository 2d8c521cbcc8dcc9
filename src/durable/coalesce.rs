//! Leaving out of an entry what later commits of the same entry supersede.
//!
//! Owns which values a reader of the durable log can do without. Never touches a commit's id, client, cid or outcome code, and never leaves a
//! commit out: one of which nothing is left is a commit without changes. Pure. Called by autosave.
//!
//! What holds afterwards: a state as it truly was after any commit of the entry, with the rest of the entry applied on top, is the state after the entry, byte for
//! byte and revs included. So loads, deltas and checkpoints may begin anywhere in it; only what it was like in between is given up.
//!
//! - A value, or a removal of one, stays out when a later change of the object, in the same entry, sets or removes the same property or puts or deletes
//!   the object. A `set` of which nothing is left stays out as well: the later change gives the object its rev.
//! - A `put` stays out only when its object is deleted later; else it stays whole, so that no reader meets an object that lacks a property.
//! - A `delete` stays: the object may have been there before.
//! - A `parent` always stays: without some of them a state in between could have a circle that none ever had.

use super::{Entry, layout};
use crate::ids::ObjectId;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::Outcome;
use crate::protocol::props::Props;
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};

/// The property that is never left out.
const PARENT: &str = "parent";

/// An entry without what it supersedes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coalesced {
    /// The entry.
    pub entry: Entry,
    /// Objects that it changes, each counted once.
    pub objects: u64,
    /// Size of what was left out, in bytes.
    pub left_out: u64,
}

/// Leaves out what is superseded. An entry whose changes cannot be read stays as it is.
#[must_use]
pub fn coalesce(mut entry: Entry) -> Coalesced {
    let (objects, repeated) = touched(&entry);
    let mut left_out = 0;
    if !repeated.is_empty()
        && let Some(lighter) = lighten(&entry, &repeated)
    {
        for (index, changes) in lighter {
            let before = layout::weight(&entry.commits[index]);
            entry.commits[index].outcome = Outcome::Changed(changes);
            left_out += before - layout::weight(&entry.commits[index]);
        }
    }
    Coalesced { entry, objects, left_out: left_out as u64 }
}

/// How many objects an entry changes, and those that it changes more than once.
fn touched(entry: &Entry) -> (u64, HashSet<SmolStr>) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for changes in entry.commits.iter().filter_map(|commit| changes(&commit.outcome)) {
        changes.ids().for_each(|id| *times.entry(id).or_default() += 1);
    }
    let repeated = times.iter().filter(|(_, times)| **times > 1).map(|(id, _)| SmolStr::new(id)).collect();
    (times.len() as u64, repeated)
}

fn changes(outcome: &Outcome) -> Option<&Changes> {
    if let Outcome::Changed(changes) = outcome { Some(changes) } else { None }
}

/// The changes that become fewer, by the index of their commit. `None` when some cannot be read.
fn lighten(entry: &Entry, repeated: &HashSet<SmolStr>) -> Option<Vec<(usize, Changes)>> {
    let mut later = HashMap::new();
    let mut lighter = Vec::new();
    for (index, commit) in entry.commits.iter().enumerate().rev() {
        let Some(all) = changes(&commit.outcome).filter(|all| all.ids().any(|id| repeated.contains(id))) else {
            continue;
        };
        let mut kept = Vec::new();
        let mut differs = false;
        for change in all.decode().ok()?.into_iter().rev() {
            let (change, is_less) = needed(change, &mut later);
            differs |= is_less;
            kept.extend(change);
        }
        if differs {
            kept.reverse();
            lighter.push((index, Changes::encode(&kept)));
        }
    }
    Some(lighter)
}

/// What the later part of an entry does to an object.
enum Later {
    /// Sets or removes these properties.
    Sets(HashSet<SmolStr>),
    /// Puts it anew.
    Puts,
    /// Deletes it. `has_set`: a `set` of it stays before that, which needs the object to be there.
    Deletes { has_set: bool },
}

impl Later {
    /// Whether what is set before, of a property, is needed.
    fn needs(&self, name: &str) -> bool {
        name == PARENT || matches!(self, Self::Sets(names) if !names.contains(name))
    }
}

/// What of a change is needed before what comes later, and whether that is less than all of it.
fn needed(change: Change, later: &mut HashMap<ObjectId, Later>) -> (Option<Change>, bool) {
    match change {
        Change::Delete { id } => {
            later.insert(id.clone(), Later::Deletes { has_set: false });
            (Some(Change::Delete { id }), false)
        }
        Change::Put { id, .. } if matches!(later.get(&id), Some(Later::Deletes { has_set: false })) => (None, true),
        Change::Put { id, props } => {
            later.insert(id.clone(), Later::Puts);
            (Some(Change::Put { id, props }), false)
        }
        Change::Set { id, set, unset } => {
            let Some(after) = later.get_mut(&id) else {
                later.insert(id.clone(), Later::Sets(names(&set, &unset)));
                return (Some(Change::Set { id, set, unset }), false);
            };
            let pairs: Vec<_> = set.iter().filter(|(name, _)| after.needs(name)).collect();
            let kept_set = Props::from_pairs(&pairs);
            let kept_unset: Vec<_> = unset.iter().filter(|name| after.needs(name)).cloned().collect();
            let is_less = kept_unset.len() < unset.len() || kept_set.count() < set.count();
            let is_nothing = kept_set.is_empty() && kept_unset.is_empty();
            match after {
                Later::Sets(all) => all.extend(names(&set, &unset)),
                Later::Puts => {}
                Later::Deletes { has_set } => *has_set |= !is_nothing,
            }
            let kept = (!is_nothing).then_some(Change::Set { id, set: kept_set, unset: kept_unset });
            (kept, is_less || is_nothing)
        }
    }
}

fn names(set: &Props, unset: &[SmolStr]) -> HashSet<SmolStr> {
    set.iter().map(|(name, _)| SmolStr::new(name)).chain(unset.iter().cloned()).collect()
}

#[cfg(test)]
mod tests;
