//! What any node has left unsaved: the indexes of dirty projects, one of each bucket.

use super::RedisHot;
use crate::hot::HotError;
use crate::ids::ProjectId;
use crate::keyspace::Bucket;
use crate::link::Invocation;
use futures_util::future::join_all;
use std::time::Duration;

impl RedisHot {
    /// The projects that any node has left unsaved, and how old what is unsaved is.
    pub(super) async fn left(&self) -> Result<Vec<(ProjectId, Duration)>, HotError> {
        // One command per bucket, all on their way at once: in a Cluster each goes to its own shard.
        let left = join_all(Bucket::all().map(|bucket| self.left_in(bucket))).await;
        if let Some(Err(error)) = left.iter().find(|answer| answer.is_err()) {
            if left.iter().all(Result::is_err) {
                return Err(error.clone());
            }
            // What the other shards have is worth saving all the same.
            tracing::warn!(%error, "what was left unsaved is not known of all projects");
        }
        let left = left.into_iter().flatten().flatten();
        Ok(left.filter_map(|(id, ms)| Some((ProjectId::parse(&id).ok()?, Duration::from_millis(ms)))).collect())
    }

    /// A bucket's.
    async fn left_in(&self, bucket: Bucket) -> Result<Vec<(String, u64)>, HotError> {
        self.run(&Invocation::new(&self.scripts.left, &[self.keys.dirty_index(bucket)])).await
    }
}
