//! The ops of a batch. An op that is not valid makes a refusal, never an unreadable frame.

use super::{Fields, Unreadable};
use crate::ids::ObjectId;
use crate::protocol::limits::{Limits, PROPERTIES};
use crate::protocol::op::{Action, LEASE, Op};
use crate::protocol::props::{self, InvalidProps, Props};
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::scan::Malformed;
use crate::protocol::unpack::Reader;
use crate::protocol::value;
use smol_str::SmolStr;
use std::collections::HashSet;

/// How long a lease lasts that does not say so, in ms.
const LEASE_MS: u64 = 10_000;

/// The ops of a batch; the outer error is for what is not a list at all, the inner one for an invalid op in it.
pub(super) fn ops(raw: &[u8], limits: &Limits) -> Result<Result<Vec<Op>, Refusal>, Unreadable> {
    let mut reader = Reader::new(raw);
    let count = reader.array().map_err(|_| Unreadable("the key \"ops\" must be a list".to_owned()))?;
    if count > limits.batch_ops as usize || raw.len() > limits.batch_bytes as usize {
        let message = format!(
            "a batch has at most {} ops and {} bytes, this one has {count} and {}: send several batches",
            limits.batch_ops,
            limits.batch_bytes,
            raw.len()
        );
        return Ok(Err(Refusal::new(Code::BatchTooLarge, message)));
    }
    if count == 0 {
        return Ok(Err(Refusal::new(Code::InvalidOp, "a batch needs an op at least")));
    }
    let mut ops = Vec::with_capacity(count);
    for index in 0..count {
        match op(reader.raw()?, limits) {
            Ok(op) => ops.push(op),
            Err(refusal) => return Ok(Err(refusal.at(index))),
        }
    }
    Ok(Ok(ops))
}

/// What an op's keys may be: whether it has `if_rev` is checked with its kind.
fn op(raw: &[u8], limits: &Limits) -> Result<Op, Refusal> {
    let invalid = |what: String| Refusal::new(Code::InvalidOp, what);
    let fields = Fields::read(raw).map_err(|e| invalid(format!("an op must be a map with text keys: {e}")))?;
    let kind = fields.text("op").map_err(|e| invalid(e.0))?;
    let id = fields.text("id").map_err(|e| invalid(e.0))?;
    let id = ObjectId::parse(id).map_err(|e| Refusal::new(Code::InvalidId, e.to_string()))?;
    let about = |refusal: Refusal| refusal.about(&id);
    let action = match kind {
        "create" => Action::Create { props: op_props(&fields, "props", limits).map_err(about)? },
        "update" => update(&fields, limits).map_err(about)?,
        "delete" => Action::Delete,
        "increment" => increment(&fields).map_err(about)?,
        "lease" => lease(&fields, limits).map_err(about)?,
        "release" => Action::Release,
        other => {
            let name: String = other.chars().take(32).collect();
            return Err(invalid(format!(
                "unknown op {name:?}: there are create, update, delete, increment, lease and release"
            )));
        }
    };
    let number = |key| fields.get(key).map(|_| fields.uint(key)).transpose().map_err(|e| about(invalid(e.0)));
    let (if_rev, token) = (number("if_rev")?, number("token")?);
    if (if_rev.is_some() || token.is_some()) && matches!(action, Action::Create { .. }) {
        let message = "if_rev and token cannot hold for a create, whose object must not exist";
        return Err(about(invalid(message.to_owned())));
    }
    let if_absent = names(&fields, "if_absent").map_err(about)?;
    Ok(Op { id, action, if_rev, if_absent, token })
}

fn op_props(fields: &Fields<'_>, key: &'static str, limits: &Limits) -> Result<Props, Refusal> {
    let Some(raw) = fields.get(key) else {
        return Ok(Props::empty());
    };
    let props = Props::parse(raw, limits.value_depth as usize).map_err(|error| match error {
        InvalidProps::Malformed(Malformed::Expected(_)) => {
            Refusal::new(Code::InvalidProperty, format!("the key {key:?} must be a map with text keys"))
        }
        error => Refusal::new(Code::InvalidProperty, error.to_string()),
    })?;
    if props.get(LEASE).is_some() { Err(reserved()) } else { Ok(props) }
}

fn reserved() -> Refusal {
    Refusal::new(Code::InvalidProperty, format!("the property {LEASE:?} is changed by lease and release only"))
}

/// A property name that an op may have.
fn check_name(name: &str) -> Result<(), Refusal> {
    if name == LEASE {
        return Err(reserved());
    }
    props::check_name(name).map_err(|e| Refusal::new(Code::InvalidProperty, e.to_string()))
}

fn lease(fields: &Fields<'_>, limits: &Limits) -> Result<Action, Refusal> {
    let invalid = |what: String| Refusal::new(Code::InvalidOp, what);
    let ttl_ms = match fields.get("ttl_ms") {
        Some(_) => fields.uint("ttl_ms").map_err(|e| invalid(e.0))?,
        None => LEASE_MS,
    };
    match u32::try_from(ttl_ms) {
        Ok(ttl_ms @ 1..) if ttl_ms <= limits.lease_ms => Ok(Action::Lease { ttl_ms }),
        _ => Err(invalid(format!("a lease lasts 1 to {} ms unless it is renewed", limits.lease_ms))),
    }
}

fn update(fields: &Fields<'_>, limits: &Limits) -> Result<Action, Refusal> {
    let set = op_props(fields, "set", limits)?;
    let unset = names(fields, "unset")?;
    if let Some(name) = set.having(&unset).first() {
        return Err(Refusal::new(Code::InvalidProperty, format!("the property {name:?} is both set and unset")));
    }
    Ok(Action::Update { set, unset })
}

fn increment(fields: &Fields<'_>) -> Result<Action, Refusal> {
    let prop = fields.text("prop").map_err(|e| Refusal::new(Code::InvalidOp, e.0))?;
    check_name(prop)?;
    let by = fields.get("by").and_then(value::number);
    let by = by.ok_or_else(|| Refusal::new(Code::NotANumber, "increment needs a number in the key \"by\""))?;
    Ok(Action::Increment { prop: prop.into(), by })
}

/// A list of property names; absent means none.
fn names(fields: &Fields<'_>, key: &'static str) -> Result<Vec<SmolStr>, Refusal> {
    let Some(raw) = fields.get(key) else {
        return Ok(Vec::new());
    };
    let mut reader = Reader::new(raw);
    let wrong = |_| Refusal::new(Code::InvalidProperty, format!("the key {key:?} must be a list of property names"));
    let count = reader.array().map_err(wrong)?;
    if count > PROPERTIES {
        let message = format!("{key:?} names more than {PROPERTIES} properties");
        return Err(Refusal::new(Code::InvalidProperty, message));
    }
    let mut seen = HashSet::with_capacity(count);
    let mut list: Vec<SmolStr> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.str().map_err(wrong)?;
        check_name(name)?;
        if !seen.insert(name) {
            let message = format!("the property {name:?} is there twice in {key:?}");
            return Err(Refusal::new(Code::InvalidProperty, message));
        }
        list.push(name.into());
    }
    Ok(list)
}
