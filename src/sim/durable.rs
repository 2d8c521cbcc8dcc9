//! A node's way to the simulated durable store: it takes time, is away, answers after it has written, or writes after it was given up.

use super::world::{World, pause};
use crate::chance;
use crate::durable::{Appended, DurableError, DurableStore, Entry, NodeReport, Pointer, Record};
use crate::ids::{ProjectId, Seq};
use crate::mechanism::{Mechanism, on};
use async_trait::async_trait;
use bytes::Bytes;
use rand::RngExt as _;
use std::sync::Arc;

/// Whether the store can be reached.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) up: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self { up: true }
    }
}

/// The durable store of one life of a node.
pub(super) struct SimDurable {
    pub(super) world: Arc<World>,
    pub(super) node: usize,
    pub(super) life: u64,
}

fn away<T>(why: &str) -> Result<T, DurableError> {
    Err(DurableError::Unavailable(why.to_owned()))
}

/// Stores the entry, and tells the god.
async fn put(world: &World, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
    let appended = if on(Mechanism::Cas) && on(Mechanism::Believe) {
        world.store.append(project, entry).await?
    } else if world.store.put(project, entry, !on(Mechanism::Cas)) {
        Appended::Stored
    } else {
        Appended::Conflict
    };
    if appended == Appended::Stored {
        world.state().god.stored(entry);
        let (epoch, from, to) = (entry.epoch, entry.from, entry.to());
        world.say(format_args!("D has {from}–{to} of epoch {epoch}, ends with {}", entry.last_id()));
    }
    Ok(appended)
}

impl SimDurable {
    async fn unless_dead(&self) {
        self.world.goes_on(self.node, self.life).await;
    }

    /// On the way there.
    async fn reach(&self) -> Result<(), DurableError> {
        self.unless_dead().await;
        pause(0, self.world.temper.durable_ms).await;
        if self.world.state().gate.up {
            return Ok(());
        }
        pause(0, 50).await;
        self.unless_dead().await;
        away("it is away")
    }

    /// On the way back.
    async fn answer<T>(&self, answer: T) -> Result<T, DurableError> {
        pause(0, self.world.temper.durable_ms).await;
        self.unless_dead().await;
        if self.world.chance(5) {
            return away("the answer is lost");
        }
        Ok(answer)
    }

    /// The entry is on its way when the node gives it up.
    fn land_late(&self, project: &ProjectId, entry: &Entry) {
        let (world, project, entry) = (self.world.clone(), project.clone(), entry.clone());
        tokio::spawn(async move {
            pause(10, 5_000).await;
            let up = world.state().gate.up;
            if up {
                let appended = put(&world, &project, &entry).await;
                world.say(format_args!("a late append at {} → {appended:?}", entry.from));
            }
        });
    }
}

#[async_trait]
impl DurableStore for SimDurable {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        self.reach().await?;
        if self.world.chance(40) {
            match chance::rng().random_range(0..4) {
                0 => {
                    self.land_late(project, entry);
                    return away("no answer");
                }
                1 => return away("it never arrived"),
                2 => {
                    put(&self.world, project, entry).await?;
                    return away("the answer is lost");
                }
                // A client of the store asks again by itself, and is answered the second time.
                _ => drop(put(&self.world, project, entry).await?),
            }
        }
        let appended = put(&self.world, project, entry).await?;
        self.world.say(format_args!("node {}: append at {} → {appended:?}", self.node, entry.from));
        self.answer(appended).await
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        self.reach().await?;
        let entries = self.world.store.entries(project, from).await?;
        self.answer(entries).await
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        self.reach().await?;
        let pointer = self.world.store.pointer(project).await?;
        self.answer(pointer).await
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        self.reach().await?;
        let chunks = self.world.store.chunks(project, pointer).await?;
        self.answer(chunks).await
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        self.reach().await?;
        self.world.store.checkpoint(project, pointer, chunks).await?;
        self.answer(()).await
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        self.reach().await?;
        self.world.store.versions(project).await
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        self.reach().await?;
        self.world.store.forget(project, version).await
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        self.reach().await?;
        self.world.store.truncate(project, before_ms).await
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        self.reach().await?;
        let record = self.world.store.record(project).await?;
        self.answer(record).await
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        self.reach().await?;
        let (world, project, body) = (self.world.clone(), project.clone(), body.clone());
        if self.world.chance(20) {
            // It is on its way when the node gives it up.
            tokio::spawn(async move {
                pause(10, 5_000).await;
                let up = world.state().gate.up;
                if up {
                    let stored = world.store.put_record(&project, version, &body).await;
                    world.say(format_args!("a late record {} → {stored:?}", version + 1));
                }
            });
            return away("no answer");
        }
        let stored = world.store.put_record(&project, version, &body).await?;
        world.say(format_args!("node {}: record {} → {stored}", self.node, version + 1));
        self.answer(stored).await
    }

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        self.reach().await?;
        self.world.store.list().await
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        self.world.store.deployment(fresh).await
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        self.reach().await?;
        let reports = self.world.store.report(report).await?;
        self.answer(reports).await
    }
}
