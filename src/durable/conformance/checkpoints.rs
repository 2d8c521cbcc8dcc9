//! Cases about checkpoints: pointers, versions, truncation, and loads beside them.

use super::Backend;
use super::cases::assert_loads;
use super::world::{World, project};
use crate::durable::checkpoint::{self, CLIENT_MS, checkpoint_if_due};
use crate::durable::layout::{chunk, entry_name};
use crate::durable::load::load;
use crate::durable::retention::FINE_MS;
use crate::durable::{Appended, ClientRecord, DurableError, DurableStore, Entry, NodeReport, Pointer, Record};
use crate::ids::{Author, CommitId, ProjectId, Seq};
use crate::project::canvas::View as _;
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const HOUR_MS: u64 = 60 * 60 * 1000;

pub(in crate::durable) async fn a_pointer_only_moves_forwards(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(7));
    world.checkpointed(&*store).await;
    let first = store.pointer(&project()).await.expect("pointer").expect("made");
    let first_chunks = store.chunks(&project(), &first).await.expect("chunks");
    world.checkpointed(&*store).await;
    let second = store.pointer(&project()).await.expect("pointer").expect("made");
    assert!(second.seq > first.seq);
    let twin = Pointer { build: second.build ^ 1, ..second.clone() };
    for late in [&first, &twin] {
        store.checkpoint(&project(), late, &first_chunks).await.expect("checkpoint");
        assert_eq!(store.pointer(&project()).await.expect("pointer").as_ref(), Some(&second));
    }
    let gone = store.chunks(&project(), &twin).await.expect_err("what the pointer never named is not kept");
    assert!(matches!(gone, DurableError::Corrupt { .. }));
    assert_loads(&*store, &world).await;
}

pub(in crate::durable) async fn truncation_keeps_what_the_pointer_needs(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(8));
    world.grow(&*store, 5).await;
    assert_eq!(store.truncate(&project(), u64::MAX).await.expect("truncate"), 0);
    world.checkpointed(&*store).await;
    let covered = store.pointer(&project()).await.expect("pointer").expect("made").seq;
    world.grow(&*store, 4).await;
    let second_at = store.entries(&project(), 1).await.expect("entries")[1].at_ms;
    assert_eq!(store.truncate(&project(), second_at).await.expect("truncate"), 1);
    assert!(store.truncate(&project(), u64::MAX).await.expect("truncate") > 3);
    let left = store.entries(&project(), 1).await.expect("entries");
    assert_eq!((left.len(), left[0].from), (4, covered + 1));
    assert_loads(&*store, &world).await;
}

pub(in crate::durable) async fn a_checkpoint_is_made_when_due(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(9));
    world.grow(&*store, 5).await;
    assert_eq!(checkpoint_if_due(&*store, &project(), world.now, 0, 1).await.expect("not due").made, None);
    let long_before = world.now;
    world.now += HOUR_MS;
    world.checkpointed(&*store).await;
    let loaded = load(&*store, &project()).await.expect("load");
    assert_eq!((loaded.checkpoint_seq, loaded.log_bytes), (world.position.seq, 0));
    assert!(!checkpoint::due(loaded.log_bytes, loaded.state_bytes));
    assert!(!loaded.recent.is_empty(), "retained entries still answer deltas");
    let early = world.now + FINE_MS - HOUR_MS;
    checkpoint_if_due(&*store, &project(), early, 0, 2).await.expect("keeps all");
    assert_eq!(store.entries(&project(), 1).await.expect("entries")[0].from, 1);
    checkpoint_if_due(&*store, &project(), world.now + FINE_MS, 0, 2).await.expect("truncates");
    let left = store.entries(&project(), 1).await.expect("entries");
    assert!(!left.is_empty() && left.iter().all(|entry| entry.at_ms > long_before), "a day after they were covered");
    assert_loads(&*store, &world).await;
}

pub(in crate::durable) async fn history_grows_coarser_with_age(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(14));
    let mut made = Vec::new();
    // The second is of the same hour as the first.
    for pause in [0, 60_000, FINE_MS, FINE_MS] {
        world.now += pause;
        world.checkpointed(&*store).await;
        made.push(world.position.seq);
    }
    let seqs = |versions: Vec<Pointer>| versions.iter().map(|version| version.seq).collect::<Vec<_>>();
    assert_eq!(seqs(store.versions(&project()).await.expect("versions")), made[1..]);
    let first = store.entries(&project(), 1).await.expect("entries")[0].from;
    assert_eq!(first, made[1] + 1, "what the one that is a day old covers has gone");
    assert_loads(&*store, &world).await;
    let month = 30 * FINE_MS;
    let look = checkpoint_if_due(&*store, &project(), world.now + month, month, 1).await.expect("a look");
    assert_eq!((look.made, look.log_bytes), (None, 0));
    assert_eq!(seqs(store.versions(&project()).await.expect("versions")), made[3..], "the newest stays");
    assert_loads(&*store, &world).await;
}

pub(in crate::durable) async fn old_clients_are_forgotten(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(10));
    let gone = Commit {
        id: CommitId([1; 8]),
        origin: Origin::Client { author: Author([77; 8]), cid: 1, digest: 1 },
        outcome: Outcome::Changed(Changes::none()),
    };
    store.append(&project(), &world.entry_of(vec![gone])).await.expect("append");
    world.grow(&*store, 10).await;
    assert_eq!(load(&*store, &project()).await.expect("load").clients, world.clients);
    let old = world.now;
    world.now += CLIENT_MS + 10;
    world.checkpointed(&*store).await;
    world.clients.retain(|_, client| client.at_ms > old);
    assert!(!world.clients.contains_key(&Author([77; 8])));
    let clients = load(&*store, &project()).await.expect("load").clients;
    assert_eq!(clients, world.clients);
}

/// The client table after the commit at `seq`.
fn clients_at(entries: &[Entry], seq: Seq) -> HashMap<Author, ClientRecord> {
    let mut clients = HashMap::new();
    for entry in entries {
        for (seq, commit) in (entry.from..=seq).zip(&entry.commits) {
            if let Origin::Client { author, cid, digest } = commit.origin {
                let at_ms = entry.at_ms;
                clients.insert(author, ClientRecord { cid, seq, digest, at_ms });
            }
        }
    }
    clients
}

/// As one that was built from a replica may be.
pub(in crate::durable) async fn a_checkpoint_inside_an_entry_is_met(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(13));
    world.grow(&*store, 1).await;
    let entry = world.entry(6);
    store.append(&project(), &entry).await.expect("append");
    world.grow(&*store, 2).await;
    let mut half = World::new(13);
    let before: Vec<_> = world.log.iter().take(usize::try_from(entry.from).expect("small") + 2).collect();
    half.entry_of(before.into_iter().map(|(_, commit)| commit.clone()).collect());
    // Made in one go, `half` does not know when each batch was made.
    half.clients = clients_at(&store.entries(&project(), 1).await.expect("entries"), half.position.seq);
    let chunks = chunk::encode(&half.canvas, &half.clients);
    let mut pointer = Pointer {
        epoch: 1,
        direct: false,
        seq: half.position.seq,
        id: half.position.id,
        build: 1,
        chunks: u32::try_from(chunks.len()).expect("few"),
        objects: half.canvas.len() as u64,
        clients: half.clients.len() as u64,
        recent: 1,
        at_ms: 1,
    };
    store.checkpoint(&project(), &pointer, &chunks).await.expect("checkpoint");
    assert_loads(&*store, &world).await;
    let loaded = load(&*store, &project()).await.expect("load");
    assert_eq!((loaded.checkpoint_seq, loaded.recent.len()), (entry.from + 2, world.log.len()));
    pointer.id.0[0] ^= 1;
    pointer.seq += 1;
    store.checkpoint(&project(), &pointer, &chunks).await.expect("checkpoint");
    let wrong = load(&*store, &project()).await;
    let name = entry_name(entry.from);
    assert!(matches!(wrong, Err(DurableError::Corrupt { item, .. }) if item == name));
}

/// A store in which somebody else makes a checkpoint and truncates just before the first read of chunks.
struct Overtaken {
    store: Arc<dyn DurableStore>,
    done: AtomicBool,
    pointer: Pointer,
    chunks: Vec<Bytes>,
}

#[async_trait]
impl DurableStore for Overtaken {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        self.store.append(project, entry).await
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        self.store.entries(project, from).await
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        self.store.pointer(project).await
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        if !self.done.swap(true, Ordering::Relaxed) {
            self.checkpoint(project, &self.pointer, &self.chunks).await?;
            self.truncate(project, u64::MAX).await?;
        }
        self.store.chunks(project, pointer).await
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        self.store.checkpoint(project, pointer, chunks).await
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        self.store.truncate(project, before_ms).await
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        self.store.record(project).await
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        self.store.put_record(project, version, body).await
    }

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        self.store.list().await
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        self.store.versions(project).await
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        self.store.forget(project, version).await
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        self.store.report(report).await
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        self.store.deployment(fresh).await
    }
}

pub(in crate::durable) async fn a_load_survives_a_moving_checkpoint(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(11));
    world.checkpointed(&*store).await;
    let (first_now, mut copy) = (world.now, World::new(11));
    let later = crate::durable::memory::MemoryStore::new();
    copy.checkpointed(&later).await;
    assert_eq!((copy.now, copy.position), (first_now, world.position));
    world.grow(&*store, 3).await;
    copy.grow(&later, 3).await;
    copy.checkpointed(&later).await;
    let pointer = later.pointer(&project()).await.expect("pointer").expect("made");
    let chunks = later.chunks(&project(), &pointer).await.expect("chunks");
    for entry in later.entries(&project(), world.position.seq + 1).await.expect("entries") {
        store.append(&project(), &entry).await.expect("append");
    }
    let overtaken = Overtaken { store, done: AtomicBool::new(false), pointer, chunks };
    assert_loads(&overtaken, &copy).await;
}

pub(in crate::durable) async fn loads_and_checkpoints_run_together(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(12));
    world.checkpointed(&*store).await;
    let reading = store.clone();
    let done = Arc::new(AtomicBool::new(false));
    let stop = done.clone();
    let reader = tokio::spawn(async move {
        let mut seq = 0;
        while !stop.load(Ordering::Relaxed) {
            let loaded = load(&*reading, &project()).await.expect("load");
            assert!(loaded.position.seq >= seq, "a later load never sees less");
            seq = loaded.position.seq;
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..3 {
        world.grow(&*store, 3).await;
        world.checkpointed(&*store).await;
        store.truncate(&project(), u64::MAX).await.expect("truncate");
    }
    done.store(true, Ordering::Relaxed);
    reader.await.expect("every load was whole");
    assert_loads(&*store, &world).await;
}

pub(in crate::durable) async fn older_checkpoints_stay_until_forgotten(backend: &impl Backend) {
    let (store, mut world) = (backend.store(), World::new(13));
    for _ in 0..3 {
        world.now += HOUR_MS;
        world.checkpointed(&*store).await;
    }
    let versions = store.versions(&project()).await.expect("versions");
    assert_eq!(versions.len(), 3);
    assert!(versions.is_sorted_by_key(|version| version.seq), "oldest first");
    assert_eq!(versions.last(), store.pointer(&project()).await.expect("pointer").as_ref());
    for version in &versions {
        let chunks = store.chunks(&project(), version).await.expect("its chunks are there");
        assert_eq!(chunks.len(), version.chunks as usize);
    }
    store.forget(&project(), &versions[1]).await.expect("forgotten");
    store.forget(&project(), &versions[2]).await.expect("the newest is left alone");
    let left = store.versions(&project()).await.expect("versions");
    assert_eq!(left, [versions[0].clone(), versions[2].clone()]);
    assert!(store.chunks(&project(), &versions[1]).await.is_err(), "its chunks have gone with it");
    store.chunks(&project(), &versions[0]).await.expect("the other's are untouched");
    assert_loads(&*store, &world).await;
}
