//! Joiners who know of something that the room does not: it asks before it greets them, because a client that is greeted with less than it knows to be saved
//! takes that for lost.
//!
//! The hot store first: mostly the room is only behind. If that knows no more, it may have come back from an old copy that this room has never been ahead of;
//! then the durable log is read, beside everything else, and the hot store asked once more. What the log has and the hot store lacks makes a new lineage; what
//! neither has was never saved, and the joiner sends it again.

use super::{Aside, Room};
use crate::durable::DurableError;
use crate::durable::load::{Tail, tail};
use crate::hub::join::{self, knows_more};
use crate::hub::mailbox::{JoinError, Joiner};
use crate::ids::SessionId;
use crate::mechanism::{Mechanism, on};
use crate::recovery::course::Need;
use tokio::sync::oneshot;

/// What became of a reading of the durable log.
pub(super) type Read = Result<Tail, DurableError>;

/// How far a room is with finding out.
#[derive(Debug, Default, Clone, Copy)]
enum Look {
    /// The hot store has not been asked yet.
    #[default]
    Not,
    /// The durable log is being read; `again` when somebody has come since.
    Reading { again: bool },
    /// It ends here, and the hot store is asked once more.
    Read(Tail),
}

/// Those who wait.
#[derive(Default)]
pub(in crate::hub) struct Unsure {
    joiners: Vec<(Joiner, oneshot::Sender<Result<(), JoinError>>)>,
    look: Look,
    /// Nobody has come since the reading of the log began that is under way in degraded mode.
    covered: bool,
}

impl Unsure {
    pub(in crate::hub) fn len(&self) -> usize {
        self.joiners.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.joiners.is_empty()
    }

    /// A session has gone.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.joiners.retain(|(joiner, _)| joiner.session != session);
    }
}

impl Room {
    /// Has a joiner wait who knows of more than the room does, and asks the store whether there is more.
    pub(in crate::hub) fn ask_for(&mut self, joiner: Joiner, reply: oneshot::Sender<Result<(), JoinError>>) {
        self.unsure.joiners.push((joiner, reply));
        self.unsure.covered = false;
        // What was read before may be older than what this one knows.
        self.unsure.look = match self.unsure.look {
            Look::Reading { .. } => Look::Reading { again: true },
            Look::Not | Look::Read(_) => Look::Not,
        };
        self.course.ask();
        if let Some(direct) = &mut self.course.direct {
            direct.read_first();
        }
    }

    /// The hot store has said that the room is on its history, and up to date.
    pub(super) fn ask_further(&mut self) {
        if let Look::Read(tail) = self.unsure.look {
            if self.has(tail) {
                self.let_in_unsure();
            } else {
                tracing::warn!(project = %self.project, ?tail, "the hot state is older than the durable log");
                self.unsure.look = Look::Not;
                self.course.need = Need::Heal;
            }
            return;
        }
        if !on(Mechanism::Greet) {
            return self.let_in_unsure();
        }
        self.let_in_sure();
        if !self.unsure.is_empty() && matches!(self.unsure.look, Look::Not) {
            self.read_tail();
        }
    }

    /// The log is about to be read in degraded mode.
    pub(super) fn reads_log(&mut self) {
        self.unsure.covered = true;
    }

    /// The log was read in degraded mode: who came since must wait for another reading, if that has not what they know.
    pub(super) fn log_read(&mut self) {
        if self.unsure.covered {
            return self.let_in_unsure();
        }
        self.let_in_sure();
        if let Some(direct) = self.course.direct.as_mut().filter(|_| !self.unsure.is_empty()) {
            direct.read_first();
        }
    }

    /// Lets in those who know of no more than the room does by now.
    fn let_in_sure(&mut self) {
        for (joiner, reply) in std::mem::take(&mut self.unsure.joiners) {
            if knows_more(self, &joiner) {
                self.unsure.joiners.push((joiner, reply));
            } else {
                join::let_in(self, joiner, reply);
            }
        }
    }

    /// Whether the room's history goes through where the durable log ends.
    fn has(&self, tail: Tail) -> bool {
        let (here, there) = (&self.replica, tail.position);
        there.epoch <= here.position().epoch
            && (there.seq < here.saved().seq || here.id_at(there.seq) == Some(there.id))
    }

    fn read_tail(&mut self) {
        self.unsure.look = Look::Reading { again: false };
        let (project, durable, asides) = (self.project.clone(), self.stores.durable.clone(), self.asides.clone());
        tokio::spawn(async move {
            // A room that has ended lets nobody in.
            let _ = asides.send(Aside::Tail(tail(&*durable, &project, &Tail::START).await));
        });
    }

    /// Where the durable log ends.
    pub(super) fn tail_read(&mut self, read: Read) {
        let Look::Reading { again } = std::mem::replace(&mut self.unsure.look, Look::Not) else { return };
        match read {
            _ if self.unsure.is_empty() => {}
            Ok(_) if again => self.read_tail(),
            Ok(tail) => {
                self.unsure.look = Look::Read(tail);
                self.course.ask();
            }
            Err(error) => {
                tracing::warn!(project = %self.project, %error, "joiners who know of more cannot be let in");
                self.turn_away_unsure();
            }
        }
    }

    /// The room knows all that there is to know: lets in who waits for that.
    pub(super) fn let_in_unsure(&mut self) {
        self.unsure.look = Look::Not;
        for (joiner, reply) in std::mem::take(&mut self.unsure.joiners) {
            join::let_in(self, joiner, reply);
        }
    }

    /// The room cannot learn what there is: who waits for that finds another node.
    pub(super) fn turn_away_unsure(&mut self) {
        for (_, reply) in self.unsure.joiners.drain(..) {
            // A joiner that has gone does not read the answer.
            let _ = reply.send(Err(JoinError::Unavailable("the stores do not answer; reconnect".to_owned())));
        }
    }
}
