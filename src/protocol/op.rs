//! What a client asks for: ops and the batches that hold them.

use super::change::Changes;
use super::props::Props;
use super::refusal::{Code, Refusal};
use super::value::Number;
use crate::ids::{Cid, ObjectId, Seq};
use smol_str::SmolStr;

/// The property that holds an object's lease: written by lease and release ops only.
pub const LEASE: &str = "$lease";

/// One op with its preconditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// The object it is about.
    pub id: ObjectId,
    /// What to do with it.
    pub action: Action,
    /// Precondition: the object exists and has exactly this rev.
    pub if_rev: Option<Seq>,
    /// Precondition: the object has none of these properties.
    pub if_absent: Vec<SmolStr>,
    /// Precondition: the author has the object's lease, under this token.
    pub token: Option<Seq>,
}

impl Op {
    /// An op without preconditions.
    #[must_use]
    pub fn new(id: ObjectId, action: Action) -> Self {
        Self { id, action, if_rev: None, if_absent: Vec::new(), token: None }
    }
}

/// What an op does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Makes a new object.
    Create {
        /// All its properties.
        props: Props,
    },
    /// Changes single properties.
    Update {
        /// Properties to set.
        set: Props,
        /// Names to remove.
        unset: Vec<SmolStr>,
    },
    /// Removes the object.
    Delete,
    /// Adds to a number property.
    Increment {
        /// The property; a missing one counts as 0.
        prop: SmolStr,
        /// What to add.
        by: Number,
    },
    /// Lets nobody else change the object, for a while; renews that, too.
    Lease {
        /// For how long from now.
        ttl_ms: u32,
    },
    /// Ends the lease.
    Release,
}

/// What a batch asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// Apply these, all or none.
    Ops(Vec<Op>),
    /// A resend of a batch that was refused with this code: take the cid, change nothing.
    Void(Code),
    /// A batch that was accepted in a lineage that is lost: make so again what it had made so.
    Again(Changes),
    /// The batch was readable, an op in it was not valid: refused before it meets the project.
    Invalid(Refusal),
}

/// A client's ops that apply together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The client's counter.
    pub cid: Cid,
    /// What it asks for.
    pub body: Body,
    /// Save at once.
    pub durable: bool,
    /// Digest of the ops as they came, to tell a resend from another page with the same client id; 0 for a void.
    pub digest: u64,
}

impl Batch {
    /// How many ops it has for those who count: at least one.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.body {
            Body::Ops(ops) => ops.len().max(1),
            Body::Void(_) | Body::Invalid(_) | Body::Again(_) => 1,
        }
    }
}
