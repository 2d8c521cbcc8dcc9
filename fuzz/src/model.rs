//! The rule of `PROTOCOL.md` §3 once more, as it stands there and as slow as it may be: a map of maps. Shares nothing with the server's.
//!
//! Where the protocol does not say which of several faults a refusal names, it may be any of them.

use super::op::{Fields, Kind, Op};
use super::value::Value;
use collabcanvas::ids::Author;
use collabcanvas::protocol::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Thing {
    pub(crate) rev: u64,
    pub(crate) props: BTreeMap<String, Value>,
}

/// What a refusal may say: which op, if it is about one, and the code.
pub(crate) type Faults = BTreeSet<(Option<usize>, &'static str)>;

/// A project.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) things: BTreeMap<String, Thing>,
    /// Ids of objects that are set aside.
    pub(crate) aside: BTreeSet<String>,
}

/// A batch: what is asked for, by whom, when.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) ops: &'a [Op],
    /// Size of the ops as they travel.
    pub(crate) bytes: usize,
    pub(crate) seq: u64,
    pub(crate) by: Author,
    pub(crate) now_ms: u64,
}

impl Model {
    /// Applies a batch whole, and returns the ids of the ops that were skipped; or not at all, and says why.
    pub(crate) fn batch(&mut self, asked: &Asked<'_>, limits: &Limits) -> Result<Vec<String>, Faults> {
        if asked.ops.len() > limits.batch_ops as usize || asked.bytes > limits.batch_bytes as usize {
            return Err([(None, "batch_too_large")].into());
        }
        if asked.ops.is_empty() {
            return Err([(None, "invalid_op")].into());
        }
        let of = |index: usize, codes: Vec<&'static str>| codes.into_iter().map(move |code| (Some(index), code));
        let invalid: Faults =
            asked.ops.iter().enumerate().flat_map(|(index, op)| of(index, flaws(op, limits))).collect();
        if !invalid.is_empty() {
            return Err(invalid);
        }
        let (mut after, mut gone) = (self.clone(), Vec::new());
        for (index, op) in asked.ops.iter().enumerate() {
            if !after.op(op, asked).map_err(|codes| of(index, codes).collect::<Faults>())? {
                gone.push(op.id.clone());
            }
        }
        let faults = after.faults(self, asked.ops, limits);
        if !faults.is_empty() {
            return Err(faults);
        }
        *self = after;
        Ok(gone)
    }

    /// Applies one op; false when its object does not exist.
    fn op(&mut self, op: &Op, asked: &Asked<'_>) -> Result<bool, Vec<&'static str>> {
        let mut wrong = Vec::new();
        if self.aside.contains(&op.id) {
            wrong.push("quarantined");
        }
        let props = match (self.things.get(&op.id), &op.kind) {
            (Some(thing), _) => changed(thing, op, asked, &mut wrong),
            (None, kind) => {
                if op.if_rev.is_some() {
                    wrong.push("precondition");
                }
                match kind {
                    Kind::Create(props) => {
                        wrong.extend(props.iter().filter_map(|(name, value)| misused(name, value)));
                        Some(props.iter().cloned().collect())
                    }
                    _ if wrong.is_empty() => return Ok(false),
                    _ => None,
                }
            }
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        match props {
            Some(props) => drop(self.things.insert(op.id.clone(), Thing { rev: asked.seq, props })),
            None => drop(self.things.remove(&op.id)),
        }
        Ok(true)
    }

    /// What the state after a batch must not be.
    fn faults(&self, before: &Self, ops: &[Op], limits: &Limits) -> Faults {
        let mut faults = Faults::new();
        for (index, op) in ops.iter().enumerate() {
            let Some(thing) = self.things.get(&op.id) else { continue };
            if size(&thing.props) > limits.object_bytes as usize {
                faults.insert((Some(index), "object_too_large"));
            }
            let moved = match &op.kind {
                Kind::Create(_) => true,
                Kind::Update(set, _) => set.iter().any(|(name, _)| name == "parent"),
                _ => false,
            };
            if moved {
                faults.extend(self.chain(&op.id).map(|code| (Some(index), code)));
            }
        }
        let (now, was) = (self.things.len(), before.things.len());
        if now > limits.objects as usize && now > was {
            faults.insert((None, "too_many_objects"));
        }
        let bytes = self.bytes();
        if bytes > limits.project_bytes as usize && bytes > before.bytes() {
            faults.insert((None, "project_too_large"));
        }
        faults
    }

    /// What is wrong with the chain of parents that starts at an object.
    fn chain(&self, id: &str) -> Option<&'static str> {
        let mut at = self.things.get(id)?;
        for _ in 0..1_000 {
            let Some(Value::Text(parent)) = at.props.get("parent") else { return None };
            if parent == id {
                return Some("cycle");
            }
            at = self.things.get(parent)?;
        }
        Some("too_deep")
    }

    pub(crate) fn bytes(&self) -> usize {
        self.things.values().map(|thing| size(&thing.props)).sum()
    }
}

/// What an op makes of an object's properties; `None`: it removes the object.
fn changed(
    thing: &Thing,
    op: &Op,
    asked: &Asked<'_>,
    wrong: &mut Vec<&'static str>,
) -> Option<BTreeMap<String, Value>> {
    let mut props = thing.props.clone();
    let lease = match props.get("$lease") {
        Some(Value::Lease(by, token, until)) if *until > asked.now_ms => Some((*by, *token)),
        _ => None,
    };
    // An object that an op before this one has changed has no rev that anybody could know.
    let is_at = |rev: u64| rev == thing.rev && thing.rev != asked.seq;
    if op.if_rev.is_some_and(|rev| !is_at(rev))
        || op.if_absent.iter().any(|name| props.contains_key(name))
        || op.token.is_some_and(|token| lease != Some((asked.by, token)))
    {
        wrong.push("precondition");
    }
    if lease.is_some_and(|(by, _)| by != asked.by) {
        wrong.push("leased");
    }
    match &op.kind {
        Kind::Create(_) => wrong.push("exists"),
        Kind::Update(set, unset) => {
            wrong.extend(set.iter().filter_map(|(name, value)| misused(name, value)));
            unset.iter().for_each(|name| drop(props.remove(name)));
            props.extend(set.iter().cloned());
        }
        Kind::Increment(prop, by) => match props.get(prop).unwrap_or(&Value::Integer(0)) {
            old if !old.is_number() => wrong.push("not_a_number"),
            old => match old.plus(by) {
                None => wrong.push("overflow"),
                Some(sum) => {
                    wrong.extend(misused(prop, &sum));
                    props.insert(prop.clone(), sum);
                }
            },
        },
        Kind::Lease(ttl) => {
            let token = lease.map_or(asked.seq, |(_, token)| token);
            let lease = Value::Lease(asked.by, token, asked.now_ms + ttl.unwrap_or(10_000));
            props.insert("$lease".to_owned(), lease);
        }
        Kind::Release => drop(props.remove("$lease")),
        Kind::Delete => return None,
    }
    Some(props)
}

/// What is wrong with an op whatever the project is.
fn flaws(op: &Op, limits: &Limits) -> Vec<&'static str> {
    let nothing = Fields::new();
    let (fields, unset, mut wrong) = match &op.kind {
        Kind::Create(props) if op.if_rev.is_some() || op.token.is_some() => (props, &[][..], vec!["invalid_op"]),
        Kind::Create(props) => (props, &[][..], vec![]),
        Kind::Update(set, unset) => (set, &unset[..], vec![]),
        Kind::Increment(prop, by) => {
            let mut wrong = if by.is_number() { vec![] } else { vec!["not_a_number"] };
            wrong.extend(bad_names([prop].into_iter()).then_some("invalid_property"));
            (&nothing, &[][..], wrong)
        }
        Kind::Lease(Some(ttl)) if *ttl == 0 || *ttl > limits.lease_ms.into() => (&nothing, &[][..], vec!["invalid_op"]),
        _ => (&nothing, &[][..], vec![]),
    };
    if !is_id(&op.id) {
        wrong.push("invalid_id");
    }
    // A name twice in one list, or both set and unset, is as bad as one that is none.
    let named = fields.iter().map(|(name, _)| name).chain(unset);
    let deep = fields.iter().any(|(_, value)| value.depth() > limits.value_depth as usize);
    if bad_names(named) || bad_names(op.if_absent.iter()) || deep {
        wrong.push("invalid_property");
    }
    wrong
}

fn bad_names<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    let mut seen = BTreeSet::new();
    names.any(|name| name.is_empty() || name.len() > 128 || name == "$mp" || name == "$lease" || !seen.insert(name))
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// The code for a property that the server understands and that has a value which it does not.
fn misused(name: &str, value: &Value) -> Option<&'static str> {
    let good = match (name, value) {
        ("type", value) => matches!(value, Value::Text(_)),
        ("parent", Value::Text(text)) => is_id(text),
        ("parent", value) => matches!(value, Value::Nil),
        ("z", Value::Text(text)) => is_order_key(text),
        ("z", _) => false,
        _ => true,
    };
    (!good).then_some(if name == "z" { "invalid_order_key" } else { "invalid_property" })
}

/// `PROTOCOL.md` §6.
fn is_order_key(text: &str) -> bool {
    let digits = match text.chars().next() {
        Some(head @ 'a'..='z') => u32::from(head) - u32::from('a') + 1,
        Some(head @ 'A'..='Z') => u32::from('Z') - u32::from(head) + 1,
        _ => return false,
    } as usize;
    let smallest = format!("A{}", "0".repeat(26));
    text.chars().all(|c| c.is_ascii_alphanumeric())
        && (digits + 1..=256).contains(&text.len())
        && !(text.len() > digits + 1 && text.ends_with('0'))
        && text != smallest
}

/// The bytes of properties as MessagePack.
fn size(props: &BTreeMap<String, Value>) -> usize {
    let head = |length: usize, short: usize| if length < short { 1 } else { 2 };
    let pairs = props.iter().map(|(name, value)| head(name.len(), 32) + name.len() + value.raw().len());
    1 + pairs.sum::<usize>()
}
