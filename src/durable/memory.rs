//! The durable store in memory: the reference for the contract, and the one that tests and simulations use.
//!
//! Owns the same bytes that a real backend would hold. Never survives its process. Called through [`DurableStore`].

use super::layout::{self, chunk_name, corrupt, record};
use super::{Appended, DurableError, DurableStore, Entry, NodeReport, Pointer, REPORT_MS, Record};
use crate::ids::{NodeId, ProjectId, Seq};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A durable store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    projects: Mutex<BTreeMap<ProjectId, Kept>>,
    deployment: Mutex<Option<String>>,
    reports: Mutex<BTreeMap<NodeId, NodeReport>>,
}

/// What is kept of one project.
#[derive(Debug, Default)]
struct Kept {
    log: BTreeMap<Seq, Row>,
    /// Seq and build of the newest checkpoint.
    pointer: Option<Name>,
    /// All that are kept.
    checkpoints: BTreeMap<Name, Checkpoint>,
    /// The record with its version.
    record: Option<(u64, Vec<u8>)>,
}

/// Seq and build of a checkpoint.
type Name = (Seq, u64);

#[derive(Debug)]
struct Checkpoint {
    pointer: Vec<u8>,
    chunks: Vec<Bytes>,
}

#[derive(Debug)]
struct Row {
    to: Seq,
    at_ms: u64,
    body: Vec<u8>,
}

impl Kept {
    fn covered(&self) -> Seq {
        self.pointer.map_or(0, |(seq, _)| seq)
    }

    fn newest(&self) -> Option<&Checkpoint> {
        self.checkpoints.get(&self.pointer?)
    }

    fn end(&self) -> Seq {
        self.log.last_key_value().map_or(0, |(_, row)| row.to)
    }
}

impl MemoryStore {
    /// A store that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ProjectId, Kept>> {
        // No holder leaves a project half changed, so that one that panicked is no reason to stop.
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl MemoryStore {
    /// Stores an entry as a store that checks less would: in any case, or if none starts at the same seq. Returns whether it did.
    pub(crate) fn put(&self, project: &ProjectId, entry: &Entry, over: bool) -> bool {
        let mut projects = self.lock();
        let kept = projects.entry(project.clone()).or_default();
        let puts = over || !kept.log.contains_key(&entry.from);
        if puts {
            let row = Row { to: entry.to(), at_ms: entry.at_ms, body: layout::encode_entry(entry) };
            kept.log.insert(entry.from, row);
        }
        puts
    }
}

#[async_trait]
impl DurableStore for MemoryStore {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        let row = Row { to: entry.to(), at_ms: entry.at_ms, body: layout::encode_entry(entry) };
        let mut projects = self.lock();
        let kept = projects.entry(project.clone()).or_default();
        if entry.from <= kept.end().max(kept.covered()) {
            return Ok(Appended::Conflict);
        }
        kept.log.insert(entry.from, row);
        Ok(Appended::Stored)
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        let projects = self.lock();
        let rows = projects.get(project).map(|kept| kept.log.range(from..));
        rows.into_iter().flatten().map(|(from, row)| layout::decode_entry(project, *from, &row.body)).collect()
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        let projects = self.lock();
        let newest = projects.get(project).and_then(Kept::newest);
        newest.map(|checkpoint| layout::decode_pointer(project, &checkpoint.pointer)).transpose()
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        let projects = self.lock();
        let named = projects.get(project).and_then(|kept| kept.checkpoints.get(&(pointer.seq, pointer.build)));
        let chunks = named.map_or_else(Vec::new, |checkpoint| checkpoint.chunks.clone());
        if chunks.len() == pointer.chunks as usize {
            Ok(chunks)
        } else {
            Err(corrupt(project, chunk_name(pointer.seq, chunks.len()), "it is missing"))
        }
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        let mut projects = self.lock();
        let kept = projects.entry(project.clone()).or_default();
        if kept.pointer.is_none() || kept.covered() < pointer.seq {
            let name = (pointer.seq, pointer.build);
            let checkpoint = Checkpoint { pointer: layout::encode_pointer(pointer), chunks: chunks.to_vec() };
            kept.checkpoints.insert(name, checkpoint);
            kept.pointer = Some(name);
        }
        Ok(())
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        let projects = self.lock();
        let kept = projects.get(project).map(|kept| kept.checkpoints.values());
        kept.into_iter().flatten().map(|checkpoint| layout::decode_pointer(project, &checkpoint.pointer)).collect()
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        let name = (version.seq, version.build);
        if let Some(kept) = self.lock().get_mut(project).filter(|kept| kept.pointer != Some(name)) {
            kept.checkpoints.remove(&name);
        }
        Ok(())
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|_, old| old.at_ms + REPORT_MS >= report.at_ms);
        reports.insert(report.node, *report);
        Ok(reports.values().copied().collect())
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        let mut name = self.deployment.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(name.get_or_insert_with(|| fresh.to_owned()).clone())
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        let mut projects = self.lock();
        let Some(kept) = projects.get_mut(project) else {
            return Ok(0);
        };
        let (covered, old) = (kept.covered(), kept.log.len());
        kept.log.retain(|_, row| row.to > covered || row.at_ms >= before_ms);
        Ok((old - kept.log.len()) as u64)
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        let projects = self.lock();
        let found = projects.get(project).and_then(|kept| kept.record.as_ref());
        found.map(|(version, stored)| record::decode(project, *version, stored)).transpose()
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        let stored = record::encode(version + 1, body);
        let mut projects = self.lock();
        let kept = projects.entry(project.clone()).or_default();
        let is_next = kept.record.as_ref().map_or(0, |(version, _)| *version) == version;
        if is_next {
            kept.record = Some((version + 1, stored));
        }
        Ok(is_next)
    }

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        let projects = self.lock();
        let begun = projects.iter().filter(|(_, kept)| kept.end().max(kept.covered()) > 0);
        Ok(begun.map(|(project, _)| project.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{Backend, Item, suite};
    use super::*;
    use std::sync::Arc;

    struct InMemory(Arc<MemoryStore>);

    impl Backend for InMemory {
        async fn new() -> Self {
            Self(Arc::new(MemoryStore::new()))
        }

        fn store(&self) -> Arc<dyn DurableStore> {
            self.0.clone()
        }

        fn replace(&self, project: &ProjectId, item: Item, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) {
            let mut projects = self.0.lock();
            let kept = projects.get_mut(project).expect("the project is there");
            match item {
                Item::Record => {
                    let (version, stored) = kept.record.take().expect("the record is there");
                    kept.record = change(stored).map(|stored| (version, stored));
                }
                Item::Entry(from) => {
                    let mut row = kept.log.remove(&from).expect("the entry is there");
                    if let Some(body) = change(std::mem::take(&mut row.body)) {
                        row.body = body;
                        kept.log.insert(from, row);
                    }
                }
                Item::Pointer => {
                    let name = kept.pointer.expect("the pointer is there");
                    let newest = kept.checkpoints.get_mut(&name).expect("what it names is there");
                    match change(std::mem::take(&mut newest.pointer)) {
                        Some(body) => newest.pointer = body,
                        None => kept.pointer = None,
                    }
                }
                Item::Chunk(n) => {
                    let name = kept.pointer.expect("the pointer is there");
                    let chunks = &mut kept.checkpoints.get_mut(&name).expect("what it names is there").chunks;
                    match change(chunks[n].to_vec()) {
                        Some(body) => chunks[n] = body.into(),
                        None => drop(chunks.remove(n)),
                    }
                }
            }
        }
    }

    suite!(InMemory);
}
