//! What the durable store has of a project, for people: positions, counts and sizes.
//!
//! Owns what is looked at. Never stops at what cannot be read; it is listed among the problems. Called by `collabcanvas inspect`.

use super::load::load;
use super::{DurableError, DurableStore, Entry, Pointer, layout};
use crate::ids::{Epoch, ProjectId, Seq};
use crate::project::canvas::View as _;
use serde::Serialize;
use std::collections::BTreeMap;

/// All of it. A number that could not be had is `None`.
#[derive(Debug, Clone, Serialize)]
pub struct Survey {
    /// Which project.
    pub project: String,
    /// Whether anything is stored.
    pub exists: bool,
    /// Where the durable log ends.
    pub tail: Option<Place>,
    /// The highest seq that the hot store was told is saved; that of the tail when nobody asked it.
    pub watermark: Option<Seq>,
    /// How Redis stands to the durable log, when it was asked.
    pub redis: Option<String>,
    /// Objects that can be read.
    pub objects: Option<usize>,
    /// Objects that cannot, and are set aside.
    pub quarantined: Vec<String>,
    /// Records in the client table.
    pub clients: Option<usize>,
    /// The log.
    pub log: Option<Log>,
    /// The checkpoints, oldest first; the last is the one that loads begin with.
    pub checkpoints: Vec<Checkpoint>,
    /// What could not be read, a sentence each.
    pub problems: Vec<String>,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its epoch.
    pub epoch: Epoch,
    /// Whether that epoch is sequenced on the durable store itself.
    pub direct: bool,
    /// Its seq.
    pub seq: Seq,
    /// The commit there.
    pub commit: String,
}

/// The entries that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Log {
    /// How many.
    pub entries: usize,
    /// Their bytes as they are stored.
    pub bytes: usize,
    /// Seq of the first commit.
    pub first: Option<Seq>,
    /// Seq of the last commit.
    pub last: Option<Seq>,
    /// The same by epoch.
    pub epochs: Vec<EpochLog>,
}

/// The entries of an epoch that are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochLog {
    /// Its number.
    pub epoch: Epoch,
    /// Whether it was sequenced on the durable store itself.
    pub direct: bool,
    /// How many.
    pub entries: usize,
    /// Commits in them.
    pub commits: usize,
    /// Seq of the first.
    pub first: Seq,
    /// Seq of the last.
    pub last: Seq,
}

/// A checkpoint that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// Seq of its state.
    pub seq: Seq,
    /// Epoch there.
    pub epoch: Epoch,
    /// Which building of it.
    pub build: String,
    /// When it was made, in ms since 1970.
    pub at_ms: u64,
    /// Chunks of it.
    pub chunks: u32,
    /// Objects in them.
    pub objects: u64,
    /// Client records in them.
    pub clients: u64,
}

/// Looks at a project.
///
/// # Errors
/// [`DurableError::Unavailable`]; anything else is among the problems.
pub async fn survey(store: &dyn DurableStore, project: &ProjectId) -> Result<Survey, DurableError> {
    let mut problems = Vec::new();
    let mut readable = |problem: DurableError| match problem {
        DurableError::Unavailable(_) => Err(problem),
        _ => {
            let text = problem.to_string();
            if !problems.contains(&text) {
                problems.push(text);
            }
            Ok(())
        }
    };
    let log = match store.entries(project, 1).await {
        Ok(entries) => Some(log(&entries)),
        Err(problem) => {
            readable(problem)?;
            None
        }
    };
    let checkpoints = match store.versions(project).await {
        Ok(versions) => versions.iter().map(checkpoint).collect(),
        Err(problem) => {
            readable(problem)?;
            Vec::new()
        }
    };
    let loaded = match load(store, project).await {
        Ok(loaded) => Some(loaded),
        Err(problem) => {
            readable(problem)?;
            None
        }
    };
    let place = loaded.as_ref().map(|loaded| Place {
        epoch: loaded.position.epoch,
        direct: loaded.direct,
        seq: loaded.position.seq,
        commit: loaded.position.id.to_string(),
    });
    let aside = loaded.iter().flat_map(|loaded| loaded.canvas.quarantined());
    Ok(Survey {
        project: project.to_string(),
        exists: !problems.is_empty() || place.as_ref().is_some_and(|place| place.seq > 0),
        watermark: place.as_ref().map(|place| place.seq),
        redis: None,
        tail: place,
        objects: loaded.as_ref().map(|loaded| loaded.canvas.len()),
        quarantined: aside.map(|(id, _)| id.to_string()).collect(),
        clients: loaded.as_ref().map(|loaded| loaded.clients.len()),
        log,
        checkpoints,
        problems,
    })
}

fn log(entries: &[Entry]) -> Log {
    let mut epochs: BTreeMap<Epoch, EpochLog> = BTreeMap::new();
    for entry in entries {
        let Entry { epoch, direct, from, .. } = *entry;
        let new = EpochLog { epoch, direct, entries: 0, commits: 0, first: from, last: from };
        let known = epochs.entry(epoch).or_insert(new);
        known.entries += 1;
        known.commits += entry.commits.len();
        known.last = entry.to();
    }
    Log {
        entries: entries.len(),
        // The same bytes come out as went in.
        bytes: entries.iter().map(|entry| layout::encode_entry(entry).len()).sum(),
        first: entries.first().map(|entry| entry.from),
        last: entries.last().map(Entry::to),
        epochs: epochs.into_values().collect(),
    }
}

fn checkpoint(pointer: &Pointer) -> Checkpoint {
    Checkpoint {
        seq: pointer.seq,
        epoch: pointer.epoch,
        build: format!("{:016x}", pointer.build),
        at_ms: pointer.at_ms,
        chunks: pointer.chunks,
        objects: pointer.objects,
        clients: pointer.clients,
    }
}
