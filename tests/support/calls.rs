//! Calls to the hot store as a room makes them: clients move rectangles.

use collabcanvas::hot::{Call, Proposal};
use collabcanvas::ids::{Author, CommitId, ObjectId, Position};
use collabcanvas::project::apply::Effect;
use collabcanvas::protocol::change::{Change, Changes};
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::json::from_json;
use collabcanvas::protocol::props::Props;

/// Objects that are moved.
pub const OBJECTS: u64 = 5_000;
/// Clients that move them.
const AUTHORS: usize = 8;

fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

/// A rectangle of ten properties, about 170 bytes.
#[must_use]
pub fn rectangle(n: u64) -> Props {
    let (x, y) = (n * 17 % 4_000, n * 31 % 3_000);
    props(&format!(
        r##"{{"type":"rect","x":{x}.25,"y":{y}.75,"width":160.5,"height":90.125,"rotation":0.5,"fill":"#ffcc00","stroke":"#112233","z":"a0{n:06}","text":"A note with some more words, {n:010}"}}"##
    ))
}

/// An id of 12 characters. From 15 on jemalloc takes 16 bytes more, whatever the value; the rev before the properties costs nothing here: with or
/// without it the value lies in the same class of 192 bytes.
#[must_use]
pub fn id(n: u64) -> ObjectId {
    ObjectId::parse(&format!("object-{n:05}")).expect("id")
}

/// Makes calls.
#[derive(Debug)]
pub struct Calls {
    /// Where the next call begins; whoever makes calls moves it on.
    pub position: Position,
    /// The last cid of each client.
    pub cids: [u64; AUTHORS],
    made: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self { position: Position::START, cids: [0; AUTHORS], made: 0 }
    }
}

impl Calls {
    fn proposal(&mut self) -> Proposal {
        self.made += 1;
        let (n, object) = (self.made, id(self.made * 7 % OBJECTS));
        let author = n % AUTHORS as u64;
        let cid = &mut self.cids[usize::try_from(author).expect("few")];
        *cid += 1;
        let set = props(&format!(r#"{{"x":{n}.5,"y":{n}.25}}"#));
        let changes = Changes::encode(&[Change::Set { id: object.clone(), set, unset: Vec::new() }]);
        Proposal {
            commit: Commit {
                id: CommitId(n.to_be_bytes()),
                origin: Origin::Client { author: Author((author + 1).to_le_bytes()), cid: *cid, digest: n },
                outcome: Outcome::Changed(changes),
            },
            effects: vec![Effect { id: object, base_rev: Some(0), props: Some(rectangle(n)) }],
            absent: Vec::new(),
            at_head: false,
        }
    }

    /// A call with so many proposals, each of another client than the one before and about another object.
    pub fn next(&mut self, size: u64) -> Call {
        let proposals = (0..size).map(|_| self.proposal()).collect();
        Call { position: self.position, proposals, urgent: false }
    }
}
