//! All keys of a project at once.

use super::{RedisHot, refused};
use crate::hot::HotError;
use crate::ids::ProjectId;
use crate::keyspace::Bucket;

impl RedisHot {
    /// The keys of a project.
    fn names(&self, project: &ProjectId) -> [String; 5] {
        let keys = &self.keys;
        [keys.meta(project), keys.objects(project), keys.clients(project), keys.log(project), keys.dirty(project)]
    }

    /// Lets go of all of them.
    pub(super) async fn erase_all(&self, project: &ProjectId) -> Result<(), HotError> {
        let mut erase = redis::pipe();
        erase.atomic().cmd("UNLINK").arg(&self.names(project)[..]).ignore();
        erase.zrem(self.keys.dirty_index(Bucket::of(project)), project.as_str()).ignore();
        self.link.pipeline::<()>(&erase).await.map_err(refused)
    }

    /// Those that are there, and their bytes.
    pub(super) async fn sizes_of(&self, project: &ProjectId) -> Result<Vec<(String, u64)>, HotError> {
        let names = self.names(project);
        let mut asked = redis::pipe();
        for key in &names {
            asked.cmd("MEMORY").arg("USAGE").arg(key);
        }
        let sizes: Vec<Option<u64>> = self.link.pipeline(&asked).await.map_err(refused)?;
        Ok(names.into_iter().zip(sizes).filter_map(|(key, size)| Some((key, size?))).collect())
    }
}
