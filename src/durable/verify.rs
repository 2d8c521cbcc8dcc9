//! Whether the newest checkpoint holds what the log says: the state is built anew from as far back as the entries allow, and compared.
//!
//! Owns the comparison and the name of the first difference. Never repairs anything and never writes. Called by `collabcanvas verify`.
//!
//! Two states are compared where the entry ends that the checkpoint's seq is in: within an entry what was superseded is left out, so that the
//! state in between cannot be had from the log. At the end of an entry, where nearly all checkpoints are, the comparison is of bytes.

use super::checkpoint::CLIENT_MS;
use super::layout::{chunk, chunk_name};
use super::load::{self, Loaded, Reading, rebuild};
use super::{ClientRecord, DurableError, DurableStore, Entry, Pointer};
use crate::ids::{Author, ObjectId, ProjectId, Seq};
use crate::project::canvas::{Object, View as _};
use bytes::Bytes;
use std::collections::BTreeSet;

/// What a look at a project came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Seq of the newest checkpoint.
    pub checkpoint: Option<Seq>,
    /// Where the log ends; everything up to there can be read and is one history.
    pub tail: Seq,
    /// Seq of the state that the log was applied to, 0 for none, and how many entries of it.
    pub rebuilt: Option<(Seq, usize)>,
    /// The result.
    pub verdict: Verdict,
}

/// How a checkpoint compares with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They say the same.
    Equal,
    /// They do not.
    Different {
        /// How many objects and clients differ, or 1 when it is something else.
        count: usize,
        /// The first one.
        first: Difference,
    },
    /// Nothing is left to compare it with, for this reason.
    NotCompared(String),
}

/// Something that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which object, client or chunk.
    pub item: String,
    /// What is different about it.
    pub what: String,
}

fn difference(item: impl Into<String>, what: impl Into<String>) -> Difference {
    Difference { item: item.into(), what: what.into() }
}

/// Reads a project and compares its newest checkpoint with its log. It may be in use meanwhile.
///
/// # Errors
/// As [`load::load`]: what cannot be read is named.
pub async fn verify(store: &dyn DurableStore, project: &ProjectId) -> Result<Report, DurableError> {
    let mut reading = Reading::begin(store, project).await?;
    loop {
        let answer = attempt(store, project, reading.pointer.clone()).await;
        if let Some(report) = reading.settle(answer).await? {
            return Ok(report);
        }
    }
}

async fn attempt(
    store: &dyn DurableStore,
    project: &ProjectId,
    pointer: Option<Pointer>,
) -> Result<Report, DurableError> {
    let entries = store.entries(project, 1).await?;
    let named = project.clone();
    let Some(pointer) = pointer else {
        return load::off_thread(move || alone(&named, entries)).await?;
    };
    let versions = store.versions(project).await?;
    let chunks = store.chunks(project, &pointer).await?;
    let base = match base(&pointer, &versions, &entries) {
        Ok(Some(version)) => Ok(Some((version.clone(), older(store, project, version).await?))),
        Ok(None) => Ok(None),
        Err(why) => Err(why),
    };
    let evidence = Evidence { project: named, pointer, chunks, versions, entries };
    load::off_thread(move || evidence.judge(base)).await?
}

/// The chunks of a version that may be forgotten while they are read.
async fn older(store: &dyn DurableStore, project: &ProjectId, version: &Pointer) -> Result<Vec<Bytes>, DurableError> {
    let read = store.chunks(project, version).await;
    if read.is_err() && !store.versions(project).await?.contains(version) {
        let why =
            format!("the version at {} of project {project} was forgotten while it was read: try again", version.seq);
        return Err(DurableError::Unavailable(why));
    }
    read
}

/// A project without a checkpoint.
fn alone(project: &ProjectId, entries: Vec<Entry>) -> Result<Report, DurableError> {
    let tail = rebuild(project, None, entries)?.position.seq;
    let why = if tail == 0 { "nothing is stored" } else { "there is no checkpoint yet, the log is all there is" };
    Ok(Report { checkpoint: None, tail, rebuilt: None, verdict: Verdict::NotCompared(why.to_owned()) })
}

/// What the state at the checkpoint can be built from: an older version, nothing at all when the log begins with its first commit, or the reason
/// why it cannot.
fn base<'a>(pointer: &Pointer, versions: &'a [Pointer], entries: &[Entry]) -> Result<Option<&'a Pointer>, String> {
    let last = entries.partition_point(|entry| entry.to() < pointer.seq);
    let holds = |entry: &Entry| entry.from <= pointer.seq && pointer.seq <= entry.to();
    let truncated = || "the log before the checkpoint has been removed, its time was over".to_owned();
    if !entries.get(last).is_some_and(holds) {
        return Err(truncated());
    }
    // Entries go one by one when their time is over: only what is linked without a hole can be applied.
    let linked = |pair: &&[Entry]| pair[0].to() + 1 == pair[1].from && pair[0].last_id() == pair[1].prev;
    let run = entries[..=last].windows(2).rev().take_while(linked).count();
    let start = entries[last - run].from;
    if start == 1 {
        return Ok(None);
    }
    let reached = |version: &&Pointer| version.seq + 1 >= start && version.seq < pointer.seq;
    versions.iter().find(reached).map(Some).ok_or_else(|| {
        format!("the log begins at {start}, and there is no older version of the state that it could be applied to")
    })
}

/// What was read of a project with a checkpoint.
struct Evidence {
    project: ProjectId,
    pointer: Pointer,
    chunks: Vec<Bytes>,
    versions: Vec<Pointer>,
    entries: Vec<Entry>,
}

impl Evidence {
    /// CPU only.
    fn judge(self, base: Result<Option<(Pointer, Vec<Bytes>)>, String>) -> Result<Report, DurableError> {
        let (project, pointer) = (&self.project, &self.pointer);
        let checkpoint = || Some((pointer.clone(), self.chunks.clone()));
        // What a room would load: the checkpoint, and the log to its end.
        let tail = rebuild(project, checkpoint(), self.entries.clone())?.position.seq;
        let report = |rebuilt, verdict| Ok(Report { checkpoint: Some(pointer.seq), tail, rebuilt, verdict });
        let base = match base {
            Ok(base) => base,
            Err(why) => return report(None, Verdict::NotCompared(why)),
        };
        let end = self.entries.iter().map(Entry::to).find(|to| *to >= pointer.seq).unwrap_or(pointer.seq);
        let from = base.as_ref().map_or(0, |(version, _)| version.seq);
        let until_end: Vec<_> = self.entries.iter().filter(|entry| entry.to() <= end).cloned().collect();
        let applied = until_end.iter().filter(|entry| entry.to() > from).count();
        let held = rebuild(project, checkpoint(), until_end.clone())?;
        let mut told = rebuild(project, base, until_end)?;
        self.forget_clients(&mut told);
        let mut found = differences(&told, &held);
        if end == pointer.seq && (told.position.id, told.position.epoch) != (pointer.id, pointer.epoch) {
            let what = format!(
                "it names commit {} of epoch {}, the log has {} of epoch {} at {end}",
                pointer.id, pointer.epoch, told.position.id, told.position.epoch
            );
            found.insert(0, difference("the pointer", what));
        }
        if found.is_empty() && end == pointer.seq {
            found.extend(self.other_bytes(&chunk::encode(&told.canvas, &told.clients)));
        }
        let count = found.len();
        let verdict = match found.into_iter().next() {
            Some(first) => Verdict::Different { count, first },
            None => Verdict::Equal,
        };
        report(Some((from, applied)), verdict)
    }

    /// Leaves out the clients that each checkpoint left out because of their age, as far as the checkpoints are known.
    fn forget_clients(&self, told: &mut Loaded) {
        let until = self.versions.iter().chain([&self.pointer]).filter(|version| version.seq <= self.pointer.seq);
        for version in until {
            let forget = version.at_ms.saturating_sub(CLIENT_MS);
            told.clients.retain(|_, client| client.seq > version.seq || client.at_ms >= forget);
        }
    }

    /// The first chunk that has other bytes than these, although it says the same.
    fn other_bytes(&self, told: &[Bytes]) -> Option<Difference> {
        let same = told.iter().zip(&self.chunks).take_while(|(told, held)| told == held).count();
        let all = same == told.len() && same == self.chunks.len();
        let what = "it holds what the log says, but in other bytes";
        (!all).then(|| difference(chunk_name(self.pointer.seq, same), what))
    }
}

/// Everything that the checkpoint `held` otherwise than the log `told` it, in the order of ids, objects first.
fn differences(told: &Loaded, held: &Loaded) -> Vec<Difference> {
    let mut found = Vec::new();
    let all = [told, held].into_iter().flat_map(|loaded| loaded.canvas.iter().map(|(id, _)| id));
    let aside = [told, held].into_iter().flat_map(|loaded| loaded.canvas.quarantined().map(|(id, _)| id));
    for id in all.chain(aside).collect::<BTreeSet<_>>() {
        found.extend(object_differs(id, told, held).map(|what| difference(format!("object {id}"), what)));
    }
    let clients: BTreeSet<&Author> = told.clients.keys().chain(held.clients.keys()).collect();
    for author in clients {
        let what = client_differs(told.clients.get(author), held.clients.get(author));
        found.extend(what.map(|what| difference(format!("client {author}"), what)));
    }
    found
}

fn object_differs(id: &ObjectId, told: &Loaded, held: &Loaded) -> Option<String> {
    let raw = |loaded: &Loaded| loaded.canvas.quarantined().find(|(name, _)| *name == id).map(|(_, raw)| raw.clone());
    match (told.canvas.object(id), held.canvas.object(id)) {
        (Some(told), Some(held)) => value_differs(told, held),
        (Some(_), None) if held.canvas.is_quarantined(id) => {
            Some("it cannot be read in the checkpoint and is set aside, the log has it whole".to_owned())
        }
        (Some(_), None) => Some("it is missing in the checkpoint".to_owned()),
        (None, Some(_)) => Some("the checkpoint has it, by the log it is not there".to_owned()),
        (None, None) => (raw(told) != raw(held)).then(|| "the damaged bytes that are set aside differ".to_owned()),
    }
}

fn value_differs(told: &Object, held: &Object) -> Option<String> {
    if told.props == held.props {
        return (told.rev != held.rev).then(|| format!("it has rev {} instead of {}", held.rev, told.rev));
    }
    let names: BTreeSet<&str> = told.props.iter().chain(held.props.iter()).map(|(name, _)| name).collect();
    let other = names.into_iter().find(|name| told.props.get(name) != held.props.get(name));
    Some(match other {
        Some(name) => match (told.props.get(name), held.props.get(name)) {
            (Some(_), None) => format!("its property {name:?} is missing"),
            (None, Some(_)) => format!("it has a property {name:?} that it should not have"),
            _ => format!("its property {name:?} has another value"),
        },
        None => "its properties are in another order".to_owned(),
    })
}

fn client_differs(told: Option<&ClientRecord>, held: Option<&ClientRecord>) -> Option<String> {
    match (told, held) {
        (Some(told), Some(held)) if told != held => Some(format!("it has {held:?} instead of {told:?}")),
        (Some(_), None) => Some("it is missing in the checkpoint".to_owned()),
        (None, Some(_)) => Some("the checkpoint has it, by the log it is not there".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
