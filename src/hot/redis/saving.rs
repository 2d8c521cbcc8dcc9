//! What a saver asks of Redis: the log, and to move the watermark. Keeps this node's marks true.

use super::reply::Items;
use super::{RedisHot, layout, state};
use crate::fanout::Event;
use crate::hot::{HotError, HotLog, log};
use crate::ids::{Position, ProjectId, Seq};
use tokio::time::Instant;

impl RedisHot {
    /// The log after `seq`; with `unsaved` without what is saved.
    pub(super) async fn read_log(
        &self,
        project: &ProjectId,
        seq: Seq,
        bytes: usize,
        unsaved: bool,
    ) -> Result<Option<HotLog>, HotError> {
        self.marks.looked_at(project);
        let mut script = self.on(&self.scripts.log_after, project);
        script.arg(&seq.to_be_bytes()[..]).arg(bytes).arg(u8::from(unsaved));
        let looked = Instant::now();
        let log = state::log_after(self.run(&script).await?, seq, bytes, unsaved)?;
        match &log {
            Some(log) => self.marks.seen(project, looked, log.position.seq),
            // The marks of what was lost go, too: nobody need come back for it.
            None => drop(self.mark(project, Position::START).await?),
        }
        Ok(log)
    }

    /// Moves the watermark, and says whether `position` is on the history that is there.
    pub(super) async fn mark(&self, project: &ProjectId, position: Position) -> Result<bool, HotError> {
        let (mut script, event) = (self.on_all(&self.scripts.mark_saved, project), Event::Saved(position));
        script.arg(&layout::position(position)[..]).arg(self.publish.payload(&event)).arg(project.as_str());
        script.arg(self.kept_ms()).arg(log::KEPT_SAVED).arg(log::KEPT_BYTES);
        let ago = self.marks.seen_before(project, position.seq);
        script.arg(ago.map_or(String::new(), |ago| ago.as_millis().to_string()));
        let marked = self.marks.times(project);
        let mut answer = Items::of(self.run(&script).await?)?;
        let (on, moved, head) = (answer.int()?, answer.int()?, answer.bytes()?);
        if moved == 1 {
            self.publish.by_node(project, || Event::Saved(position));
        }
        // Nothing is there, or nothing is unsaved: then it tells its head.
        if on < 0 || !head.is_empty() {
            self.marks.clear(project, marked);
        } else if on == 1 {
            self.marks.saved(project, position.seq);
        }
        Ok(on == 1)
    }
}
