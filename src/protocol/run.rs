//! Commits with consecutive seqs: what one call adds to a project, as nodes and the log keep it.

use super::commit::{Commit, Unreadable};
use super::scan::Malformed;
use super::unpack::Reader;
use crate::ids::{CommitId, Epoch, Position, Seq};
use std::sync::Arc;

/// First byte of a packed run.
pub const KIND: u8 = b'C';
/// Bytes before the commit ids.
const HEAD: usize = 37;

/// Commits with consecutive seqs. Cloning shares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Their lineage.
    pub epoch: Epoch,
    /// Seq of the first.
    pub first: Seq,
    /// Commit id before the first.
    pub previous: CommitId,
    /// The commits.
    pub commits: Arc<[Commit]>,
}

impl Run {
    /// The position after the last commit.
    #[must_use]
    pub fn end(&self) -> Position {
        let id = self.commits.last().map_or(self.previous, |commit| commit.id);
        Position { epoch: self.epoch, seq: self.first + self.commits.len() as Seq - 1, id }
    }

    /// Packs the run. All numbers are big-endian and stand at fixed places, so that a script can read and set `first` and `previous` and find a
    /// commit id without opening a commit:
    ///
    /// | bytes | what |
    /// |---|---|
    /// | 0 | [`KIND`] |
    /// | 1–8 | `first` |
    /// | 9–16 | `previous` |
    /// | 17–24 | `epoch` |
    /// | 25–32 | `sent_us`: when it was packed, in µs since 1970 |
    /// | 33–36 | number of commits |
    /// | 37– | the commit ids, 8 bytes each, then the commits as [`Commit::pack`] writes them |
    #[must_use]
    pub fn pack(&self, sent_us: u64) -> Vec<u8> {
        let weight: usize = self.commits.iter().map(Commit::weight).sum();
        let mut out = Vec::with_capacity(HEAD + 8 * self.commits.len() + weight);
        out.push(KIND);
        out.extend_from_slice(&self.first.to_be_bytes());
        out.extend_from_slice(&self.previous.0);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&sent_us.to_be_bytes());
        let count = u32::try_from(self.commits.len()).expect("a run has fewer than 2^32 commits");
        out.extend_from_slice(&count.to_be_bytes());
        self.commits.iter().for_each(|commit| out.extend_from_slice(&commit.id.0));
        self.commits.iter().for_each(|commit| commit.pack(&mut out));
        out
    }

    /// The id of the first commit of a packed run, without reading it; `None` when there is none.
    #[must_use]
    pub fn first_id(packed: &[u8]) -> Option<CommitId> {
        let count = packed.get(HEAD - 4..HEAD)?;
        let is_run = packed[0] == KIND && count != [0; 4];
        packed.get(HEAD..HEAD + 8).filter(|_| is_run)?.try_into().ok().map(CommitId)
    }

    /// Reads what [`Run::pack`] wrote, and when that was.
    ///
    /// # Errors
    /// [`Unreadable`] when it is something else.
    pub fn read(packed: &[u8]) -> Result<(Self, u64), Unreadable> {
        let head = packed.get(..HEAD).ok_or(Malformed::Truncated)?;
        let bytes = |at: usize| <[u8; 8]>::try_from(&head[at..at + 8]).unwrap_or_default();
        let number = |at: usize| u64::from_be_bytes(bytes(at));
        if head[0] != KIND {
            return Err(Malformed::Expected("a run of commits").into());
        }
        let count = u32::from_be_bytes([head[33], head[34], head[35], head[36]]) as usize;
        let bodies = count.checked_mul(8).and_then(|ids| packed.get(HEAD + ids..)).ok_or(Malformed::Truncated)?;
        let mut reader = Reader::new(bodies);
        // So many ids are there.
        let mut commits = Vec::with_capacity(count);
        for _ in 0..count {
            commits.push(Commit::read(&mut reader)?);
        }
        if !reader.is_empty() {
            return Err(Malformed::Trailing.into());
        }
        Ok((
            Self { epoch: number(17), first: number(1), previous: CommitId(bytes(9)), commits: commits.into() },
            number(25),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Author;
    use crate::protocol::change::Changes;
    use crate::protocol::commit::{Origin, Outcome};
    use crate::protocol::refusal::Code;

    fn run() -> Run {
        let id = |n| CommitId([n; 8]);
        let by = Origin::Client { author: Author([7; 8]), cid: 300, digest: u64::MAX };
        let commits = vec![
            Commit { id: id(4), origin: by, outcome: Outcome::Refused(Code::Exists) },
            Commit { id: id(5), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) },
        ];
        Run { epoch: 3, first: 1 << 40, previous: id(2), commits: commits.into() }
    }

    #[test]
    fn what_is_packed_is_read() {
        let run = run();
        let packed = run.pack(99);
        assert_eq!(Run::read(&packed), Ok((run.clone(), 99)));
        assert_eq!((run.end().seq, run.end().id), ((1 << 40) + 1, CommitId([5; 8])));
        assert_eq!(&packed[HEAD..HEAD + 16], [[4; 8], [5; 8]].concat());
    }

    #[test]
    fn anything_else_is_an_error() {
        let packed = run().pack(1);
        for length in 0..packed.len() {
            assert!(Run::read(&packed[..length]).is_err(), "{length}");
        }
        assert!(Run::read(&[&packed[..], &[0]].concat()).is_err());
        let mut endless = packed;
        endless[33..37].fill(255);
        assert!(Run::read(&endless).is_err());
    }
}
