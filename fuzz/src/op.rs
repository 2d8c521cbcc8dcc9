//! Ops as a client may ask for them, good and bad, and the frame that carries them.

use super::dice::Dice;
use super::value::Value;
use collabcanvas::protocol::pack;

/// Names and values, in the order in which they are written; a name may come twice.
pub(crate) type Fields = Vec<(String, Value)>;

/// What an op does.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Create(Fields),
    Update(Fields, Vec<String>),
    Delete,
    Increment(String, Value),
    Lease(Option<u64>),
    Release,
}

/// One op.
#[derive(Debug, Clone)]
pub(crate) struct Op {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) if_rev: Option<u64>,
    pub(crate) if_absent: Vec<String>,
    pub(crate) token: Option<u64>,
}

/// The last is the one that is set aside.
const IDS: [&str; 24] = [
    "a",
    "b",
    "c",
    "a",
    "b",
    "c",
    "a",
    "b",
    "c",
    "a",
    "b",
    "c",
    "a",
    "b",
    "c",
    "a",
    "b",
    "d",
    "d",
    "e",
    "f",
    "c998",
    "c997",
    super::board::ASIDE,
];
const BAD_IDS: [&str; 3] = ["", "a b", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"];
const NAMES: [&str; 7] = ["x", "y", "parent", "z", "type", "text", "parent"];
const BAD_NAMES: [&str; 3] = ["", "$mp", "$lease"];

fn name(dice: &mut Dice<'_>) -> String {
    match dice.byte() {
        0..250 => dice.pick(&NAMES).to_owned(),
        250 => "n".repeat(129),
        _ => dice.pick(&BAD_NAMES).to_owned(),
    }
}

fn fields(dice: &mut Dice<'_>) -> Fields {
    dice.list(3, |dice| {
        let name = name(dice);
        // As a rule what belongs there: else hardly anything is ever accepted.
        let fitting = match &name[..] {
            "parent" => Value::Text(dice.pick(&IDS).to_owned()),
            "z" => Value::Text("a0V".to_owned()),
            "type" | "text" => Value::Text("rect".to_owned()),
            _ => Value::Integer(dice.byte().into()),
        };
        (name, if dice.below(4) == 3 { Value::any(dice) } else { fitting })
    })
}

fn number(dice: &mut Dice<'_>) -> Value {
    if dice.below(4) == 3 { Value::any(dice) } else { Value::Integer(i128::from(dice.byte()) - 100) }
}

impl Op {
    /// Any op, as a client would send it that stands at `seq` or not far from it.
    pub(crate) fn any(dice: &mut Dice<'_>, seq: u64) -> Self {
        let id = if dice.byte() < 253 { dice.pick(&IDS) } else { dice.pick(&BAD_IDS) };
        let kind = match dice.below(16) {
            0..=5 => Kind::Create(fields(dice)),
            6..=9 => Kind::Update(fields(dice), if dice.once_in(3) { dice.list(2, name) } else { Vec::new() }),
            10 => Kind::Delete,
            11 | 12 => Kind::Increment(name(dice), number(dice)),
            13 | 14 => Kind::Lease(dice.pick(&[None, Some(1), Some(1_000), Some(10_000), None, Some(10_001), Some(0)])),
            _ => Kind::Release,
        };
        let rare = if matches!(kind, Kind::Create(_)) { 64 } else { 6 };
        let near = |dice: &mut Dice<'_>| Some((seq + 1).saturating_sub(dice.below(6) as u64));
        Self {
            id: id.to_owned(),
            kind,
            if_rev: if dice.once_in(rare) { near(dice) } else { None },
            if_absent: if dice.once_in(8) { dice.list(2, name) } else { Vec::new() },
            token: if dice.once_in(rare) { near(dice) } else { None },
        }
    }

    fn pack(&self, out: &mut Vec<u8>) {
        let mut pairs = vec![("op", text(self.word())), ("id", text(&self.id))];
        match &self.kind {
            Kind::Create(props) => pairs.push(("props", map(props))),
            Kind::Update(set, unset) => pairs.extend([("set", map(set)), ("unset", names(unset))]),
            Kind::Increment(prop, by) => pairs.extend([("prop", text(prop)), ("by", by.raw())]),
            Kind::Lease(Some(ttl)) => pairs.push(("ttl_ms", uint(*ttl))),
            Kind::Lease(None) | Kind::Delete | Kind::Release => {}
        }
        pairs.extend(self.if_rev.map(|rev| ("if_rev", uint(rev))));
        pairs.extend(self.token.map(|token| ("token", uint(token))));
        if !self.if_absent.is_empty() {
            pairs.push(("if_absent", names(&self.if_absent)));
        }
        pack::map(out, pairs.len());
        for (key, raw) in pairs {
            pack::str(out, key);
            out.extend_from_slice(&raw);
        }
    }

    fn word(&self) -> &'static str {
        match self.kind {
            Kind::Create(_) => "create",
            Kind::Update(..) => "update",
            Kind::Delete => "delete",
            Kind::Increment(..) => "increment",
            Kind::Lease(_) => "lease",
            Kind::Release => "release",
        }
    }
}

fn packed(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn text(text: &str) -> Vec<u8> {
    packed(|out| pack::str(out, text))
}

fn uint(n: u64) -> Vec<u8> {
    packed(|out| pack::uint(out, n))
}

fn map(fields: &Fields) -> Vec<u8> {
    packed(|out| {
        pack::map(out, fields.len());
        for (name, value) in fields {
            pack::str(out, name);
            out.extend_from_slice(&value.raw());
        }
    })
}

fn names(list: &[String]) -> Vec<u8> {
    packed(|out| {
        pack::array(out, list.len());
        list.iter().for_each(|name| pack::str(out, name));
    })
}

/// The ops of a batch, as MessagePack.
pub(crate) fn pack_all(ops: &[Op]) -> Vec<u8> {
    packed(|out| {
        pack::array(out, ops.len());
        ops.iter().for_each(|op| op.pack(out));
    })
}
