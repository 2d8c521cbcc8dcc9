//! The clients of a room that do the full work, one at each node: they read every message whole, keep a copy of the project and count who did what.

use super::verdict::Verdict;
use crate::Encoding;
use crate::replica::Replica;
use crate::short::Names;
use crate::wire::{Commit, Message, Position};
use smol_str::SmolStr;
use std::collections::HashMap;

/// The batches of one author that were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    first: u64,
    last: u64,
    count: u64,
}

/// A snapshot that is being received: its objects so far, its position, and the messages with commits that came between its chunks.
type Incoming = (Replica, Position, Vec<(u64, SmolStr, Vec<Commit>)>);

/// What has been seen.
#[derive(Debug, Default)]
pub struct Witness {
    names: Names,
    replica: Replica,
    seq: u64,
    id: SmolStr,
    incoming: Option<Incoming>,
    by: HashMap<SmolStr, Seen>,
    /// Batches of an author that were not behind their predecessor.
    astray: u64,
    /// Snapshots after the first: what these stand for was not seen.
    resyncs: u64,
    welcomes: u64,
}

impl Witness {
    /// Takes a message of the server; what concerns one client alone is not looked at.
    ///
    /// # Errors
    /// A sentence, when it is not what a server may say.
    pub fn hear(&mut self, frame: &[u8]) -> Result<(), String> {
        match self.names.read(frame, Encoding::MessagePack).map_err(|e| e.to_string())? {
            Message::Welcome(welcome) => {
                self.welcomes += 1;
                self.resyncs += u64::from(welcome.snapshot && self.welcomes > 1);
                self.incoming = welcome.snapshot.then(|| (Replica::default(), welcome.position, Vec::new()));
                Ok(())
            }
            Message::Snapshot(_, last, objects) => {
                let Some((replica, ..)) = &mut self.incoming else {
                    return Err("a chunk that nobody announced".to_owned());
                };
                objects.into_iter().for_each(|object| replica.put(object));
                if last { self.received() } else { Ok(()) }
            }
            Message::Commits(seq, id, commits) => match &mut self.incoming {
                Some((_, _, aside)) => {
                    aside.push((seq, id, commits));
                    Ok(())
                }
                None => self.apply(seq, id, &commits),
            },
            _ => Ok(()),
        }
    }

    fn received(&mut self) -> Result<(), String> {
        let Some((replica, position, aside)) = self.incoming.take() else { return Ok(()) };
        self.replica = replica;
        (self.seq, self.id) = (position.seq, position.id);
        // Who did what counts from here.
        self.by.clear();
        aside.into_iter().try_for_each(|(seq, id, commits)| self.apply(seq, id, &commits))
    }

    fn apply(&mut self, first: u64, id: SmolStr, commits: &[Commit]) -> Result<(), String> {
        if first != self.seq + 1 {
            return Err(format!("commits from {first} on behind {}", self.seq));
        }
        for (seq, commit) in (first..).zip(commits) {
            self.replica.apply(seq, commit).map_err(|e| e.to_string())?;
            self.seq = seq;
            if commit.author.is_empty() {
                continue;
            }
            let new = Seen { first: commit.cid, last: commit.cid - 1, count: 0 };
            let seen = self.by.entry(commit.author.clone()).or_insert(new);
            self.astray += u64::from(commit.cid != seen.last + 1);
            *seen = Seen { first: seen.first, last: commit.cid, count: seen.count + 1 };
        }
        self.id = id;
        Ok(())
    }

    /// Whether a snapshot stood for a part of what it should have seen.
    #[must_use]
    pub fn was_resynced(&self) -> bool {
        self.resyncs > 0
    }

    /// Compares with a fresh copy at `position`.
    pub fn compare(&self, fresh: &Replica, position: &Position, verdict: &mut Verdict) {
        if (self.seq, &self.id) != (position.seq, &position.id) || self.replica != *fresh {
            verdict.differing += 1;
            verdict.because(|| {
                let difference = self.replica.difference(fresh).unwrap_or_else(|| "no object differs".to_owned());
                format!("the copy at {} differs from a fresh one at {}: {difference}", self.seq, position.seq)
            });
        }
    }

    /// Compares with what the senders say they have sent: author, batches before the witness came, and after. Of what a snapshot stood for nothing is said.
    pub fn account(&self, senders: impl Iterator<Item = (SmolStr, u64, u64)>, verdict: &mut Verdict) {
        verdict.doubled += self.astray;
        for (author, before, sent) in senders.filter(|(_, _, sent)| *sent > 0) {
            let all = before + sent;
            let seen = match self.by.get(&author).copied() {
                Some(seen) => seen,
                None if self.was_resynced() => continue,
                None => Seen { first: before + 1, last: before, count: 0 },
            };
            // It may have seen some of those before: the snapshot with which it began may have been older than the project.
            let from_the_start = self.was_resynced() || seen.first <= before + 1;
            if !from_the_start || seen.last != all || seen.count != seen.last + 1 - seen.first {
                verdict.lost += (all + 1).saturating_sub(seen.first + seen.count).max(1);
                verdict.because(|| {
                    format!("of {author} there should be {sent} behind the first {before}, there is {seen:?}")
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::from_json;

    fn hear(witness: &mut Witness, json: &str) -> Result<(), String> {
        witness.hear(&from_json(json))
    }

    fn welcomed() -> Witness {
        let mut witness = Witness::default();
        for json in [
            r#"{"t":"welcome","session":1,"author":"wit","role":"editor","position":{"epoch":1,"seq":2,"id":"b"},"saved_seq":2,"last":0,"saved":0,
               "sync":"snapshot","limits":{"unacked_batches":256}}"#,
            r#"{"t":"commits","seq":3,"id":"c","commits":[["ana",2,[["set","r",{"x":2.0}]]]]}"#,
            r#"{"t":"snapshot","n":0,"last":true,"objects":[["r",2,{"x":1.0}]]}"#,
        ] {
            hear(&mut witness, json).expect("a server may say so");
        }
        witness
    }

    fn verdict(witness: &Witness, id: &str, seq: u64, sent: u64) -> Verdict {
        let mut verdict = Verdict::default();
        let position = Position { epoch: 1, seq, id: id.into() };
        witness.compare(&witness.replica, &position, &mut verdict);
        witness.account(std::iter::once(("ana".into(), 1, sent)), &mut verdict);
        verdict
    }

    #[test]
    fn a_sound_stream_is_sound() {
        let mut witness = welcomed();
        hear(&mut witness, r#"{"t":"commits","seq":4,"id":"d","commits":[["ana",3,[["del","r"]]]]}"#).expect("sound");
        assert_eq!(verdict(&witness, "d", 4, 2), Verdict::default());
    }

    #[test]
    fn what_is_lost_doubled_or_different_is_found() {
        let mut witness = welcomed();
        assert!(verdict(&witness, "c", 3, 2).lost == 1, "ana sent two");
        assert!(verdict(&witness, "c", 3, 4).lost == 3, "ana sent four");
        assert!(verdict(&witness, "x", 3, 1).differing == 1, "another history");
        assert!(hear(&mut witness, r#"{"t":"commits","seq":5,"id":"e","commits":[["ana",3,[]]]}"#).is_err(), "a hole");
        hear(&mut witness, r#"{"t":"commits","seq":4,"id":"d","commits":[["ana",2,[]]]}"#).expect("read");
        assert_eq!(verdict(&witness, "d", 4, 1).doubled, 1);
    }

    #[test]
    fn what_a_snapshot_stood_for_is_neither_lost_nor_doubled() {
        let mut witness = welcomed();
        for json in [
            r#"{"t":"welcome","session":1,"author":"wit","role":"editor","position":{"epoch":1,"seq":8,"id":"h"},"saved_seq":2,"last":0,"saved":0,
               "sync":"snapshot","limits":{"unacked_batches":256}}"#,
            r#"{"t":"snapshot","n":0,"last":true,"objects":[["r",8,{"x":7.0}]]}"#,
        ] {
            hear(&mut witness, json).expect("a server may say so");
        }
        assert!(witness.was_resynced());
        assert_eq!(verdict(&witness, "h", 8, 6), Verdict::default(), "it has not seen any of ana's");
        hear(&mut witness, r#"{"t":"commits","seq":9,"id":"i","commits":[["ana",8,[["set","r",{"x":8.0}]]]]}"#)
            .expect("it follows");
        assert_eq!(verdict(&witness, "i", 9, 7), Verdict::default());
        assert_eq!(verdict(&witness, "i", 9, 9).lost, 2, "two are missing at the end");
    }
}
