//! Making the log shorter: the whole state in chunks, then the pointer to them, then truncation.
//!
//! Owns when a checkpoint is worth its bytes and what goes into it. Never looks at the hot store: a checkpoint says what the durable log
//! says, and nothing that is not in it. Called by autosave.

use super::layout::{self, chunk};
use super::load::{self, INLINE_BYTES, Loaded, RECENT_COMMITS, Tail};
use super::{DurableError, DurableStore, Pointer, retention};
use crate::ids::{ProjectId, Seq};

/// Logs below this size, in bytes, are read as fast as a checkpoint would be.
pub const LOG_BYTES: u64 = 256 * 1024;
/// A client that has sent nothing for so long is forgotten, in ms: 30 days. Its page, should it come back, asks its user.
pub const CLIENT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// No node's clock is further ahead, in ms.
const CLOCKS_MS: u64 = 24 * 60 * 60 * 1000;

/// Whether a log of `log_bytes` since the last checkpoint has outgrown a state of `state_bytes`: then writing costs at most about twice
/// the log, and loading reads at most about twice the state.
#[must_use]
pub fn due(log_bytes: u64, state_bytes: u64) -> bool {
    log_bytes > state_bytes.max(LOG_BYTES)
}

/// What a look at a project's log has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Seq of the checkpoint that was made, if it was [`due`].
    pub made: Option<Seq>,
    /// Size of that checkpoint, in bytes.
    pub written: u64,
    /// Size of the log since the last checkpoint, in bytes, about: 0 when one was made.
    pub log_bytes: u64,
    /// Size of the state, in bytes, about: the next checkpoint is due when the log has outgrown it.
    pub state_bytes: u64,
}

/// Makes a checkpoint if one is [`due`], and lets go of what is older than the `history_ms` that history is kept. It reads the whole project: keep count of the
/// log's bytes and ask [`due`] first.
///
/// `now_ms` is in ms since 1970; `build` is random and names this building of it.
///
/// # Errors
/// As [`load::load`] and [`DurableStore::checkpoint`]; nothing is lost then, and trying again is right.
pub async fn checkpoint_if_due(
    store: &dyn DurableStore,
    project: &ProjectId,
    now_ms: u64,
    history_ms: u64,
    build: u64,
) -> Result<Look, DurableError> {
    let loaded = load::load(store, project).await?;
    if loaded.tail().is_deleted() {
        // What stands in for a deleted project is made by who deletes it.
        return Ok(Look::default());
    }
    let mut look = Look { log_bytes: loaded.log_bytes, state_bytes: loaded.state_bytes, ..Look::default() };
    if due(loaded.log_bytes, loaded.state_bytes) {
        let (seq, written) = write(store, project, loaded, now_ms, build).await?;
        look = Look { made: Some(seq), written, log_bytes: 0, ..look };
    }
    tidy(store, project, now_ms, history_ms).await?;
    Ok(look)
}

/// Makes a checkpoint of what was loaded. Returns its seq and its size in bytes.
pub(crate) async fn write(
    store: &dyn DurableStore,
    project: &ProjectId,
    mut loaded: Loaded,
    now_ms: u64,
    build: u64,
) -> Result<(Seq, u64), DurableError> {
    let seq = loaded.position.seq;
    let forget = now_ms.saturating_sub(CLIENT_MS);
    loaded.clients.retain(|_, client| client.at_ms >= forget);
    let (pointer, chunks) = if loaded.state_bytes <= INLINE_BYTES as u64 {
        encode(&loaded, now_ms, build)
    } else {
        load::off_thread(move || encode(&loaded, now_ms, build)).await?
    };
    store.checkpoint(project, &pointer, &chunks).await?;
    Ok((seq, chunks.iter().map(|chunk| chunk.len() as u64).sum()))
}

/// Lets go of everything that a deleted project had: what stays is a checkpoint of nothing, where its tombstone is.
///
/// # Errors
/// Any [`DurableError`]; what is left goes when this is called again.
pub async fn erase(
    store: &dyn DurableStore,
    project: &ProjectId,
    tombstone: &Tail,
    now_ms: u64,
    build: u64,
) -> Result<(), DurableError> {
    if store.pointer(project).await?.is_none_or(|pointer| pointer.seq < tombstone.position.seq) {
        write(store, project, Loaded::nothing(tombstone), now_ms, build).await?;
    }
    for version in store.versions(project).await? {
        store.forget(project, &version).await?;
    }
    // Entries of nodes whose clocks are ahead are no exception.
    store.truncate(project, now_ms + CLOCKS_MS).await?;
    Ok(())
}

/// Lets go of checkpoints and entries that [`retention`] does not keep.
///
/// # Errors
/// Any [`DurableError`]; what is left goes another time.
async fn tidy(store: &dyn DurableStore, project: &ProjectId, now_ms: u64, history_ms: u64) -> Result<(), DurableError> {
    let versions = store.versions(project).await?;
    if let Some(before) = retention::truncate_before(&versions, now_ms) {
        store.truncate(project, before).await?;
    }
    for version in retention::superfluous(&versions, now_ms, history_ms) {
        store.forget(project, version).await?;
    }
    Ok(())
}

fn encode(loaded: &Loaded, now_ms: u64, build: u64) -> (Pointer, Vec<bytes::Bytes>) {
    let chunks = chunk::encode(&loaded.canvas, &loaded.clients);
    let pointer = Pointer {
        epoch: loaded.position.epoch,
        direct: loaded.direct,
        seq: loaded.position.seq,
        id: loaded.position.id,
        build,
        chunks: u32::try_from(chunks.len()).expect("a project has fewer than 2^32 chunks"),
        objects: (loaded.canvas.iter().len() + loaded.canvas.quarantined().len()) as u64,
        clients: loaded.clients.len() as u64,
        recent: recent_from(loaded),
        at_ms: now_ms,
    };
    (pointer, chunks)
}

/// From where on loads of this checkpoint read the log: as far back as [`RECENT_COMMITS`] allows and a delta is not larger than a
/// quarter of the state.
fn recent_from(loaded: &Loaded) -> Seq {
    let mut left = loaded.state_bytes.div_ceil(4).max(LOG_BYTES);
    let fits = loaded.recent.iter().rev().take(RECENT_COMMITS).take_while(|(_, commit)| {
        let weight = layout::weight(commit) as u64;
        let fits = weight <= left;
        left = left.saturating_sub(weight);
        fits
    });
    fits.last().map_or(loaded.position.seq + 1, |(seq, _)| *seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    #[test]
    fn writing_costs_at_most_twice_the_log_and_loading_about_twice_the_state() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut log, mut state, mut checkpoint) = (0_u64, 0_u64, 0_u64);
            let (mut logged, mut written, mut look_at) = (0, 0, LOG_BYTES);
            for _ in 0..3_000 {
                let entry = rng.random_range(100..100_000_u64);
                log += entry;
                logged += entry;
                // A commit may put no more than its bytes, and delete any amount.
                state = if rng.random_range(0..100) == 0 {
                    state / 4
                } else {
                    state + entry * rng.random_range(0..=10) / 10
                };
                if log >= look_at {
                    if due(log, state) {
                        written += state;
                        (checkpoint, log) = (state, 0);
                    }
                    look_at = state.max(LOG_BYTES);
                }
                assert!(written <= logged, "seed {seed}: {written} bytes of checkpoints for {logged} of log");
                let read = checkpoint + log;
                let most = 2 * state.max(checkpoint).max(look_at) + entry;
                assert!(read <= most, "seed {seed}: {read} to load a state of {state} bytes");
            }
        }
    }
}
