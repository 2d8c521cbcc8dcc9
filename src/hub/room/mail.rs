//! What members send to a room: batches into the queue, presence into the roster, broadcasts straight on.

use super::Room;
use super::course::UNAVAILABLE_RETRY_MS;
use crate::hub::mailbox::Mail;
use crate::hub::propose::Waiting;
use crate::ids::{Author, SessionId};
use crate::metrics::ops;
use crate::protocol::message::{Role, ServerMessage, To};
use crate::protocol::op::Batch;
use crate::protocol::refusal::Code;
use tokio::time::Instant;

/// When to send a batch again that was too many, in ms.
const OVERLOADED_RETRY_MS: u32 = 200;

impl Room {
    pub(super) fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Batch { session, author, batch } => self.submit(session, author, batch),
            Mail::Presence { session, set } => {
                ops::presence_update();
                let limit = self.settings.limits.presence_bytes;
                if !self.roster.set(session, &set, limit as usize, Some(Instant::now())) {
                    let message = format!("presence may have {limit} bytes in all; this change was not taken");
                    let error = ServerMessage::Error { code: "presence_too_large".into(), message };
                    if let Some(member) = self.members.get_mut(session) {
                        member.say(&error);
                    }
                }
            }
            Mail::Broadcast { session, topic, data, to } => {
                ops::broadcast();
                let is_here = matches!(to, To::Session(to) if self.members.get_mut(to).is_some());
                if !is_here && self.stores.presence.is_shared() {
                    self.stores.presence.broadcast(&self.project, session, topic.clone(), data.clone(), to.clone());
                }
                self.members.passing(session, &to, ServerMessage::Broadcast { from: session, topic, data });
            }
        }
    }

    /// A member's role is another from now on: its next welcome says so.
    pub(super) fn role(&mut self, session: SessionId, role: Role) {
        if let Some(member) = self.members.get_mut(session) {
            member.who.role = role;
        }
    }

    fn submit(&mut self, session: SessionId, author: Author, batch: Batch) {
        if self.replica.is_full() || !self.takes_batches() {
            self.members.not_now(session, batch.cid, Code::Unavailable, UNAVAILABLE_RETRY_MS);
            return;
        }
        if !self.members.hand_in(session, batch.cid, self.settings.limits.unacked_batches as usize) {
            self.members.not_now(session, batch.cid, Code::Overloaded, OVERLOADED_RETRY_MS);
            return;
        }
        self.members.note_leases(session, &batch);
        self.queue.push_back(Waiting { from: Some((session, author)), batch });
    }
}
