//! Reads what scripts answer. Pure.

use super::layout::{self, damaged};
use crate::hot::{HotError, MISSED, Mismatch, Reply, Verified};
use crate::ids::{CommitId, Position, Seq};
use crate::protocol::commit::Commit;
use crate::protocol::run::Run;
use redis::Value;

/// The items of an answer, one after another.
pub(super) struct Items(std::vec::IntoIter<Value>);

/// An answer that no script of ours gives.
pub(super) fn odd() -> HotError {
    HotError::Refused(
        "Redis answered something that no script of this version answers; are all nodes of one version?".into(),
    )
}

impl Items {
    /// The items of a list or, one after another, the fields and values of a map.
    pub(super) fn of(value: Value) -> Result<Self, HotError> {
        match value {
            Value::Array(items) => Ok(Self(items.into_iter())),
            Value::Map(pairs) => Ok(Self(pairs.into_iter().flat_map(|(k, v)| [k, v]).collect::<Vec<_>>().into_iter())),
            _ => Err(odd()),
        }
    }

    pub(super) fn next(&mut self) -> Result<Value, HotError> {
        self.0.next().ok_or_else(odd)
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.0.len() == 0
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, HotError> {
        bytes(self.next()?)
    }

    pub(super) fn int(&mut self) -> Result<i64, HotError> {
        match self.next()? {
            Value::Int(number) => Ok(number),
            _ => Err(odd()),
        }
    }

    pub(super) fn position(&mut self) -> Result<Position, HotError> {
        layout::read_position(&self.bytes()?)
    }

    /// The runs of stream entries.
    pub(super) fn runs(&mut self) -> Result<Vec<Run>, HotError> {
        let mut entries = Self::of(self.next()?)?;
        let mut runs = Vec::with_capacity(entries.0.len());
        while !entries.is_done() {
            let mut entry = Self::of(entries.next()?)?;
            let id = entry.bytes()?;
            let mut fields = Self::of(entry.next()?)?;
            let (_, packed) = (fields.next()?, fields.bytes()?);
            let name = || String::from_utf8_lossy(&id).into_owned();
            let (run, _) = Run::read(&packed).map_err(|e| damaged(&format!("log entry {}: {e}", name())))?;
            runs.push(run);
        }
        Ok(runs)
    }
}

/// The bytes of a value that is text to Redis.
pub(super) fn bytes(value: Value) -> Result<Vec<u8>, HotError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        _ => Err(odd()),
    }
}

/// The commits of runs after a seq, if each follows the one before.
pub(super) fn commits_after(runs: Vec<Run>, seq: Seq) -> Result<Vec<Commit>, HotError> {
    let mut commits = Vec::new();
    let mut next = seq + 1;
    let mut last: Option<CommitId> = None;
    for run in runs {
        let skip = next.checked_sub(run.first).and_then(|n| usize::try_from(n).ok());
        let follows = last.is_none_or(|id| id == run.previous);
        let new = skip.filter(|_| follows).and_then(|skip| run.commits.get(skip..));
        commits.extend_from_slice(new.ok_or_else(|| damaged(&format!("the log has a hole at {next}")))?);
        (next, last) = (run.end().seq + 1, Some(run.end().id));
    }
    Ok(commits)
}

fn missed(items: &mut Items, seq: Seq) -> Result<Vec<Commit>, HotError> {
    let mut commits = commits_after(items.runs()?, seq)?;
    commits.truncate(MISSED);
    Ok(commits)
}

/// How histories differ, if that is what the answer's first word says.
fn mismatch(word: &[u8], items: &mut Items) -> Result<Mismatch, HotError> {
    Ok(match word {
        b"empty" => Mismatch::Empty,
        b"epoch" => Mismatch::Epoch(layout::number(&items.bytes()?, 0)),
        b"frozen" => Mismatch::Frozen,
        b"fork" => Mismatch::Fork,
        b"trimmed" => Mismatch::Trimmed,
        _ => return Err(odd()),
    })
}

/// The answer of commit.lua to a call at `room`, and the commit id before the first commit, if there is one.
pub(super) fn committed(answer: Value, room: Position) -> Result<(Reply, CommitId), HotError> {
    if answer == Value::Int(1) {
        return Ok((Reply::Accepted { first: room.seq + 1, missed: Vec::new() }, room.id));
    }
    let mut items = Items::of(answer)?;
    let word = items.bytes()?;
    let reply = match word.as_slice() {
        b"ok" => {
            let before = items.position()?;
            let missed = missed(&mut items, room.seq)?;
            return Ok((Reply::Accepted { first: before.seq + 1, missed }, before.id));
        }
        b"stale" => Reply::Stale(missed(&mut items, room.seq)?),
        b"cid" => {
            let index = items.bytes()?.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            Reply::Cid { index, last: layout::number(&items.bytes()?, 0) }
        }
        word => Reply::Mismatch(mismatch(word, &mut items)?),
    };
    Ok((reply, CommitId::NONE))
}

/// The answer of verify.lua to a room at `seq`.
pub(super) fn verified(answer: Value, seq: Seq) -> Result<Verified, HotError> {
    let mut items = Items::of(answer)?;
    let word = items.bytes()?;
    if word != b"ok" {
        return mismatch(&word, &mut items).map(Verified::Mismatch);
    }
    let (head, saved) = (items.position()?.seq, items.position()?);
    Ok(Verified::Same { head, saved, missed: missed(&mut items, seq)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_script_answers_is_an_error() {
        let text = |text: &str| Value::BulkString(text.into());
        for answer in [Value::Nil, Value::Int(2), Value::Array(vec![]), Value::Array(vec![text("what")])] {
            assert!(committed(answer.clone(), Position::START).is_err(), "{answer:?}");
            assert!(verified(answer, 0).is_err());
        }
        let fork = Value::Array(vec![text("fork")]);
        assert!(matches!(committed(fork, Position::START), Ok((Reply::Mismatch(Mismatch::Fork), _))));
    }

    #[test]
    fn a_hole_in_the_log_is_an_error() {
        let run =
            |first, previous| Run { epoch: 1, first, previous: CommitId([previous; 8]), commits: Vec::new().into() };
        assert!(commits_after(vec![run(1, 0), run(1, 0)], 0).is_ok());
        assert!(commits_after(vec![run(2, 0)], 0).is_err());
        assert!(commits_after(vec![run(1, 0), run(1, 9)], 0).is_err());
    }
}
