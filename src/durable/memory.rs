//! The durable store in memory: the reference for the contract, and the one that tests and simulations use.
//!
//! Owns the same bytes that a real backend would hold. Never survives its process. Called through [`DurableStore`].

use super::layout::{self, chunk_name, corrupt};
use super::{Appended, DurableError, DurableStore, Entry, Pointer};
use crate::ids::{ProjectId, Seq};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A durable store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    projects: Mutex<BTreeMap<ProjectId, Kept>>,
    deployment: Mutex<Option<String>>,
}

/// What is kept of one project.
#[derive(Debug, Default)]
struct Kept {
    log: BTreeMap<Seq, Row>,
    /// The pointer's seq and build, and its bytes.
    pointer: Option<((Seq, u64), Vec<u8>)>,
    /// The chunks that the pointer names.
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
        self.pointer.as_ref().map_or(0, |((seq, _), _)| *seq)
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
        let pointer = projects.get(project).and_then(|kept| kept.pointer.as_ref());
        pointer.map(|(_, body)| layout::decode_pointer(project, body)).transpose()
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        let projects = self.lock();
        let named = |kept: &&Kept| matches!(kept.pointer, Some((name, _)) if name == (pointer.seq, pointer.build));
        let chunks = projects.get(project).filter(named).map_or_else(Vec::new, |kept| kept.chunks.clone());
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
            kept.pointer = Some(((pointer.seq, pointer.build), layout::encode_pointer(pointer)));
            kept.chunks = chunks.to_vec();
        }
        Ok(())
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

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        Ok(self.lock().keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{Backend, Item, suite};
    use super::*;
    use std::sync::Arc;

    struct InMemory(Arc<MemoryStore>);

    impl Backend for InMemory {
        fn new() -> Self {
            Self(Arc::new(MemoryStore::new()))
        }

        fn store(&self) -> Arc<dyn DurableStore> {
            self.0.clone()
        }

        fn replace(&self, project: &ProjectId, item: Item, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) {
            let mut projects = self.0.lock();
            let kept = projects.get_mut(project).expect("the project is there");
            match item {
                Item::Entry(from) => {
                    let mut row = kept.log.remove(&from).expect("the entry is there");
                    if let Some(body) = change(std::mem::take(&mut row.body)) {
                        row.body = body;
                        kept.log.insert(from, row);
                    }
                }
                Item::Pointer => {
                    let (name, body) = kept.pointer.take().expect("the pointer is there");
                    kept.pointer = change(body).map(|body| (name, body));
                }
                Item::Chunk(n) => match change(kept.chunks[n].to_vec()) {
                    Some(body) => kept.chunks[n] = body.into(),
                    None => drop(kept.chunks.remove(n)),
                },
            }
        }
    }

    suite!(InMemory);
}
