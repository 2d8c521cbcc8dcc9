//! A durable store whose answers are timed, whichever it is.

use super::{Appended, DurableError, DurableStore, Entry, NodeReport, Pointer, Record};
use crate::ids::{ProjectId, Seq};
use crate::metrics::durable::answered;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tokio::time::Instant;

/// A store, and a watch beside it.
pub struct Measured(Arc<dyn DurableStore>);

impl Measured {
    /// The same store, timed.
    #[must_use]
    pub fn new(store: Arc<dyn DurableStore>) -> Self {
        Self(store)
    }
}

/// Waits for an answer and tells how long that took.
async fn timed<T>(answer: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let answer = answer.await;
    answered(started.elapsed());
    answer
}

#[async_trait]
impl DurableStore for Measured {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        timed(self.0.append(project, entry)).await
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        timed(self.0.entries(project, from)).await
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        timed(self.0.pointer(project)).await
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        timed(self.0.chunks(project, pointer)).await
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        timed(self.0.checkpoint(project, pointer, chunks)).await
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        timed(self.0.versions(project)).await
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        timed(self.0.forget(project, version)).await
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        timed(self.0.truncate(project, before_ms)).await
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        timed(self.0.record(project)).await
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        timed(self.0.put_record(project, version, body)).await
    }

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        timed(self.0.list()).await
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        timed(self.0.deployment(fresh)).await
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        timed(self.0.report(report)).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
