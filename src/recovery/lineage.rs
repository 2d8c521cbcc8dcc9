//! Beginning a lineage: sealing the durable log with a new epoch, then installing the state in the hot store.
//!
//! Three ways lead here. A project that was only in the durable store goes into the hot one at its first commit, never for a mere look. A lineage that was
//! lost or has forked is *healed*: what the durable store has, then what is left of the hot log, then what the caller still holds, each batch once. And
//! while the hot store is away, a *direct* epoch is begun, which is sequenced on the durable store alone (`direct`).
//! Compare-and-append makes one of several win; the others hear of it and start again. Called by rooms and by autosave; needs no room.

use super::merge::merge;
use super::replica::Replica;
use super::seal::seal;
use super::state::hot_state;
use crate::chance;
use crate::clock;
use crate::durable::load::{Tail, load, tail};
use crate::durable::{Appended, DurableStore};
use crate::hot::{Freeze, HotError, HotState, HotStore, Mismatch, Over, Verified};
use crate::ids::{CommitId, Epoch, ProjectId, Seq};
use crate::mechanism::{Mechanism, on};
use crate::metrics;
use crate::project::apply::reapply;
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Outcome};
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;

/// The two stores that must agree.
#[derive(Clone)]
pub struct Both {
    /// Where batches are ordered.
    pub hot: Arc<dyn HotStore>,
    /// Where they survive.
    pub durable: Arc<dyn DurableStore>,
}

/// How long others wait for a node that begins a lineage and may have died. A live one renews it.
const LEASE: Duration = Duration::from_secs(5);

/// What became of an attempt.
#[derive(Debug)]
pub enum Begun {
    /// This is the project now, in a new epoch, and all of it is durable.
    Yes(Box<HotState>),
    /// A store does not answer, or others are at it: try again later.
    NotNow(String),
    /// The project was deleted: it has no lineage any more.
    Deleted,
    /// The durable log has this epoch, and whether the hot store has it is not known: an older one there has ended.
    Sealed(Epoch, String),
}

/// One attempt. The error is the epoch that it began in the durable log while somebody else installed an older lineage in the hot store: that has ended.
type Attempt = Result<Begun, Epoch>;

/// How often a node ends a lineage that was installed while it sealed its own.
const TRIES: usize = 3;

/// Puts a project into the hot store that was only in the durable one: the replica must be what the durable store has.
pub async fn install(project: &ProjectId, stores: &Both, replica: &Replica) -> Begun {
    // A seal goes where the durable log ends. What the replica has beyond that is in the hot store, whose events it has followed.
    if replica.position().seq != replica.saved().seq {
        return Begun::NotNow("the hot store has it already".to_owned());
    }
    if let Err(why) = alone(project, stores).await {
        return Begun::NotNow(why);
    }
    let attempt = install_alone(project, stores, replica).await;
    give_back(project, stores).await;
    finish(project, stores, &[], attempt).await
}

async fn install_alone(project: &ProjectId, stores: &Both, replica: &Replica) -> Attempt {
    match stores.hot.verify(project, replica.position()).await {
        Ok(Verified::Mismatch(Mismatch::Empty)) => {}
        Ok(_) => return not_now("another node has put it there"),
        Err(error) => return not_now(&error),
    }
    match tail(&*stores.durable, project, &Tail::START).await {
        Ok(tail) if tail.is_deleted() => return Ok(Begun::Deleted),
        Ok(tail) if tail.position == replica.position() => {}
        Ok(_) => return not_now("the durable log ends elsewhere"),
        Err(error) => return not_now(&error),
    }
    begin(project, stores, replica.to_hot(), Vec::new(), Over::Empty).await
}

/// Keeps other nodes from beginning a lineage where there is none to freeze: two at once would do no harm but end each other's.
async fn alone(project: &ProjectId, stores: &Both) -> Result<(), String> {
    match stores.hot.claim(project, LEASE).await {
        Ok(true) => Ok(()),
        Ok(false) => Err("another node is at it".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Lets other nodes' savers go on. What is not given back ends by itself.
async fn give_back(project: &ProjectId, stores: &Both) {
    let _ = stores.hot.claim(project, Duration::ZERO).await;
}

/// Ends the lineage that the hot store has, `epoch` or an older one, and begins a new one with everything that is known. `mine` are commits that the caller
/// has and that may be in neither store. Should this node die before it has installed the lineage, the next saver finds an older one in the hot store and
/// heals it once more.
pub async fn heal(project: &ProjectId, stores: &Both, epoch: Epoch, mine: &[Commit]) -> Begun {
    let attempt = heal_once(project, stores, epoch, mine).await;
    finish(project, stores, mine, attempt).await
}

/// Ends what was installed while this node sealed another lineage: a hot store that is behind the durable log would stay so until the next commit.
async fn finish(project: &ProjectId, stores: &Both, mine: &[Commit], mut attempt: Attempt) -> Begun {
    let mut ended = None;
    for _ in 0..TRIES {
        match attempt {
            Ok(begun) => return still_sealed(begun, ended),
            Err(sealed) => {
                ended = Some(sealed);
                attempt = heal_once(project, stores, sealed, mine).await;
            }
        }
    }
    attempt.unwrap_or_else(|sealed| Begun::Sealed(sealed, "other nodes begin lineages all the time".to_owned()))
}

/// What an attempt came to, when an earlier one had begun the epoch `ended`: that may still be missing in the hot store.
fn still_sealed(begun: Begun, ended: Option<Epoch>) -> Begun {
    match (begun, ended) {
        (Begun::NotNow(why), Some(epoch)) => Begun::Sealed(epoch, why),
        (begun, _) => begun,
    }
}

async fn heal_once(project: &ProjectId, stores: &Both, epoch: Epoch, mine: &[Commit]) -> Attempt {
    let token = chance::rng().random();
    let attempt = match stores.hot.freeze(project, token, LEASE).await {
        Ok(Freeze::Busy) => return not_now("another node is healing it"),
        Ok(Freeze::Empty) => return heal_empty(project, stores, token, mine).await,
        Ok(Freeze::Frozen(position)) if position.epoch > epoch => not_now("another node has healed it"),
        Ok(Freeze::Frozen(position)) => {
            let over = Over::Frozen { token, position };
            renewing(project, stores, token, frozen(project, stores, mine, over)).await
        }
        Err(error) => return not_now(&error),
    };
    if !matches!(attempt, Ok(Begun::Yes(_))) {
        // Others need not wait for the lease; should this fail, they do.
        let _ = stores.hot.freeze(project, token, Duration::ZERO).await;
    }
    attempt
}

/// Heals where the hot store has nothing.
async fn heal_empty(project: &ProjectId, stores: &Both, token: u64, mine: &[Commit]) -> Attempt {
    if let Err(why) = alone(project, stores).await {
        return not_now(&why);
    }
    // Who was at it before may have been done in between.
    let attempt = match stores.hot.freeze(project, token, Duration::ZERO).await {
        Ok(Freeze::Empty) => union(project, stores, None, mine, Over::Empty).await,
        Ok(_) => not_now("another node has put it there"),
        Err(error) => not_now(&error),
    };
    give_back(project, stores).await;
    attempt
}

fn not_now(why: &(impl ToString + ?Sized)) -> Attempt {
    Ok(Begun::NotNow(why.to_string()))
}

/// Heals a hot lineage that stands still.
async fn frozen(project: &ProjectId, stores: &Both, mine: &[Commit], over: Over) -> Attempt {
    match stores.hot.load(project).await {
        Ok(hot) => union(project, stores, hot, mine, over).await,
        Err(HotError::Refused(why)) => {
            tracing::error!(%project, why, "healing without what the hot store has: it cannot be read");
            union(project, stores, None, mine, over).await
        }
        Err(error) => not_now(&error),
    }
}

/// Keeps the freeze while the work lasts, however slow the durable store is.
async fn renewing(project: &ProjectId, stores: &Both, token: u64, work: impl Future<Output = Attempt>) -> Attempt {
    tokio::pin!(work);
    loop {
        tokio::select! {
            biased;
            attempt = &mut work => return attempt,
            () = tokio::time::sleep(LEASE / 3) => {
                // Should it have ended, the installation finds another's token, or none.
                let _ = stores.hot.freeze(project, token, LEASE).await;
            }
        }
    }
}

/// Begins a lineage with what the durable store has, what is left of the hot log, and what this room still holds.
async fn union(project: &ProjectId, stores: &Both, hot: Option<HotState>, mine: &[Commit], over: Over) -> Attempt {
    let loaded = match load(&*stores.durable, project).await {
        Ok(loaded) => loaded,
        Err(error) => return not_now(&error),
    };
    if loaded.tail().is_deleted() {
        return Ok(Begun::Deleted);
    }
    let state = hot_state(loaded);
    if hot.as_ref().is_some_and(|hot| hot.position.epoch == state.position.epoch && hot.log.base() > state.position.seq)
    {
        return not_now("the hot log begins above the durable one");
    }
    let theirs: Vec<Commit> =
        hot.filter(|_| on(Mechanism::Union)).map(|hot| hot.log.iter().cloned().collect()).unwrap_or_default();
    let last = state.clients.iter().map(|(author, client)| (*author, client.cid)).collect();
    let left = made_so_again(&state, merge(last, &[&theirs, mine], &mut chance::rng()));
    tracing::warn!(%project, left = left.len(), "healing: a new lineage begins");
    metrics::heal(left.len());
    begin(project, stores, state, left, over).await
}

/// What the merged commits do where they come now: after the durable state, the marker, and each other.
pub(super) fn made_so_again(state: &HotState, merged: Vec<Commit>) -> Vec<Commit> {
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
async fn begin(project: &ProjectId, stores: &Both, state: HotState, left: Vec<Commit>, over: Over) -> Attempt {
    let state = match sealed(project, &*stores.durable, state, left, false).await {
        Ok((replica, _)) => replica.to_hot(),
        Err(why) => return not_now(&why),
    };
    match stores.hot.install(project, state.clone(), over).await {
        Ok(true) => Ok(Begun::Yes(Box::new(state))),
        Ok(false) => Err(state.position.epoch),
        Err(error) => Ok(Begun::Sealed(state.position.epoch, error.to_string())),
    }
}

/// Begins the next epoch in the durable log, behind `state` and with `left` on top. Returns the project there, and the tail.
///
/// # Errors
/// A sentence, when the store does not answer or others were first.
pub(super) async fn sealed(
    project: &ProjectId,
    durable: &dyn DurableStore,
    state: HotState,
    left: Vec<Commit>,
    direct: bool,
) -> Result<(Replica, Tail), String> {
    let marker = CommitId::random(&mut chance::rng());
    let entries = seal(state.position, marker, left, direct, clock::now_ms());
    let mut replica = Replica::new(state);
    let mut entry_at = 0;
    for entry in entries {
        match durable.append(project, &entry).await {
            Ok(Appended::Stored) => {}
            Ok(Appended::Conflict) => return Err("another node has written to it".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        entry_at = entry.from;
        replica.enter_epoch(entry.epoch);
        replica.learn(entry.from, entry.prev, &entry.commits).map_err(|broken| broken.to_string())?;
        replica.mark_saved(replica.position());
    }
    let tail = Tail { position: replica.position(), direct, entry: entry_at };
    Ok((replica, tail))
}
