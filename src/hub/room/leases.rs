//! Leases end with the session that took them.

use super::Room;
use super::calls::OF_LEASES;
use crate::hub::member::Member;
use crate::hub::propose::Waiting;
use crate::project::canvas::View as _;
use crate::project::lease::Lease;
use crate::protocol::op::{Action, Batch, Body, Op};

impl Room {
    /// Releases what a session that has left had leased, unless its client has come back by another one. What it had asked for and not got yet, or what
    /// cannot be released now, is over when its time is.
    pub(super) fn end_leases(&mut self, left: &Member) {
        if left.leases.is_empty() || self.members.has(&left.who.author) {
            return;
        }
        for id in &left.leases {
            let object = self.replica.canvas().object(id);
            let Some(lease) = object.and_then(|object| Lease::of(&object.props)) else { continue };
            if lease.by != left.who.author {
                continue;
            }
            let op = Op { token: Some(lease.token), ..Op::new(id.clone(), Action::Release) };
            let batch = Batch { cid: OF_LEASES, body: Body::Ops(vec![op]), durable: false, digest: 0 };
            self.queue.push_back(Waiting { from: None, batch });
        }
    }
}
