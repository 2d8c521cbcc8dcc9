//! A room whose project the hot store does not have: all that the room knows of is durable, and the next commit puts it there.
//!
//! That the room knows of everything is not certain: the hot store may have forgotten commits that others saved and of which the room never heard. So the
//! durable log is looked at before that is believed.

use super::{Done, End, Room};
use crate::durable::load::{Tail, load, tail};
use crate::durable::{DurableError, DurableStore};
use crate::hot::HotState;
use crate::ids::{Position, ProjectId};
use crate::recovery::course::Need;
use crate::recovery::hot_state;
use std::time::Duration;
use tokio::time::Instant;

/// How long a look is believed where nothing points to more: other nodes say it when they put the project into the hot store.
const BELIEVED: Duration = Duration::from_secs(60);

impl Room {
    /// The hot store has nothing of the project.
    pub(super) fn is_cold(&mut self) {
        let looked = self.course.looked.is_some_and(|at| at.elapsed() < BELIEVED);
        if looked && !self.course.installed && self.unsure.is_empty() {
            self.on_course();
            return;
        }
        let (project, durable, here) = (self.project.clone(), self.stores.durable.clone(), self.replica.position());
        self.in_flight = Some(Box::pin(async move { Done::Cold(look(&*durable, &project, here).await) }));
    }

    /// What the durable log has of a project that the hot store does not have.
    pub(super) fn cold(&mut self, found: Result<Found, DurableError>) {
        match found {
            Ok(Found::Deleted) => self.end = Some(End::Deleted),
            Ok(Found::Direct) => self.course.need = Need::Heal,
            Ok(Found::More(state)) => {
                tracing::warn!(project = %self.project, at = ?state.position, "others have saved what this room has never heard of");
                self.adopt(*state);
                self.believe();
            }
            Ok(Found::Same) => self.believe(),
            Err(error) => {
                tracing::warn!(project = %self.project, %error, "the durable log cannot be looked at");
                self.pause();
                self.course.need = Need::Verify(None);
            }
        }
    }

    fn believe(&mut self) {
        self.course.installed = false;
        self.course.looked = Some(Instant::now());
        self.on_course();
    }
}

/// What a look at the durable log finds.
pub(super) enum Found {
    /// It ends where the room does.
    Same,
    /// The project was deleted.
    Deleted,
    /// It is in a direct epoch: other nodes may be in that still, and would not be heard of.
    Direct,
    /// This, which is not what the room has.
    More(Box<HotState>),
}

async fn look(durable: &dyn DurableStore, project: &ProjectId, here: Position) -> Result<Found, DurableError> {
    let tail = tail(durable, project, &Tail::START).await?;
    if tail.is_deleted() {
        return Ok(Found::Deleted);
    }
    if tail.direct {
        return Ok(Found::Direct);
    }
    if (tail.position.seq, tail.position.id) == (here.seq, here.id) {
        return Ok(Found::Same);
    }
    Ok(Found::More(Box::new(hot_state(load(durable, project).await?))))
}
