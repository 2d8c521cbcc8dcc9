//! What a room says of itself to whoever looks after the node.

use super::Room;
use crate::ids::{Epoch, ProjectId, Seq};
use crate::project::canvas::View as _;
use crate::protocol::message::Mode;
use serde::{Serialize, Serializer};

/// A room as it is now. Counts are since it was opened here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its project.
    #[serde(serialize_with = "text")]
    pub project: ProjectId,
    /// Its lineage.
    pub epoch: Epoch,
    /// Its last commit.
    pub seq: Seq,
    /// Its watermark.
    pub saved: Seq,
    /// Whether the hot store is there.
    pub mode: Mode,
    /// Sessions here.
    pub sessions: usize,
    /// Everybody who is there, on all nodes, bots included.
    pub present: usize,
    /// Its objects.
    pub objects: usize,
    /// Bytes of their properties.
    pub bytes: usize,
    /// Ops of its sessions that were accepted.
    pub ops: u64,
    /// Commits that were passed on, each counted once for each session that got it: what most of a room's work is.
    pub deliveries: u64,
    /// Commits that it has heard of and its lineage lacks.
    pub held: usize,
    /// Bytes that wait for its sessions.
    pub outbox_bytes: usize,
    /// Sessions that fell behind.
    pub slow: usize,
}

fn text<S: Serializer>(project: &ProjectId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(project.as_str())
}

/// What a room has done since it was opened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) ops: u64,
    pub(super) deliveries: u64,
}

impl Room {
    /// What it says of itself.
    pub(super) fn report(&self) -> Report {
        let position = self.replica.position();
        let members = self.members.iter();
        let (outbox_bytes, slow) =
            members.fold((0, 0), |(bytes, slow), (_, m)| (bytes + m.outbox.bytes(), slow + usize::from(m.lagging)));
        Report {
            project: self.project.clone(),
            epoch: position.epoch,
            seq: position.seq,
            saved: self.replica.saved().seq,
            mode: self.course.mode(),
            sessions: self.members.len(),
            present: self.roster.len(),
            objects: self.replica.canvas().len(),
            bytes: self.replica.canvas().bytes(),
            ops: self.tally.ops,
            deliveries: self.tally.deliveries,
            held: self.course.held.len(),
            outbox_bytes,
            slow,
        }
    }
}
