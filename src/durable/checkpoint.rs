//! Making the log shorter: the whole state in chunks, then the pointer to them, then truncation.
//!
//! Owns when a checkpoint is worth its bytes and what goes into it. Never looks at the hot store: a checkpoint says what the durable log
//! says, and nothing that is not in it. Called by autosave.

use super::layout::{self, chunk};
use super::load::{self, INLINE_BYTES, Loaded, RECENT_COMMITS};
use super::{DurableError, DurableStore, Pointer};
use crate::ids::{ProjectId, Seq};

/// Logs below this size, in bytes, are read as fast as a checkpoint would be.
pub const LOG_BYTES: u64 = 256 * 1024;
/// A client that has sent nothing for so long is forgotten, in ms: 30 days. Its page, should it come back, asks its user.
pub const CLIENT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Whether a log of `log_bytes` since the last checkpoint has outgrown a state of `state_bytes`: then writing costs at most about twice
/// the log, and loading reads at most about twice the state.
#[must_use]
pub fn due(log_bytes: u64, state_bytes: u64) -> bool {
    log_bytes > state_bytes.max(LOG_BYTES)
}

/// Makes a checkpoint if one is [`due`], and truncates entries that a checkpoint covers and that are older than `retention_ms`. Returns
/// the seq of the checkpoint that it made. It reads the whole project: keep count of [`Loaded::log_bytes`] and ask [`due`] first.
///
/// `now_ms` is in ms since 1970; `build` is random and names this building of it.
///
/// # Errors
/// As [`load::load`] and [`DurableStore::checkpoint`]; nothing is lost then, and trying again is right.
pub async fn checkpoint_if_due(
    store: &dyn DurableStore,
    project: &ProjectId,
    now_ms: u64,
    retention_ms: u64,
    build: u64,
) -> Result<Option<Seq>, DurableError> {
    let mut loaded = load::load(store, project).await?;
    let mut made = None;
    if due(loaded.log_bytes, loaded.state_bytes) {
        let seq = loaded.position.seq;
        let forget = now_ms.saturating_sub(CLIENT_MS);
        loaded.clients.retain(|_, client| client.at_ms >= forget);
        let (pointer, chunks) = if loaded.state_bytes <= INLINE_BYTES as u64 {
            encode(&loaded, now_ms, build)
        } else {
            load::off_thread(move || encode(&loaded, now_ms, build)).await?
        };
        store.checkpoint(project, &pointer, &chunks).await?;
        made = Some(seq);
    }
    store.truncate(project, now_ms.saturating_sub(retention_ms)).await?;
    Ok(made)
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
