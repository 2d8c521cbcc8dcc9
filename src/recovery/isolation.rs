//! Whether this node alone has lost the hot store, as far as the nodes' reports in the durable store tell. Pure.
//!
//! While no node reaches the hot store, projects go on on the durable one. When others do reach it, this node must leave the work to them: two orders of one
//! project would only end each other. No clock is compared: a report is news when its count has risen since this node failed.

use crate::durable::NodeReport;
use crate::ids::NodeId;
use std::collections::HashMap;

/// So many reports in a row of a node must come after this one has failed, the last of them good: the first may have been made just before.
const NEWS: u32 = 2;

/// What a node knows of itself and of the others.
#[derive(Debug)]
pub struct Isolation {
    node: NodeId,
    count: u64,
    /// Own reports in a row that say that the hot store is out of reach.
    failed: u32,
    /// The others' last counts, and how often these have risen since this node failed.
    others: HashMap<NodeId, (u64, u32)>,
}

impl Isolation {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { node, count: 0, failed: 0, others: HashMap::new() }
    }

    /// The next report of this node.
    pub fn report(&mut self, reaches_hot: bool, at_ms: u64) -> NodeReport {
        self.count += 1;
        self.failed = if reaches_hot { 0 } else { self.failed + 1 };
        if self.failed <= 1 {
            self.others.values_mut().for_each(|(_, news)| *news = 0);
        }
        NodeReport { node: self.node, count: self.count, reaches_hot, at_ms }
    }

    /// Takes in the last reports of all nodes. Returns whether this node is cut off from a hot store that another reaches.
    pub fn hear(&mut self, reports: &[NodeReport]) -> bool {
        let mut others_reach = false;
        for report in reports.iter().filter(|report| report.node != self.node) {
            let (count, news) = self.others.entry(report.node).or_insert((report.count, 0));
            if report.count > *count {
                (*count, *news) = (report.count, *news + 1);
            }
            others_reach |= report.reaches_hot && *news >= NEWS;
        }
        self.others.retain(|node, _| reports.iter().any(|report| report.node == *node));
        self.failed >= NEWS && others_reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(count: u64, reaches_hot: bool) -> NodeReport {
        NodeReport { node: 2, count, reaches_hot, at_ms: 0 }
    }

    /// Reports in turn: what this node finds, and what the other says; then whether this node is cut off.
    fn after(turns: &[(bool, NodeReport)]) -> bool {
        let mut isolation = Isolation::new(1);
        let mut cut_off = false;
        for (reaches_hot, other) in turns {
            let own = isolation.report(*reaches_hot, 0);
            cut_off = isolation.hear(&[own, *other]);
        }
        cut_off
    }

    #[test]
    fn one_that_alone_does_not_reach_it_is_cut_off() {
        let turns = [(true, other(1, true)), (false, other(2, true)), (false, other(3, true)), (false, other(4, true))];
        assert!(!after(&turns[..2]));
        assert!(after(&turns));
        let mut back = turns.to_vec();
        back.push((true, other(5, true)));
        assert!(!after(&back), "it reaches it again");
    }

    #[test]
    fn nobody_is_when_nobody_reaches_it() {
        let turns =
            [(true, other(1, true)), (false, other(2, true)), (false, other(3, false)), (false, other(4, false))];
        assert!(!after(&turns), "the other's good report was made before it failed too");
    }

    #[test]
    fn a_node_that_is_gone_says_nothing() {
        let turns = [(true, other(9, true)), (false, other(9, true)), (false, other(9, true)), (false, other(9, true))];
        assert!(!after(&turns));
        assert!(!after(&[(false, other(7, true)), (false, other(7, true)), (false, other(7, true))]));
    }
}
