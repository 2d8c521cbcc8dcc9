//! The rights of the projects that are open here, as they are now.
//!
//! Owns the record of each project that somebody watches: read once, read anew when another node says that it has changed, and every
//! 30 s in case that was lost. Changing one is a compare-and-set in the durable store. Sessions watch; rooms pass on what other nodes say.

use super::rights::Rights;
use crate::durable::{DurableError, DurableStore, RECORD_BYTES, Record};
use crate::fanout::{Event, Fanout};
use crate::ids::ProjectId;
use bytes::Bytes;
use dashmap::DashMap;
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// How often records are read anew: what another node changed is known by then, whatever was lost.
const RECHECK: Duration = Duration::from_secs(30);
/// So many are read anew at the same time.
const AT_ONCE: usize = 64;
/// Tries to change a record that others change at the same time.
const TRIES: usize = 16;
/// Pauses before a record that could not be read is read again; then the next [`RECHECK`] does it.
const AGAIN: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800), Duration::from_secs(3)];

/// A project's rights at some version of their record; 0: there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Current {
    /// The record's version.
    pub version: u64,
    /// What it says.
    pub rights: Arc<Rights>,
}

/// Why rights are not known, or not changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RightsError {
    /// Not now: try again.
    #[error("the project's rights cannot be read or written now: {0}")]
    Unavailable(String),
    /// Not so: says what to do.
    #[error("{0}")]
    Refused(String),
}

impl From<DurableError> for RightsError {
    fn from(error: DurableError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// One project.
#[derive(Debug)]
struct Live {
    now: watch::Sender<Current>,
    /// Held by whoever reads the record.
    reading: Mutex<()>,
}

/// The rights of all projects that somebody watches.
pub struct Registry {
    durable: Arc<dyn DurableStore>,
    fanout: Arc<dyn Fanout>,
    live: DashMap<ProjectId, Arc<Live>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("projects", &self.live.len()).finish_non_exhaustive()
    }
}

impl Registry {
    /// A registry of these stores; reads anew by itself as long as it lives.
    #[must_use]
    pub fn start(durable: Arc<dyn DurableStore>, fanout: Arc<dyn Fanout>) -> Arc<Self> {
        let registry = Arc::new(Self { durable, fanout, live: DashMap::new() });
        let weak = Arc::downgrade(&registry);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RECHECK).await;
                let Some(registry) = weak.upgrade() else { return };
                registry.recheck_all().await;
            }
        });
        registry
    }

    /// The project's rights, and word of every change to them.
    ///
    /// # Errors
    /// [`RightsError::Unavailable`]: never rights that are not known.
    pub async fn watch(&self, project: &ProjectId) -> Result<watch::Receiver<Current>, RightsError> {
        if let Some(live) = self.live.get(project) {
            return Ok(live.now.subscribe());
        }
        let current = self.read(project).await?;
        // Whoever else read meanwhile may have been first.
        let live = self
            .live
            .entry(project.clone())
            .or_insert_with(|| Arc::new(Live { now: watch::channel(current.clone()).0, reading: Mutex::default() }));
        let watching = live.now.subscribe();
        newer(&live, current);
        Ok(watching)
    }

    /// The project's rights, if somebody here watches them.
    #[must_use]
    pub fn known(&self, project: &ProjectId) -> Option<Arc<Rights>> {
        self.live.get(project).map(|live| live.now.borrow().rights.clone())
    }

    /// The project's rights now, from the store.
    ///
    /// # Errors
    /// [`RightsError::Unavailable`].
    pub async fn read(&self, project: &ProjectId) -> Result<Current, RightsError> {
        match self.durable.record(project).await? {
            None => Ok(Current::default()),
            Some(Record { version, body }) => {
                let rights = Rights::read(&body).map_err(RightsError::Unavailable)?;
                Ok(Current { version, rights: Arc::new(rights) })
            }
        }
    }

    /// Changes the project's rights, and tells every node. `change` may be called several times, each time with what others have made of them.
    ///
    /// # Errors
    /// [`RightsError`]; what `change` says is [`RightsError::Refused`]. Nothing has changed then, but after [`RightsError::Unavailable`] that is not known.
    pub async fn change<T>(
        &self,
        project: &ProjectId,
        mut change: impl FnMut(&mut Rights) -> Result<T, String>,
    ) -> Result<T, RightsError> {
        for _ in 0..TRIES {
            let Current { version, rights } = self.read(project).await?;
            let mut changed = (*rights).clone();
            let result = change(&mut changed).map_err(RightsError::Refused)?;
            if changed == *rights {
                // Perhaps of an attempt whose answer was lost: then nobody was told.
                if version > 0 {
                    self.tell(project, Current { version, rights });
                }
                return Ok(result);
            }
            let body = Bytes::from(changed.write());
            if body.len() > RECORD_BYTES {
                return Err(RightsError::Refused(format!(
                    "the rights of a project may take {RECORD_BYTES} bytes: take away members or share links that are not needed"
                )));
            }
            if self.durable.put_record(project, version, &body).await? {
                self.tell(project, Current { version: version + 1, rights: Arc::new(changed) });
                return Ok(result);
            }
        }
        Err(RightsError::Unavailable("others change them at the same time".to_owned()))
    }

    /// Tells sessions here and other nodes of a record.
    fn tell(&self, project: &ProjectId, current: Current) {
        let version = current.version;
        if let Some(live) = self.live.get(project) {
            newer(&live, current);
        }
        self.fanout.publish(project, Event::Rights { version });
    }

    /// Another node says that the record has this version, or one may have been missed (`None`).
    pub fn heard(self: &Arc<Self>, project: &ProjectId, version: Option<u64>) {
        let Some(live) = self.live.get(project).map(|live| live.value().clone()) else { return };
        if version.is_some_and(|version| version <= live.now.borrow().version) {
            return;
        }
        let (registry, project) = (self.clone(), project.clone());
        tokio::spawn(async move {
            for pause in AGAIN {
                match registry.reread(&project, &live).await {
                    Ok(()) => return,
                    Err(error) => tracing::warn!(%project, %error, "changed rights could not be read; trying again"),
                }
                tokio::time::sleep(pause).await;
            }
        });
    }

    async fn reread(&self, project: &ProjectId, live: &Live) -> Result<(), RightsError> {
        let _alone = live.reading.lock().await;
        let current = self.read(project).await?;
        newer(live, current);
        Ok(())
    }

    /// Reads what is watched anew and forgets the rest.
    async fn recheck_all(&self) {
        self.live.retain(|_, live| live.now.receiver_count() > 0);
        let projects: Vec<_> = self.live.iter().map(|live| (live.key().clone(), live.value().clone())).collect();
        let rechecks =
            futures_util::stream::iter(projects).for_each_concurrent(AT_ONCE, |(project, live)| async move {
                // What was known stays known: an outage takes nobody's rights, and gives none.
                if let Err(error) = self.reread(&project, &live).await {
                    tracing::warn!(%project, %error, "rights could not be checked anew");
                }
            });
        rechecks.await;
    }
}

/// Tells of a record, unless a newer one is known.
fn newer(live: &Live, current: Current) {
    live.now.send_if_modified(|now| {
        let is_newer = current.version > now.version;
        if is_newer {
            *now = current;
        }
        is_newer
    });
}

#[cfg(test)]
mod tests;
