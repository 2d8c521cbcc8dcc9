//! Joiners who know of something that the room does not: it asks before it greets them, because a client that is greeted with less than it knows to be saved
//! takes that for lost.

use super::Room;
use crate::hub::join;
use crate::hub::mailbox::{JoinError, Joiner};
use tokio::sync::oneshot;

impl Room {
    /// Has a joiner wait who knows of more than the room does, and asks the store whether there is more.
    pub(in crate::hub) fn ask_for(&mut self, joiner: Joiner, reply: oneshot::Sender<Result<(), JoinError>>) {
        self.unsure.push((joiner, reply));
        self.course.ask();
        if let Some(direct) = &mut self.course.direct {
            direct.read_first();
        }
    }

    /// The room knows all that there is to know: lets in who waits for that.
    pub(super) fn let_in_unsure(&mut self) {
        for (joiner, reply) in std::mem::take(&mut self.unsure) {
            join::let_in(self, joiner, reply);
        }
    }

    /// The room cannot learn what there is: who waits for that finds another node.
    pub(super) fn turn_away_unsure(&mut self) {
        for (_, reply) in self.unsure.drain(..) {
            // A joiner that has gone does not read the answer.
            let _ = reply.send(Err(JoinError::Unavailable("the stores do not answer; reconnect".to_owned())));
        }
    }
}
