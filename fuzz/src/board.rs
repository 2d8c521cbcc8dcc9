//! One project in the server's hands and in the model's, fed alike.

use super::dice::Dice;
use super::model::{Asked, Model, Thing};
use super::op::{self, Op};
use super::value::Value;
use bytes::Bytes;
use collabcanvas::ids::{Author, CommitId, ObjectId};
use collabcanvas::project::apply::{Effects, apply};
use collabcanvas::project::canvas::{Canvas, Object, View as _};
use collabcanvas::project::lease::Maker;
use collabcanvas::protocol::change::Changes;
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::decode::client_message;
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::message::ClientMessage;
use collabcanvas::protocol::op::{Batch, Body};
use collabcanvas::protocol::props::Props;
use collabcanvas::protocol::refusal::Refusal;
use collabcanvas::protocol::{Encoding, json};
use std::collections::BTreeMap;

/// The id of an object that is set aside.
pub(crate) const ASIDE: &str = "aside";
/// Objects that a long chain has from the start: so many that two more are allowed.
const CHAIN: u32 = 998;

/// A project, twice.
pub(crate) struct Board {
    pub(crate) canvas: Canvas,
    /// Every commit from the first on.
    pub(crate) commits: Vec<Commit>,
    model: Model,
    limits: Limits,
    now_ms: u64,
}

impl Board {
    /// A project with limits that are soon reached: empty, or with a chain of parents that is nearly as long as it may be.
    pub(crate) fn new(chain: bool) -> Self {
        let limits = Limits {
            batch_ops: 7,
            batch_bytes: 600,
            object_bytes: 150,
            objects: 5 + if chain { CHAIN } else { 0 },
            project_bytes: 400 + if chain { 13 * CHAIN } else { 0 },
            value_depth: 4,
            lease_ms: 10_000,
            ..Limits::default()
        };
        let mut canvas = Canvas::new();
        canvas.quarantine(id(ASIDE), Bytes::from_static(b"?"));
        let model = Model { aside: [ASIDE.to_owned()].into(), ..Model::default() };
        let mut board = Self { canvas, commits: Vec::new(), model, limits, now_ms: 1_000 };
        (1..=if chain { CHAIN } else { 0 }).for_each(|n| board.link(n));
        board
    }

    /// Adds the link of this number to the chain.
    fn link(&mut self, n: u32) {
        let parent = if n > 1 { Value::Text(format!("c{}", n - 1)) } else { Value::Nil };
        let props = Props::from_pairs(&[("parent", &parent.raw())]);
        self.canvas.set(id(&format!("c{n}")), Some(Object { rev: 0, props }));
        let thing = Thing { rev: 0, props: [("parent".to_owned(), parent)].into() };
        self.model.things.insert(format!("c{n}"), thing);
    }

    /// Has any batch applied by both, and compares what they say and what they have then.
    pub(crate) fn batch(&mut self, dice: &mut Dice<'_>) {
        let by = Author(dice.pick(&[[1; 8], [2; 8], [3; 8]]));
        self.now_ms += 400 * dice.below(4) as u64;
        let (now_ms, seq) = (self.now_ms, self.commits.len() as u64 + 1);
        // The more ops, the less often is a batch accepted.
        let length = dice.pick(&[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 6, 7, 8, 0]);
        let ops: Vec<_> = (0..length).map(|_| Op::any(dice, seq)).collect();
        let raw = op::pack_all(&ops);
        let batch = decoded(&loadtest::say::batch(seq, &raw), &self.limits);
        let maker = Maker { author: Some(by), now_ms };
        let done = match &batch.body {
            Body::Ops(ops) => apply(&self.canvas, ops, seq, maker, &self.limits),
            Body::Invalid(refusal) => Err(refusal.clone()),
            other => panic!("{other:?} instead of ops"),
        };
        let asked = Asked { ops: &ops, bytes: raw.len(), seq, by, now_ms };
        let outcome = match (done, self.model.batch(&asked, &self.limits)) {
            (Ok(effects), Ok(gone)) => {
                assert!(
                    effects.gone.iter().map(ObjectId::as_str).eq(&gone),
                    "{:?} are gone, not {gone:?}",
                    effects.gone
                );
                Outcome::Changed(self.accept(effects, seq))
            }
            (Err(refusal), Err(faults)) => {
                assert!(
                    faults.contains(&(refusal.op, refusal.code.as_str())),
                    "{refusal:?}, not {faults:?}, of {asked:?}"
                );
                is_complete(&refusal, &ops);
                Outcome::Refused(refusal.code)
            }
            (done, modelled) => panic!("{done:?} instead of {modelled:?} of {asked:?}"),
        };
        let origin = Origin::Client { author: by, cid: seq, digest: batch.digest };
        self.commits.push(Commit { id: CommitId(seq.to_be_bytes()), origin, outcome });
        self.compare();
    }

    /// Has the canvas become what a batch led to, both ways in which servers do that: which must agree.
    fn accept(&mut self, effects: Effects, seq: u64) -> Changes {
        let changes = Changes::encode(&effects.changes);
        let read = Changes::parse(changes.as_bytes()).and_then(|changes| changes.decode());
        assert_eq!(read.as_ref(), Ok(&effects.changes), "changes read back");
        let mut absorbed = self.canvas.clone();
        absorbed.absorb(effects.changes, seq);
        for effect in effects.objects {
            assert_eq!(effect.base_rev, self.canvas.object(&effect.id).map(|object| object.rev));
            self.canvas.set(effect.id, effect.props.map(|props| Object { rev: seq, props }));
        }
        assert_eq!(absorbed, self.canvas, "a reader of the log has another state");
        changes
    }

    fn compare(&self) {
        assert_eq!((self.canvas.len(), self.canvas.bytes()), (self.model.things.len(), self.model.bytes()));
        // Links of the chain that nothing has changed are counted with the others only.
        for (name, thing) in self.model.things.iter().filter(|(_, thing)| thing.rev > 0) {
            let object = self.canvas.object(&id(name)).unwrap_or_else(|| panic!("{name} is not there"));
            let props: BTreeMap<_, _> = thing.props.iter().map(|(name, value)| (&name[..], value.raw())).collect();
            let found: BTreeMap<_, _> = object.props.iter().map(|(name, raw)| (name, raw.to_vec())).collect();
            assert_eq!((object.rev, found, object.props.count()), (thing.rev, props, thing.props.len()), "{name}");
        }
    }
}

pub(crate) fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).expect("ids of the model are ids")
}

/// What a frame asks for, which must be the same in both encodings.
fn decoded(frame: &[u8], limits: &Limits) -> Batch {
    let text = json::to_json(frame).expect("we packed it");
    let [packed, said] = [(frame, Encoding::MessagePack), (text.as_bytes(), Encoding::Json)]
        .map(|(frame, encoding)| client_message(frame, encoding, limits).expect("a batch"));
    // Debug tells values apart that are equal as floats.
    assert_eq!(format!("{packed:?}"), format!("{said:?}"));
    match packed {
        ClientMessage::Batch(batch) => batch,
        other => panic!("{other:?} instead of a batch"),
    }
}

/// A refusal of an op names its object, and one for a lease who has it.
fn is_complete(refusal: &Refusal, ops: &[Op]) {
    let named = refusal.op.map(|index| ops[index].id.as_str());
    assert!(refusal.id.as_ref().is_none_or(|id| named == Some(id.as_str())), "{refusal:?} names another object");
    assert_eq!(refusal.by.is_some(), refusal.code.as_str() == "leased", "{refusal:?}");
}
