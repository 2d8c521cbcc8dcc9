//! What waits to be published, and the task that sends it: everything that waits at once, then what came meanwhile.

use crate::ids::ProjectId;
use crate::keyspace::{Bucket, Keyspace};
use crate::link::Link;
use crate::metrics;
use futures_util::future::join_all;
use redis::Pipeline;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Most bytes that wait: about what a second of a busy node is. What does not fit is dropped.
const WAITING_BYTES: usize = 16 << 20;
/// What an event costs in the queue besides its payload.
const OVERHEAD: usize = 128;
/// Events sent at once.
const BATCH: usize = 512;

/// The sending end. When it is dropped the task ends, after what waits.
pub(super) struct Sender {
    queue: mpsc::UnboundedSender<(ProjectId, Vec<u8>)>,
    bytes: Arc<AtomicUsize>,
}

impl Sender {
    pub(super) fn start(link: Link, keys: Keyspace) -> Self {
        // Bounded by `bytes`.
        let (queue, waiting) = mpsc::unbounded_channel();
        let bytes = Arc::new(AtomicUsize::new(0));
        tokio::spawn(run(link, keys, waiting, bytes.clone()));
        Self { queue, bytes }
    }

    /// Queues an event, or drops it when too much waits.
    pub(super) fn send(&self, project: &ProjectId, payload: Vec<u8>) {
        let size = payload.len() + OVERHEAD;
        let before = self.bytes.fetch_add(size, Ordering::Relaxed);
        // However large, one event fits an empty queue.
        let fits = before == 0 || before + size <= WAITING_BYTES;
        if !fits || self.queue.send((project.clone(), payload)).is_err() {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            metrics::fanout_dropped(1);
        }
    }
}

async fn run(
    link: Link,
    keys: Keyspace,
    mut waiting: mpsc::UnboundedReceiver<(ProjectId, Vec<u8>)>,
    bytes: Arc<AtomicUsize>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut works = true;
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let size: usize = batch.iter().map(|(_, payload)| payload.len() + OVERHEAD).sum();
        // One pipeline per slot: a project's events keep their order, and a Cluster's shards are served at the same time.
        let mut slots: HashMap<Bucket, Pipeline> = HashMap::new();
        for (project, payload) in batch.drain(..) {
            let pipeline = slots.entry(Bucket::of(&project)).or_default();
            pipeline.cmd("SPUBLISH").arg(keys.channel(&project)).arg(payload).ignore();
        }
        let link = &link;
        let sent = slots.into_values().map(|pipeline| async move {
            let result = link.pipeline::<()>(&pipeline).await;
            result.map_err(|error| (pipeline.len(), error))
        });
        let failed: Vec<_> = join_all(sent).await.into_iter().filter_map(Result::err).collect();
        bytes.fetch_sub(size, Ordering::Relaxed);
        failed.iter().for_each(|(events, _)| metrics::fanout_dropped(*events));
        // The same trouble is told once.
        if let (true, Some((_, error))) = (works, failed.first()) {
            tracing::warn!(%error, "events are not published; rooms find out what they lack");
        }
        works = failed.is_empty();
    }
}
