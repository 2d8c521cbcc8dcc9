//! New, short order keys for a stretch of objects whose keys have grown long, without changing the order.

use super::canvas::Canvas;
use super::order;
use crate::ids::ObjectId;
use crate::protocol::op::{Action, Op};
use crate::protocol::pack;
use crate::protocol::props::Props;

/// A key longer than this calls for a rebalance, in characters.
pub const LONG_KEY: usize = 48;
/// Keys that a rebalance gives are to be no longer than this, if the stretch can be made wide enough.
const SHORT_KEY: usize = 16;
/// Most objects that one rebalance re-keys: it must fit a batch.
const MOST: usize = 400;

/// Whether these props hold a key that calls for a rebalance.
#[must_use]
pub fn is_due(props: &Props) -> bool {
    props.text("z").is_some_and(|z| z.len() > LONG_KEY)
}

/// Ops that re-key a stretch around `around`; none when it is gone or has no key, or when no stretch that fits a batch gives shorter keys.
#[must_use]
pub fn rebalance(canvas: &Canvas, around: &ObjectId) -> Vec<Op> {
    let mut order: Vec<(&str, &ObjectId)> =
        canvas.iter().filter_map(|(id, object)| Some((object.props.text("z")?, id))).collect();
    order.sort_unstable();
    let Some(centre) = order.iter().position(|(_, id)| *id == around) else {
        return Vec::new();
    };
    let (mut first, mut end) = (centre, centre + 1);
    loop {
        // Equal keys stay together: bounds must differ from what lies between them.
        while first > 0 && order[first - 1].0 == order[first].0 {
            first -= 1;
        }
        while end < order.len() && order[end].0 == order[end - 1].0 {
            end += 1;
        }
        let below = first.checked_sub(1).map(|i| order[i].0);
        let above = order.get(end).map(|(z, _)| *z);
        let keys = order::keys_between(below, above, end - first).unwrap_or_default();
        let done =
            keys.iter().all(|k| k.len() <= SHORT_KEY) || end - first >= MOST || (first == 0 && end == order.len());
        if done {
            if keys.iter().any(|key| key.len() > LONG_KEY) {
                return Vec::new();
            }
            return order[first..end].iter().zip(keys).map(|((_, id), key)| rekey(id, &key)).collect();
        }
        first = first.saturating_sub(4);
        end = (end + 4).min(order.len());
    }
}

fn rekey(id: &ObjectId, key: &str) -> Op {
    let mut z = Vec::with_capacity(key.len() + 2);
    pack::str(&mut z, key);
    let set = Props::from_pairs(&[("z", &z)]);
    Op::new(id.clone(), Action::Update { set, unset: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::canvas::Object;

    fn canvas(keys: &[String]) -> Canvas {
        let mut canvas = Canvas::new();
        for (i, key) in keys.iter().enumerate() {
            let mut z = Vec::new();
            pack::str(&mut z, key);
            let props = Props::from_pairs(&[("z", &z)]);
            canvas.set(ObjectId::parse(&format!("o{i:04}")).expect("id"), Some(Object { rev: 1, props }));
        }
        canvas
    }

    fn in_order(canvas: &Canvas) -> Vec<ObjectId> {
        let mut all: Vec<_> = canvas.iter().map(|(id, o)| (o.props.text("z").expect("key"), id.clone())).collect();
        all.sort();
        all.into_iter().map(|(_, id)| id).collect()
    }

    #[test]
    fn keys_get_short_and_the_order_stays() {
        let mut keys = order::keys_between(None, None, 50).expect("keys");
        let mut above = keys[26].clone();
        for _ in 0..400 {
            above = order::keys_between(Some(&keys[25]), Some(&above), 1).expect("key").remove(0);
            keys.push(above.clone());
        }
        let mut canvas = canvas(&keys);
        let before = in_order(&canvas);
        let longest = |canvas: &Canvas| canvas.iter().map(|(_, o)| o.props.text("z").map_or(0, str::len)).max();
        let mut rounds = 0;
        let due = |canvas: &Canvas| canvas.iter().find(|(_, o)| is_due(&o.props)).map(|(id, _)| id.clone());
        while let Some(id) = due(&canvas) {
            for op in rebalance(&canvas, &id) {
                let Action::Update { set, .. } = op.action else { panic!("rebalance only updates") };
                canvas.set(op.id, Some(Object { rev: 2, props: set }));
            }
            assert_eq!(in_order(&canvas), before);
            rounds += 1;
            assert!(rounds < 20, "still {:?} characters", longest(&canvas));
        }
        assert!(longest(&canvas) <= Some(LONG_KEY));
    }

    #[test]
    fn a_cluster_too_large_for_a_batch_is_left_alone() {
        let prefix = format!("a0{}", "1".repeat(100));
        let low = format!("{prefix}1");
        let keys = order::keys_between(Some(&low), Some(&format!("{prefix}2")), 1_000).expect("keys");
        let canvas = canvas(&keys);
        let middle = ObjectId::parse("o0500").expect("id");
        assert!(rebalance(&canvas, &middle).is_empty(), "the server would go on for ever");
        let first = ObjectId::parse("o0000").expect("id");
        assert!(
            rebalance(&canvas, &first)
                .iter()
                .all(|op| matches!(&op.action, Action::Update { set, .. } if !is_due(set)))
        );
    }
}
