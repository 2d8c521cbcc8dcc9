//! The conflict rule, stated here and nowhere else:
//!
//! > **Per property the last writer wins, in the order in which the hot store accepted the batches. Delete wins over a later update.**
//!
//! No clocks, no tombstones: an update of an object that is not there is skipped and reported as `gone`. A batch applies whole or
//! not at all.

use super::canvas::{Draft, Object, View};
use super::lease::{self, Lease, Maker};
use super::order;
use crate::ids::{ObjectId, Seq};
use crate::protocol::change::Change;
use crate::protocol::limits::{Limits, PARENT_CHAIN, PROPERTIES};
use crate::protocol::op::{Action, LEASE, Op};
use crate::protocol::props::Props;
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::value::{self, Number};
use smol_str::SmolStr;
use std::collections::HashMap;

/// What a batch does to the canvas that it was computed on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effects {
    /// Resulting values, in the order of the ops.
    pub changes: Vec<Change>,
    /// What each touched object was (its rev; `None`: absent) and becomes (`None`: absent).
    pub objects: Vec<Effect>,
    /// Objects that ops were skipped for because they do not exist.
    pub gone: Vec<ObjectId>,
}

/// What becomes of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Which object.
    pub id: ObjectId,
    /// The rev that the effect was computed from; `None` when the object did not exist.
    pub base_rev: Option<Seq>,
    /// What it becomes; `None` when it is removed.
    pub props: Option<Props>,
}

/// Applies a batch's ops to a view, as the commit at `seq`, for its maker.
///
/// # Errors
/// The [`Refusal`] of the whole batch; nothing of it applies then.
pub fn apply(view: &dyn View, ops: &[Op], seq: Seq, maker: Maker, limits: &Limits) -> Result<Effects, Refusal> {
    let mut draft = Draft::new(view);
    let mut effects = Effects::default();
    for (index, op) in ops.iter().enumerate() {
        match apply_one(&draft, op, seq, maker).map_err(|refusal| refusal.at(index).about(&op.id))? {
            Some((change, props)) => {
                draft.set(op.id.clone(), props.map(|props| Object { rev: seq, props }));
                effects.changes.push(change);
            }
            None => effects.gone.push(op.id.clone()),
        }
    }
    let mut depths = Depths::new();
    for (index, op) in ops.iter().enumerate() {
        check_result(&draft, op, limits, &mut depths).map_err(|refusal| refusal.at(index).about(&op.id))?;
    }
    check_project(view, &draft, limits)?;
    effects.objects = touched(view, draft);
    Ok(effects)
}

/// Applies once more, as the commit at `seq`, what a commit of a lost lineage had made of a state that may have been another: objects that are gone stay
/// gone, and a parent that would close a circle now is passed over together with its change. Its author had its answer; nothing is refused.
#[must_use]
pub fn reapply(view: &dyn View, changes: Vec<Change>, seq: Seq) -> Effects {
    let mut draft = Draft::new(view);
    let mut effects = Effects::default();
    for change in changes {
        let id = change.id().clone();
        let props = match (&change, draft.object(&id)) {
            (Change::Put { props, .. }, _) => Some(props.clone()),
            (Change::Set { set, unset, .. }, Some(object)) => Some(object.props.merged(set, unset)),
            (Change::Delete { .. }, Some(_)) => None,
            (_, None) => {
                effects.gone.push(id);
                continue;
            }
        };
        let object = props.map(|props| Object { rev: seq, props });
        let before = draft.object(&id).cloned();
        draft.set(id.clone(), object.clone());
        if object.is_some_and(|object| check_parents(&draft, &id, &object, &mut Depths::new()).is_err()) {
            draft.set(id.clone(), before);
            effects.gone.push(id);
            continue;
        }
        effects.changes.push(change);
    }
    effects.objects = touched(view, draft);
    effects.objects.retain(|object| effects.changes.iter().any(|change| *change.id() == object.id));
    effects
}

/// What a draft has made of each object that it changed.
fn touched(view: &dyn View, draft: Draft<'_>) -> Vec<Effect> {
    let effect = |(id, object): (ObjectId, Option<Object>)| Effect {
        base_rev: view.object(&id).map(|o| o.rev),
        props: object.map(|o| o.props),
        id,
    };
    draft.into_changed().map(effect).collect()
}

/// The change of one op and the object's new props (`None`: removed); `Ok(None)` when its object does not exist.
fn apply_one(view: &dyn View, op: &Op, seq: Seq, maker: Maker) -> Result<Option<(Change, Option<Props>)>, Refusal> {
    if view.is_quarantined(&op.id) {
        return Err(Refusal::new(
            Code::Quarantined,
            "the stored object cannot be read and is set aside; use another id",
        ));
    }
    let object = view.object(&op.id);
    check_preconditions(object, op, seq)?;
    object.map_or(Ok(()), |object| lease::check(object, op, maker))?;
    let id = op.id.clone();
    match (&op.action, object) {
        (Action::Create { .. }, Some(_)) => {
            Err(Refusal::new(Code::Exists, "an object of this id exists; update it instead"))
        }
        (Action::Create { props }, None) => {
            check_known(props)?;
            Ok(Some((Change::Put { id, props: props.clone() }, Some(props.clone()))))
        }
        (_, None) => Ok(None),
        (Action::Update { set, unset }, Some(object)) => {
            check_known(set)?;
            let props = object.props.merged(set, unset);
            let unset = object.props.having(unset).into_iter().cloned().collect();
            Ok(Some((Change::Set { id, set: set.clone(), unset }, Some(props))))
        }
        (Action::Delete, Some(_)) => Ok(Some((Change::Delete { id }, None))),
        (Action::Increment { prop, by }, Some(object)) => {
            let set = incremented(&object.props, prop, *by)?;
            let props = object.props.merged(&set, &[]);
            Ok(Some((Change::Set { id, set, unset: Vec::new() }, Some(props))))
        }
        (Action::Lease { ttl_ms }, Some(object)) => {
            let set = Lease::taken(object, maker, seq, *ttl_ms).map_or_else(Props::empty, |lease| lease.to_props());
            let props = object.props.merged(&set, &[]);
            Ok(Some((Change::Set { id, set, unset: Vec::new() }, Some(props))))
        }
        (Action::Release, Some(object)) => {
            let unset: Vec<_> = object.props.get(LEASE).map(|_| SmolStr::new_static(LEASE)).into_iter().collect();
            let props = object.props.merged(&Props::empty(), &unset);
            Ok(Some((Change::Set { id, set: Props::empty(), unset }, Some(props))))
        }
    }
}

fn check_preconditions(object: Option<&Object>, op: &Op, seq: Seq) -> Result<(), Refusal> {
    if let Some(wanted) = op.if_rev {
        let wrong = match object.map(|o| o.rev) {
            None => Some("there is no such object".to_owned()),
            // Its rev will be that of this very commit, which nobody can have seen.
            Some(rev) if rev == seq => Some("an op before this one has changed it".to_owned()),
            Some(rev) => (rev != wanted).then(|| format!("it is at rev {rev}")),
        };
        if let Some(wrong) = wrong {
            return Err(Refusal::new(Code::Precondition, format!("if_rev wants rev {wanted}, but {wrong}")));
        }
    }
    match object.and_then(|object| object.props.having(&op.if_absent).into_iter().next()) {
        Some(name) => Err(Refusal::new(Code::Precondition, format!("if_absent: the object has the property {name:?}"))),
        None => Ok(()),
    }
}

/// The sum as props of one property.
fn incremented(props: &Props, prop: &SmolStr, by: Number) -> Result<Props, Refusal> {
    let not_a_number = || Refusal::new(Code::NotANumber, format!("the property {prop:?} is not a number"));
    let old = props.get(prop).map_or(Ok(Number::Integer(0)), |raw| value::number(raw).ok_or_else(not_a_number))?;
    let sum =
        old.plus(by).ok_or_else(|| Refusal::new(Code::Overflow, format!("the property {prop:?} would overflow")))?;
    let set = Props::from_pairs(&[(prop, sum.to_value().as_bytes())]);
    check_known(&set)?;
    Ok(set)
}

/// Checks the few properties that the server understands.
fn check_known(props: &Props) -> Result<(), Refusal> {
    let invalid = |code, text: &str| Err(Refusal::new(code, text));
    for (name, raw) in props.iter() {
        match name {
            "type" if value::text(raw).is_none() => {
                return invalid(Code::InvalidProperty, "the property \"type\" must be text");
            }
            "parent" if !value::is_nil(raw) && parent_of(raw).is_none() => {
                return invalid(Code::InvalidProperty, "the property \"parent\" must be an object id or nil");
            }
            "z" if !value::text(raw).is_some_and(order::is_key) => {
                return invalid(
                    Code::InvalidOrderKey,
                    "the property \"z\" must be an order key such as \"a0\"; see PROTOCOL.md §6",
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn parent_of(raw: &[u8]) -> Option<ObjectId> {
    ObjectId::parse(value::text(raw)?).ok()
}

/// Checks what an op has led to: the size of its object, and that no chain of parents leads back.
fn check_result(draft: &Draft<'_>, op: &Op, limits: &Limits, depths: &mut Depths) -> Result<(), Refusal> {
    let Some(object) = draft.object(&op.id) else {
        return Ok(());
    };
    if object.props.size() > limits.object_bytes as usize {
        let size = object.props.size();
        let message = format!("the object would have {size} bytes, at most {} are allowed", limits.object_bytes);
        return Err(Refusal::new(Code::ObjectTooLarge, message));
    }
    if object.props.count() > PROPERTIES {
        let message = format!("the object would have more than {PROPERTIES} properties");
        return Err(Refusal::new(Code::ObjectTooLarge, message));
    }
    let sets_parent = match &op.action {
        Action::Create { .. } => true,
        Action::Update { set, .. } => set.get("parent").is_some(),
        _ => false,
    };
    if sets_parent { check_parents(draft, &op.id, object, depths) } else { Ok(()) }
}

/// How many objects lie from an object up to the end of its chain of parents, itself included: what one batch has found out already.
type Depths = HashMap<ObjectId, usize>;

fn check_parents(draft: &Draft<'_>, id: &ObjectId, object: &Object, depths: &mut Depths) -> Result<(), Refusal> {
    let mut chain = vec![id.clone()];
    let mut at = object;
    let above = loop {
        let Some(parent) = at.props.get("parent").and_then(parent_of) else { break 0 };
        if parent == *id {
            return Err(Refusal::new(Code::Cycle, "the object would become its own ancestor"));
        }
        if let Some(depth) = depths.get(&parent) {
            break *depth;
        }
        // A loop that does not lead through this object ends here too; it would have been refused when it was closed.
        if chain.len() >= PARENT_CHAIN {
            break 1;
        }
        let Some(next) = draft.object(&parent) else { break 0 };
        chain.push(parent);
        at = next;
    };
    if chain.len() + above > PARENT_CHAIN {
        return Err(Refusal::new(Code::TooDeep, format!("a chain of parents has at most {PARENT_CHAIN} objects")));
    }
    depths.extend(chain.into_iter().rev().zip(above + 1..));
    Ok(())
}

/// Checks the project's size. What does not grow is always allowed, so that a full project can be emptied.
fn check_project(before: &dyn View, after: &Draft<'_>, limits: &Limits) -> Result<(), Refusal> {
    if after.len() > limits.objects as usize && after.len() > before.len() {
        let message = format!("a project has at most {} objects", limits.objects);
        return Err(Refusal::new(Code::TooManyObjects, message));
    }
    if after.bytes() > limits.project_bytes as usize && after.bytes() > before.bytes() {
        let message = format!("a project's objects have at most {} bytes", limits.project_bytes);
        return Err(Refusal::new(Code::ProjectTooLarge, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
