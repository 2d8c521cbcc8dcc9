//! What a client asks for, within what it may ask for.

use super::Shell;
use crate::hub::Busy;
use crate::ids::Cid;
use crate::metrics;
use crate::protocol::message::ServerMessage;
use crate::protocol::op::Batch;
use crate::protocol::refusal::{Code, Refusal};
use crate::quota::{Allowance, Limited};
use std::time::Duration;
use tokio::time::Instant;

/// When to send a batch again that the room's mailbox had no place for, in ms.
const BUSY_RETRY_MS: u32 = 250;

impl Shell {
    pub(super) fn submit(&mut self, batch: Batch) {
        let cid = batch.cid;
        let count = u32::try_from(batch.weight()).unwrap_or(u32::MAX);
        let spent = self.allowance.as_mut().map_or(Ok(()), |allowance| allowance.ops(Instant::now(), count));
        if let Err(Limited { limit, retry }) = spent {
            metrics::limits::hit(limit);
            self.machine.rest(Instant::now(), retry);
            let refusal = Refusal::new(Code::RateLimited, "more ops a second than may be; send this batch again later");
            self.reject(cid, refusal, Some(milliseconds(retry)));
        } else if self.membership.as_ref().is_some_and(|m| m.submit(batch) == Err(Busy)) {
            let refusal = Refusal::new(Code::Overloaded, "the project has too much to do; send this batch again later");
            self.reject(cid, refusal, Some(BUSY_RETRY_MS));
        }
    }

    /// Whether something of little weight may be asked for; says so if not.
    pub(super) fn may(&mut self, ask: fn(&mut Allowance, Instant) -> Result<(), Limited>) -> bool {
        let Some(allowance) = &mut self.allowance else { return false };
        let Err(Limited { limit, retry }) = ask(allowance, Instant::now()) else { return true };
        metrics::limits::hit(limit);
        let name = limit.name();
        let message = format!("more {name} a second than may be: this was not taken; wait {} ms", milliseconds(retry));
        self.say(&ServerMessage::Error { code: Code::RateLimited.as_str().into(), message });
        false
    }

    pub(super) fn reject(&self, cid: Cid, refusal: Refusal, retry_ms: Option<u32>) {
        metrics::refused(refusal.code);
        self.say(&ServerMessage::Reject { cid, refusal, current: None, retry_ms });
    }
}

/// Whole milliseconds, at least one.
fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1)
}
