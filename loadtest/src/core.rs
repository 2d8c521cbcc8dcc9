//! The client's side of the protocol, without I/O: frames come in, frames go out, the replica and the history follow.

use super::history::{History, Keep};
use super::incoming::Incoming;
use super::pending::Pending;
use super::replica::Replica;
use super::say;
use super::short::Names;
pub use super::violation::Violation;
use super::violation::violation;
use super::wire::{Commit, Message, Object, Position, Reject, Unreadable, Welcome};
use bytes::Bytes;
use collabcanvas::protocol::Encoding;
use smol_str::SmolStr;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// One client, from its first hello to its last commit.
#[derive(Debug)]
pub struct Core {
    client: String,
    encoding: Encoding,
    keep: Keep,
    replica: Replica,
    position: Option<Position>,
    incoming: Option<Incoming>,
    welcome: Option<Welcome>,
    pending: Pending,
    out: VecDeque<Bytes>,
    names: Names,
    /// Nothing is sent before this.
    hold: Option<Instant>,
    /// The gap that was answered by a rewind: each may be reported more than once.
    rewound: Option<u64>,
    /// The highest own cid among the commits that were applied, or that a welcome spoke of.
    own: u64,
    /// Welcomes of this session.
    welcomes: u64,
    /// Own batches whose commits record a refusal. Until they are answered, that may still be taken back.
    refused: BTreeMap<u64, SmolStr>,
    /// Everything that happened.
    pub history: History,
}

impl Core {
    /// A client that holds nothing yet.
    #[must_use]
    pub fn new(client: impl Into<String>, encoding: Encoding, keep: Keep) -> Self {
        Self {
            client: client.into(),
            encoding,
            keep,
            replica: Replica::default(),
            position: None,
            incoming: None,
            welcome: None,
            pending: Pending::default(),
            out: VecDeque::new(),
            names: Names::default(),
            hold: None,
            rewound: None,
            own: 0,
            welcomes: 0,
            refused: BTreeMap::new(),
            history: History::default(),
        }
    }

    /// How its messages are written.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The project as it knows it.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// What the replica is.
    #[must_use]
    pub fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// The welcome of this session, if it has come.
    #[must_use]
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// Whether the sync that the last welcome announced is complete.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        let target = self.welcome.as_ref().map(|w| w.position.seq);
        self.incoming.is_none() && target.is_some() && self.position.as_ref().map(|p| p.seq) >= target
    }

    /// Batches that are not saved, and those of them that are not answered.
    #[must_use]
    pub fn open_batches(&self) -> (usize, u64) {
        (self.pending.unsaved(), self.pending.unanswered())
    }

    /// Forgets the session, keeps everything else, and says hello.
    pub fn begin(&mut self) {
        self.welcome = None;
        self.welcomes = 0;
        self.incoming = None;
        self.hold = None;
        self.rewound = None;
        self.out.clear();
        let hello = say::hello(&self.client, self.position.as_ref(), self.history.saved);
        self.say(hello);
    }

    /// Hands a batch in: a MessagePack list of ops. It is sent as soon as the protocol allows.
    pub fn submit(&mut self, now: Instant, ops: Bytes) -> u64 {
        let cid = self.pending.add(now, ops.clone());
        self.history.sent.insert(cid, ops);
        self.fill(now);
        cid
    }

    /// Queues any message.
    pub fn say(&mut self, packed: Vec<u8>) {
        self.out.push_back(say::frame(packed, self.encoding));
    }

    /// The next frame to send.
    pub fn take_out(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// When to call [`Core::wake`], if it waits for a time.
    #[must_use]
    pub fn wake_at(&self) -> Option<Instant> {
        self.hold
    }

    /// A time has come.
    pub fn wake(&mut self, now: Instant) {
        self.fill(now);
    }

    /// Queues what may be sent of the batches.
    fn fill(&mut self, now: Instant) {
        let Some(window) = self.welcome.as_ref().map(|w| w.unacked_batches) else {
            return;
        };
        if self.hold.is_some_and(|until| now < until) {
            return;
        }
        self.hold = None;
        while let Some(batch) = self.pending.next(window) {
            let message = batch.message();
            self.say(message);
        }
    }

    /// Takes a frame of the server; returns what it was.
    ///
    /// # Errors
    /// [`Violation`]: the server is wrong, and nothing it says can be trusted.
    pub fn hear(&mut self, now: Instant, frame: &[u8]) -> Result<Message, Violation> {
        let message = self.read(frame).map_err(|e| Violation(e.to_string()))?;
        self.take(now, message)
    }

    /// Reads a frame of the server, for [`Core::take`].
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(&mut self, frame: &[u8]) -> Result<Message, Unreadable> {
        self.names.read(frame, self.encoding)
    }

    /// Takes a message of the server, which was read before; returns it.
    ///
    /// # Errors
    /// As [`Core::hear`].
    pub fn take(&mut self, now: Instant, message: Message) -> Result<Message, Violation> {
        if self.welcome.is_none() && !matches!(message, Message::Welcome(_) | Message::Error(..) | Message::Goaway(..))
        {
            return violation(format!("{message:?} before any welcome"));
        }
        match &message {
            Message::Welcome(welcome) => self.welcomed(now, welcome)?,
            Message::Snapshot(n, last, objects) => self.chunk(*n, *last, objects)?,
            Message::Commits(seq, id, commits) => match &mut self.incoming {
                Some(incoming) => incoming.aside.push((*seq, id.clone(), commits.clone())),
                None => self.apply(*seq, id, commits)?,
            },
            Message::Ack(cid, _, gone) => self.acked(now, *cid, gone)?,
            Message::Reject(reject) => self.rejected(now, reject)?,
            Message::Gap(expected) if self.rewound != Some(*expected) => {
                self.rewound = Some(*expected);
                self.pending.rewind(*expected);
            }
            Message::Saved(cid, seq) => {
                if *cid > self.pending.answered() {
                    return violation(format!("saved up to cid {cid}, answered {}", self.pending.answered()));
                }
                self.history.saved = self.history.saved.max(*cid);
                self.history.saved_seq(*seq);
                self.history.saved_in.extend(self.pending.forget(now, *cid));
            }
            _ => {}
        }
        self.fill(now);
        Ok(message)
    }

    fn welcomed(&mut self, now: Instant, welcome: &Welcome) -> Result<(), Violation> {
        // Another node may not know yet what is saved, but it must have it.
        if welcome.last < self.history.saved {
            let had = self.history.saved;
            return violation(format!("cid {had} was saved, now there are only {}", welcome.last));
        }
        if welcome.saved > welcome.last {
            return violation("more is saved than there is");
        }
        if welcome.last < self.pending.answered() {
            self.history.taken_back += 1;
        }
        self.history.saved_in.extend(self.pending.forget(now, welcome.saved));
        self.pending.begin(welcome.last);
        self.welcomes += 1;
        self.own = welcome.last;
        self.refused.retain(|cid, _| *cid <= welcome.last);
        self.rewound = None;
        self.hold = None;
        self.history.welcome(welcome);
        self.incoming = welcome.snapshot.then(|| Incoming::new(welcome.position.clone()));
        match &mut self.position {
            _ if welcome.snapshot => {}
            Some(position) if position.seq <= welcome.position.seq => position.epoch = welcome.position.epoch,
            other => return violation(format!("a delta to {:?} for a client at {other:?}", welcome.position)),
        }
        self.welcome = Some(welcome.clone());
        Ok(())
    }

    fn chunk(&mut self, n: u64, last: bool, objects: &[Object]) -> Result<(), Violation> {
        let Some(incoming) = self.incoming.as_mut().filter(|incoming| incoming.next == n) else {
            return violation(format!("chunk {n} came unexpectedly"));
        };
        incoming.add(objects);
        let Some(incoming) = last.then(|| self.incoming.take()).flatten() else {
            return Ok(());
        };
        self.replica = incoming.replica;
        self.position = Some(incoming.target);
        self.history.snapshot_complete();
        for (seq, id, commits) in incoming.aside {
            self.apply(seq, &id, &commits)?;
        }
        Ok(())
    }

    fn apply(&mut self, first: u64, id: &SmolStr, commits: &[Commit]) -> Result<(), Violation> {
        let Some(position) = &mut self.position else {
            return violation("commits before any state");
        };
        if first != position.seq + 1 || commits.is_empty() {
            return violation(format!("{} commits from {first} on for a client at {}", commits.len(), position.seq));
        }
        position.seq = first + commits.len() as u64 - 1;
        position.id = id.clone();
        for (seq, commit) in (first..).zip(commits) {
            self.replica.apply(seq, commit).map_err(|e| Violation(e.to_string()))?;
            if commit.author == self.history.author {
                self.own = self.own.max(commit.cid);
                if let Some(code) = &commit.refused {
                    self.refused.insert(commit.cid, code.clone());
                }
            }
            self.history.seen(commit, self.keep);
        }
        Ok(())
    }

    fn acked(&mut self, now: Instant, cid: u64, gone: &[(u64, Vec<SmolStr>)]) -> Result<(), Violation> {
        if cid > self.pending.top() {
            return violation(format!("ack of {cid}, sent were {}", self.pending.top()));
        }
        if cid > self.own && self.incoming.is_none() {
            return violation(format!("ack of {cid} before its commit; the last own one was {}", self.own));
        }
        self.rewound = self.rewound.filter(|expected| *expected > cid);
        self.history.gone.extend(gone.iter().cloned());
        for cid in self.pending.answer(cid) {
            self.answered_now(now, cid);
            match self.refused.remove(&cid) {
                Some(code) => drop(self.history.rejected.insert(cid, code)),
                None => {
                    self.history.acked.insert(cid);
                }
            }
        }
        Ok(())
    }

    fn answered_now(&mut self, now: Instant, cid: u64) {
        if let Some(batch) = self.pending.get_mut(cid) {
            self.history.answered_in.push(now.saturating_duration_since(batch.since));
        }
    }

    fn rejected(&mut self, now: Instant, reject: &Reject) -> Result<(), Violation> {
        let cid = reject.cid;
        match reject.kind.as_str() {
            "final" => {
                if cid <= self.pending.answered() + 1 {
                    drop(self.pending.answer(cid));
                } else if self.welcomes > 1 && cid <= self.pending.top() {
                    // It was under way when the session was rewound: those in front of it are sent again.
                    self.pending.answer_early(cid);
                } else {
                    return violation(format!("reject of {cid} after {}", self.pending.answered()));
                }
                self.answered_now(now, cid);
                if let Some(batch) = self.pending.get_mut(cid) {
                    batch.void = Some(reject.code.clone());
                }
                self.refused.remove(&cid);
                self.history.rejected.insert(cid, reject.code.clone());
            }
            "temporary" => {
                self.pending.rewind(cid);
                self.rewound = Some(cid);
                self.hold = Some(now + Duration::from_millis(reject.retry_ms.unwrap_or(0)));
            }
            other => return violation(format!("a reject of kind {other}: {reject:?}")),
        }
        Ok(())
    }
}
