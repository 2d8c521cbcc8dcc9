//! A client's copy of a project, changed by commits only.

use super::wire::{Change, Commit, Fields, Object};
use bytes::Bytes;
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Seq of its last change.
    pub rev: u64,
    /// Its properties, each value as raw MessagePack.
    pub props: BTreeMap<SmolStr, Bytes>,
}

/// All objects of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replica(pub BTreeMap<SmolStr, Entry>);

/// A `set` of an object that does not exist, which a server never sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the commit at {seq} sets properties of {id}, which does not exist")]
pub struct SetOfNothing {
    /// The commit.
    pub seq: u64,
    /// The object.
    pub id: SmolStr,
}

fn props(fields: &Fields) -> BTreeMap<SmolStr, Bytes> {
    fields.iter().cloned().collect()
}

impl Replica {
    /// Adds an object of a snapshot.
    pub fn put(&mut self, object: Object) {
        let entry = Entry { rev: object.rev, props: props(&object.props) };
        self.0.insert(object.id, entry);
    }

    /// Applies the commit at `seq`.
    ///
    /// # Errors
    /// [`SetOfNothing`].
    pub fn apply(&mut self, seq: u64, commit: &Commit) -> Result<(), SetOfNothing> {
        for change in &commit.changes {
            match change {
                Change::Put(id, fields) => {
                    let entry = Entry { rev: seq, props: props(fields) };
                    self.0.insert(id.clone(), entry);
                }
                Change::Set(id, set, unset) => {
                    let Some(entry) = self.0.get_mut(id) else {
                        return Err(SetOfNothing { seq, id: id.clone() });
                    };
                    entry.rev = seq;
                    unset.iter().for_each(|name| drop(entry.props.remove(name)));
                    entry.props.extend(set.iter().cloned());
                }
                Change::Delete(id) => drop(self.0.remove(id)),
            }
        }
        Ok(())
    }

    /// The first difference to another replica, in words; `None` when both are equal.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let ids = self.0.keys().chain(other.0.keys());
        let id = ids.into_iter().find(|id| self.0.get(*id) != other.0.get(*id))?;
        Some(format!("object {id}: {:?} here, {:?} there", self.0.get(id), other.0.get(id)))
    }
}
