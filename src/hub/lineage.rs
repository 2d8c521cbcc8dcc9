//! Beginning a lineage: sealing the durable log with a new epoch, then installing the state in the hot store.
//!
//! Two ways lead here. A project that was only in the durable store goes into the hot one at its first commit, never for a mere look. A lineage that was
//! lost or has forked is healed: what the durable store has, then what is left of the hot log, then what this room still holds, each batch once.
//! Compare-and-append makes one of several win; the others hear of it and start again.

use super::Stores;
use super::open::hot_state;
use super::replica::Replica;
use crate::clock;
use crate::durable::Appended;
use crate::durable::load::{Tail, load, tail};
use crate::hot::{Freeze, HotError, HotState, Mismatch, Over, Verified};
use crate::ids::{CommitId, Epoch, ProjectId, Seq};
use crate::metrics;
use crate::project::apply::reapply;
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Outcome};
use crate::recovery::merge::merge;
use crate::recovery::seal::seal;
use rand::RngExt as _;
use std::time::Duration;

/// How long others wait for a node that begins a lineage and may have died. Each step of it is far shorter.
const LEASE: Duration = Duration::from_secs(5);

/// What became of an attempt.
#[derive(Debug)]
pub(super) enum Begun {
    /// This is the project now, in a new epoch, and all of it is durable.
    Yes(Box<HotState>),
    /// A store does not answer, or others are at it: try again later.
    NotNow(String),
}

/// Puts a project into the hot store that was only in the durable one: the replica must be what the durable store has.
pub(super) async fn install(project: &ProjectId, stores: &Stores, replica: &Replica) -> Begun {
    // A seal goes where the durable log ends. What the replica has beyond that is in the hot store, whose events it has followed.
    if replica.position().seq != replica.saved().seq {
        return Begun::NotNow("the hot store has it already".to_owned());
    }
    if let Err(why) = alone(project, stores).await {
        return Begun::NotNow(why);
    }
    let begun = install_alone(project, stores, replica).await;
    give_back(project, stores).await;
    begun
}

async fn install_alone(project: &ProjectId, stores: &Stores, replica: &Replica) -> Begun {
    match stores.hot.verify(project, replica.position()).await {
        Ok(Verified::Mismatch(Mismatch::Empty)) => {}
        Ok(_) => return Begun::NotNow("another node has put it there".to_owned()),
        Err(error) => return Begun::NotNow(error.to_string()),
    }
    match tail(&*stores.durable, project, &Tail::START).await {
        Ok(tail) if tail.position == replica.position() => {}
        Ok(_) => return Begun::NotNow("the durable log ends elsewhere".to_owned()),
        Err(error) => return Begun::NotNow(error.to_string()),
    }
    begin(project, stores, replica.to_hot(), Vec::new(), Over::Empty).await
}

/// Keeps other nodes from beginning a lineage where there is none to freeze: two at once would do no harm but end each other's.
async fn alone(project: &ProjectId, stores: &Stores) -> Result<(), String> {
    match stores.hot.claim(project, LEASE).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("another node is at it".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Lets other nodes' savers go on. What is not given back ends by itself.
async fn give_back(project: &ProjectId, stores: &Stores) {
    let _ = stores.hot.claim(project, Duration::ZERO).await;
}

/// Ends the lineage that the hot store has, `epoch` or an older one, and begins a new one with everything that is known. `mine` are commits that this room
/// has and that may be in neither store.
pub(super) async fn heal(project: &ProjectId, stores: &Stores, epoch: Epoch, mine: &[Commit]) -> Begun {
    let token = rand::rng().random();
    let begun = match stores.hot.freeze(project, token, LEASE).await {
        Ok(Freeze::Busy) => return Begun::NotNow("another node is healing it".to_owned()),
        Ok(Freeze::Empty) => match alone(project, stores).await {
            Ok(()) => {
                let begun = union(project, stores, None, mine, Over::Empty).await;
                give_back(project, stores).await;
                return begun;
            }
            Err(why) => return Begun::NotNow(why),
        },
        Ok(Freeze::Frozen(position)) if position.epoch > epoch => {
            Begun::NotNow("another node has healed it".to_owned())
        }
        Ok(Freeze::Frozen(position)) => match stores.hot.load(project).await {
            Ok(hot) => union(project, stores, hot, mine, Over::Frozen { token, position }).await,
            Err(HotError::Refused(why)) => {
                tracing::error!(%project, why, "healing without what the hot store has: it cannot be read");
                union(project, stores, None, mine, Over::Frozen { token, position }).await
            }
            Err(error) => Begun::NotNow(error.to_string()),
        },
        Err(error) => return Begun::NotNow(error.to_string()),
    };
    if let Begun::NotNow(_) = begun {
        // Others need not wait for the lease; should this fail, they do.
        let _ = stores.hot.freeze(project, token, Duration::ZERO).await;
    }
    begun
}

/// Begins a lineage with what the durable store has, what is left of the hot log, and what this room still holds.
async fn union(project: &ProjectId, stores: &Stores, hot: Option<HotState>, mine: &[Commit], over: Over) -> Begun {
    let loaded = match load(&*stores.durable, project).await {
        Ok(loaded) => loaded,
        Err(error) => return Begun::NotNow(error.to_string()),
    };
    let state = hot_state(loaded);
    if hot.as_ref().is_some_and(|hot| hot.position.epoch == state.position.epoch && hot.log.base() > state.position.seq)
    {
        return Begun::NotNow("the hot log begins above the durable one".to_owned());
    }
    let theirs: Vec<Commit> = hot.map(|hot| hot.log.iter().cloned().collect()).unwrap_or_default();
    let last = state.clients.iter().map(|(author, client)| (*author, client.cid)).collect();
    let left = made_so_again(&state, merge(last, &[&theirs, mine], &mut rand::rng()));
    tracing::warn!(%project, left = left.len(), "healing: a new lineage begins");
    metrics::heal(left.len());
    begin(project, stores, state, left, over).await
}

/// What the merged commits do where they come now: after the durable state, the marker, and each other.
fn made_so_again(state: &HotState, merged: Vec<Commit>) -> Vec<Commit> {
    let mut canvas = state.canvas.clone();
    let again = |(commit, seq): (Commit, Seq)| {
        let Outcome::Changed(changes) = &commit.outcome else { return commit };
        // What cannot be read changes nothing; it takes its cid all the same.
        let effects = reapply(&canvas, changes.decode().unwrap_or_default(), seq);
        let changes = Changes::encode(&effects.changes);
        canvas.absorb(effects.changes, seq);
        Commit { outcome: Outcome::Changed(changes), ..commit }
    };
    merged.into_iter().zip(state.position.seq + 2..).map(again).collect()
}

/// Seals the durable log behind `state`, then installs the state with `left` on top.
async fn begin(project: &ProjectId, stores: &Stores, state: HotState, left: Vec<Commit>, over: Over) -> Begun {
    let marker = CommitId::random(&mut rand::rng());
    let entries = seal(state.position, marker, left, clock::now_ms());
    let mut replica = Replica::new(state);
    for entry in entries {
        match stores.durable.append(project, &entry).await {
            Ok(Appended::Stored) => {}
            Ok(Appended::Conflict) => return Begun::NotNow("another node has written to it".to_owned()),
            Err(error) => return Begun::NotNow(error.to_string()),
        }
        replica.enter_epoch(entry.epoch);
        if let Err(error) = replica.learn(entry.from, entry.prev, &entry.commits) {
            return Begun::NotNow(error.to_string());
        }
        replica.mark_saved(replica.position());
    }
    let state = replica.to_hot();
    match stores.hot.install(project, state.clone(), over).await {
        Ok(true) => Begun::Yes(Box::new(state)),
        Ok(false) => Begun::NotNow("another node has begun a lineage".to_owned()),
        Err(error) => Begun::NotNow(error.to_string()),
    }
}
