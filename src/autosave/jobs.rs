//! One job a project at a time, and not too many in all.

use crate::ids::ProjectId;
use std::collections::HashMap;
use tokio::task::{Id, JoinSet};

/// Running jobs by project.
pub(super) struct Jobs<T> {
    set: JoinSet<T>,
    running: HashMap<ProjectId, Id>,
    most: usize,
}

impl<T: Send + 'static> Jobs<T> {
    pub(super) fn new(most: usize) -> Self {
        Self { set: JoinSet::new(), running: HashMap::new(), most }
    }

    /// Starts a job, unless the project has one or too many are running; whoever asks asks again when one has ended. Returns whether it did.
    pub(super) fn start<F>(&mut self, project: &ProjectId, job: impl FnOnce(ProjectId) -> F) -> bool
    where
        F: Future<Output = T> + Send + 'static,
    {
        let starts = !self.is_full() && !self.running.contains_key(project);
        if starts {
            let id = self.set.spawn(job(project.clone())).id();
            self.running.insert(project.clone(), id);
        }
        starts
    }

    /// Whether as many run as may.
    pub(super) fn is_full(&self) -> bool {
        self.running.len() >= self.most
    }

    /// The next job that ends: its project and what it returned (`None`: it panicked). `None` when nothing runs.
    pub(super) async fn ended(&mut self) -> Option<(ProjectId, Option<T>)> {
        let (id, returned) = match self.set.join_next_with_id().await? {
            Ok((id, returned)) => (id, Some(returned)),
            Err(error) => {
                tracing::error!(%error, "a job of autosave has panicked");
                (error.id(), None)
            }
        };
        let project = self.running.iter().find(|(_, job)| **job == id).map(|(project, _)| project.clone())?;
        self.running.remove(&project);
        Some((project, returned))
    }
}
