//! What clients ask for: batches that meet each other on few objects, some of them wrong, sent twice, too early or as void.

use collabcanvas::hub::propose::Waiting;
use collabcanvas::ids::{Author, ObjectId};
use collabcanvas::project::canvas::{Canvas, View as _};
use collabcanvas::project::lease::Lease;
use collabcanvas::protocol::Encoding;
use collabcanvas::protocol::decode::client_message;
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::message::ClientMessage;
use proptest::prelude::*;

/// Clients.
pub(crate) const AUTHORS: usize = 4;

/// How commits name the client of this number.
pub(crate) fn author(n: usize) -> Author {
    Author([u8::try_from(n).expect("few") + 1; 8])
}

/// One batch.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Whose.
    pub(crate) by: usize,
    count: Count,
    ops: Vec<Op>,
}

/// How a client counts.
#[derive(Debug, Clone, Copy)]
enum Count {
    Next,
    /// The same cid again, perhaps with other ops.
    Again,
    Skips,
    /// The next cid as a void.
    Void,
}

#[derive(Debug, Clone)]
enum Op {
    Create(usize, Option<usize>),
    Set(usize, u8),
    Move(usize, usize),
    Unset(usize),
    Delete(usize),
    Add(usize, u8),
    Lease(usize),
    Release(usize),
    /// With the rev that the object has now, or had.
    IfRev(usize, u64),
    IfAbsent(usize),
    /// With the token of the object's lease, or another one.
    Token(usize, u64),
    Grow(usize),
    Wrong,
}

fn op() -> impl Strategy<Value = Op> {
    let id = || 0..9_usize;
    prop_oneof![
        6 => (id(), prop::option::weighted(0.3, id())).prop_map(|(id, parent)| Op::Create(id, parent)),
        5 => (id(), any::<u8>()).prop_map(|(id, x)| Op::Set(id, x)),
        3 => (id(), id()).prop_map(|(id, parent)| Op::Move(id, parent)),
        1 => id().prop_map(Op::Unset),
        2 => id().prop_map(Op::Delete),
        3 => (id(), any::<u8>()).prop_map(|(id, by)| Op::Add(id, by)),
        1 => id().prop_map(Op::Lease),
        1 => id().prop_map(Op::Release),
        2 => (id(), 0..2_u64).prop_map(|(id, back)| Op::IfRev(id, back)),
        1 => id().prop_map(Op::IfAbsent),
        1 => (id(), 0..2_u64).prop_map(|(id, off)| Op::Token(id, off)),
        1 => id().prop_map(Op::Grow),
        1 => Just(Op::Wrong),
    ]
}

/// Any batch.
pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let count = prop_oneof![
        30 => Just(Count::Next),
        2 => Just(Count::Again),
        1 => Just(Count::Skips),
        1 => Just(Count::Void),
    ];
    let ops = prop::collection::vec(op(), 1..4);
    (0..AUTHORS, count, ops).prop_map(|(by, count, ops)| Asked { by, count, ops })
}

impl Op {
    /// As JSON, by somebody who knows the canvas.
    fn json(&self, canvas: &Canvas) -> String {
        let object = |id: usize| canvas.object(&ObjectId::parse(&format!("o{id}")).expect("an id"));
        let rev = |id| object(id).map_or(0, |object| object.rev);
        let token = |id| object(id).and_then(|object| Lease::of(&object.props)).map_or(0, |lease| lease.token);
        match self {
            Self::Create(id, None) => format!(r#"{{"op":"create","id":"o{id}","props":{{"x":0}}}}"#),
            Self::Create(id, Some(parent)) => {
                format!(r#"{{"op":"create","id":"o{id}","props":{{"parent":"o{parent}"}}}}"#)
            }
            Self::Set(id, x) => format!(r#"{{"op":"update","id":"o{id}","set":{{"x":{x}}}}}"#),
            Self::Move(id, parent) => format!(r#"{{"op":"update","id":"o{id}","set":{{"parent":"o{parent}"}}}}"#),
            Self::Unset(id) => format!(r#"{{"op":"update","id":"o{id}","unset":["x","parent"]}}"#),
            Self::Delete(id) => format!(r#"{{"op":"delete","id":"o{id}"}}"#),
            Self::Add(id, by) => {
                // A parent is text, which is no number.
                let prop = if by % 4 == 0 { "parent" } else { "x" };
                format!(r#"{{"op":"increment","id":"o{id}","prop":"{prop}","by":{by}}}"#)
            }
            Self::Lease(id) => format!(r#"{{"op":"lease","id":"o{id}","ttl_ms":60000}}"#),
            Self::Release(id) => format!(r#"{{"op":"release","id":"o{id}"}}"#),
            Self::IfRev(id, back) => {
                format!(r#"{{"op":"update","id":"o{id}","set":{{"y":1}},"if_rev":{}}}"#, rev(*id).saturating_sub(*back))
            }
            Self::IfAbsent(id) => format!(r#"{{"op":"update","id":"o{id}","set":{{"y":2}},"if_absent":["y"]}}"#),
            Self::Token(id, off) => {
                format!(r#"{{"op":"update","id":"o{id}","set":{{"y":3}},"token":{}}}"#, token(*id) + off)
            }
            Self::Grow(id) => {
                let text = "x".repeat(150);
                format!(r#"{{"op":"update","id":"o{id}","set":{{"a":"{text}","b":"{text}"}}}}"#)
            }
            Self::Wrong => r#"{"op":"turn","id":"o1"}"#.to_owned(),
        }
    }
}

impl Asked {
    /// Its cid, if the last one that was given is this.
    pub(crate) fn cid(&self, given: u64) -> u64 {
        match self.count {
            Count::Next | Count::Void => given + 1,
            Count::Again => given.max(1),
            Count::Skips => given + 2,
        }
    }

    /// As a room gets it from the client's session.
    pub(crate) fn waiting(&self, cid: u64, canvas: &Canvas) -> Waiting {
        let ops: Vec<_> = self.ops.iter().map(|op| op.json(canvas)).collect();
        let frame = match self.count {
            Count::Void => format!(r#"{{"t":"batch","cid":{cid},"void":"forbidden"}}"#),
            _ => format!(r#"{{"t":"batch","cid":{cid},"ops":[{}]}}"#, ops.join(",")),
        };
        match client_message(frame.as_bytes(), Encoding::Json, &Limits::default()) {
            Ok(ClientMessage::Batch(batch)) => Waiting { from: Some((self.by as u64 + 1, author(self.by))), batch },
            other => panic!("{other:?}"),
        }
    }
}
