//! Reading the log for a saver.

use super::{Hot, MemoryHot};
use crate::hot::HotLog;
use crate::ids::{ProjectId, Seq};
use crate::protocol::commit::Commit;
use tokio::time::Instant;

impl MemoryHot {
    /// Who looks is about to save: nobody need hurry it any more.
    pub(super) fn look(&self, project: &ProjectId, after: impl FnOnce(&Hot) -> Seq, bytes: usize) -> Option<HotLog> {
        let hot = self.projects.get(project)?;
        if let Some(mut mark) = self.dirty.get_mut(project) {
            mark.urgent = false;
            mark.unsaved.seen(Instant::now(), hot.position.seq);
        }
        let mut left = Some(bytes);
        let fits = |commit: &&Commit| {
            let fits = left.is_some();
            left = left.and_then(|left| left.checked_sub(commit.weight()));
            fits
        };
        let seq = after(&hot);
        let after = hot.log.id_at(seq).map(|id| (id, hot.log.after(seq).take_while(fits).cloned().collect()));
        Some(HotLog { position: hot.position, saved: hot.saved, after })
    }
}
