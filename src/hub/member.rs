//! One session in a room, and what it has been told.

use super::mailbox::Joiner;
use super::outbox::{Full, Outbox};
use super::propose::{Answer, Verdict};
use super::pulse::Pulse;
use crate::ids::{Cid, CommitId, ObjectId, Seq};
use crate::metrics;
use crate::protocol::frame::Frame;
use crate::protocol::message::{ServerMessage, Who};
use crate::protocol::{Encoding, encode, short};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// One session in the room.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) who: Who,
    pub(super) encoding: Encoding,
    /// It takes short frames.
    pub(super) short: bool,
    pub(super) outbox: Arc<Outbox>,
    pub(super) pulse: Arc<Pulse>,
    /// Commits up to here are in its outbox or beyond: seq and commit id, because a seq may be of a lineage that is lost.
    pub(super) sent: (Seq, CommitId),
    /// It could not keep up: nothing more is sent until its outbox is empty and it is brought back.
    pub(super) lagging: bool,
    /// It is brought back as soon as a snapshot is made.
    pub(super) awaits_snapshot: bool,
    /// It was passed over by presence: the next one is full.
    pub(super) presence_behind: bool,
    /// The pace that it was told last.
    pub(super) pace: Option<u32>,
    /// Its outbox has something to be sent at the end of this turn.
    pub(super) is_due: bool,
    /// Its outbox has something that can wait: it goes with the next thing that is due, or at the next tick.
    pub(super) can_wait: bool,
    /// Batches that were handed in and are not answered.
    pub(super) unanswered: usize,
    /// The same, by cid and when they came; of those that were told to come again some may be missing.
    asked: VecDeque<(Cid, Instant)>,
    /// Batches that have their seq and are to be answered.
    pub(super) answers: VecDeque<Answer>,
    /// Batches that have their seq and are not durable.
    pub(super) unsaved: VecDeque<(Cid, Seq)>,
    /// Objects that it has asked a lease of.
    pub(super) leases: BTreeSet<ObjectId>,
    /// Highest durable cid.
    pub(super) saved: Cid,
    /// The `saved` message that was sent last.
    pub(super) told: (Cid, Seq),
}

impl Member {
    pub(super) fn new(joiner: &Joiner, saved: Cid, told: Seq) -> Self {
        Self {
            who: joiner.who.clone(),
            encoding: joiner.encoding,
            short: joiner.short,
            outbox: joiner.outbox.clone(),
            pulse: joiner.pulse.clone(),
            sent: (0, CommitId::NONE),
            lagging: false,
            awaits_snapshot: false,
            presence_behind: true,
            pace: None,
            is_due: false,
            can_wait: false,
            unanswered: 0,
            asked: VecDeque::new(),
            answers: VecDeque::new(),
            unsaved: VecDeque::new(),
            leases: BTreeSet::new(),
            saved,
            told: (saved, told),
        }
    }

    /// Begins a sync: everything up to `sent` is what the client has or is about to get, `saved` what it hears of its own durable batches.
    pub(super) fn begin(&mut self, sent: (Seq, CommitId), saved: Cid) {
        // What a seal has made durable was never waited for.
        self.saved = self.saved.max(saved);
        self.lagging = false;
        self.awaits_snapshot = false;
        self.sent = sent;
        self.presence_behind = true;
        self.is_due = true;
        // The client sends again what it has no answer to: copies under way must not count against it.
        self.unanswered = self.answers.len();
        self.asked.clear();
    }

    /// A batch is handed in now; false when there are `most` unanswered already.
    pub(super) fn hand_in(&mut self, cid: Cid, most: usize) -> bool {
        let fits = self.unanswered < most;
        if fits {
            self.unanswered += 1;
            self.asked.push_back((cid, Instant::now()));
        }
        fits
    }

    /// A batch goes nowhere and is answered at once: how long that took is not what anybody waits for.
    pub(super) fn answered_at_once(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        self.asked.clear();
    }

    /// When a batch came that is not answered.
    pub(super) fn came(&self, cid: Cid) -> Option<Instant> {
        self.asked.iter().find(|(asked, _)| *asked == cid).map(|(_, since)| *since)
    }

    /// Batches up to this one are answered.
    fn answered(&mut self, cid: Cid) {
        while let Some((_, since)) = self.asked.front().filter(|(asked, _)| *asked <= cid) {
            metrics::ops::answered(since.elapsed());
            self.asked.pop_front();
        }
    }

    /// Queues a message, or finds that the session cannot keep up.
    pub(super) fn say(&mut self, message: &ServerMessage) -> bool {
        let frame = match message {
            ServerMessage::Ack { cid, seq, gone } if self.short && gone.is_empty() => short::ack(*cid, *seq),
            _ => encode::message(message, self.encoding),
        };
        self.push(frame)
    }

    /// Queues a frame for the end of this turn, or finds that the session cannot keep up.
    pub(super) fn push(&mut self, frame: Frame) -> bool {
        self.is_due = true;
        self.push_quietly(frame)
    }

    /// Queues what can wait: commits of its own, whose answer is under way, those that a pressed node holds back, or word of what is saved. Only little
    /// waits: a session that reads is never behind for what was kept from it, and one that is found to be learns so at once.
    pub(super) fn push_later(&mut self, frame: Frame) -> bool {
        self.can_wait = true;
        let fits = self.push_quietly(frame);
        self.is_due |= !fits || self.outbox.is_behind();
        fits
    }

    /// Tells it what is saved.
    pub(super) fn tell_saved(&mut self, seq: Seq) {
        let frame = if self.short {
            short::saved(self.saved, seq)
        } else {
            encode::message(&ServerMessage::Saved { cid: self.saved, seq }, self.encoding)
        };
        if self.push_later(frame) {
            self.told = (self.saved, seq);
        }
    }

    fn push_quietly(&mut self, frame: Frame) -> bool {
        if !self.lagging && self.outbox.push(frame) == Err(Full) {
            self.lagging = true;
            metrics::outbox_overflow();
        }
        !self.lagging
    }

    /// Queues a presence frame unless the session is slow. Returns whether it did.
    pub(super) fn push_presence(&mut self, frame: Frame) -> bool {
        self.is_due = true;
        let fits = self.outbox.push_presence(frame);
        if !fits {
            metrics::presence_dropped();
        }
        fits
    }

    /// Sends what is due: from here, or in the session's task.
    pub(super) fn flush(&mut self, from_here: bool) {
        if std::mem::take(&mut self.is_due) {
            self.can_wait = false;
            if from_here { self.outbox.flush() } else { self.outbox.wake() }
        }
    }

    /// Sends the answers to batches up to `seq`, in order; accepted ones in a row are one ack. What does not fit the outbox stays and is sent
    /// after the resync.
    pub(super) fn answer_up_to(&mut self, seq: Seq) {
        while !self.lagging {
            let due = self.answers.iter().take_while(|a| a.seq <= seq);
            let accepted = due.take_while(|a| matches!(a.verdict, Verdict::Accepted(_))).count();
            let (message, count) = match (accepted, self.answers.front()) {
                (0, Some(Answer { cid, seq: at, verdict: Verdict::Refused(refusal, current) })) if *at <= seq => {
                    let (refusal, current) = ((**refusal).clone(), current.clone());
                    (ServerMessage::Reject { cid: *cid, refusal, current, retry_ms: None }, 1)
                }
                (0, _) => return,
                (count, _) => (self.ack(count), count),
            };
            if self.say(&message) {
                match message {
                    ServerMessage::Reject { cid, refusal, .. } => {
                        metrics::refused(refusal.code);
                        self.answered(cid);
                    }
                    ServerMessage::Ack { cid, .. } => self.answered(cid),
                    _ => {}
                }
                self.answers.drain(..count);
                self.unanswered = self.unanswered.saturating_sub(count);
            }
        }
    }

    /// The ack of the first `count` answers, all accepted.
    fn ack(&self, count: usize) -> ServerMessage {
        let (mut cid, mut seq, mut gone) = (0, 0, Vec::new());
        for answer in self.answers.range(..count) {
            // The highest: a repeat of an older batch may come last.
            (cid, seq) = (cid, seq).max((answer.cid, answer.seq));
            if let Verdict::Accepted(ids) = &answer.verdict
                && !ids.is_empty()
            {
                gone.push((answer.cid, ids.clone()));
            }
        }
        ServerMessage::Ack { cid, seq, gone }
    }

    pub(super) fn mark_saved(&mut self, seq: Seq) {
        while let Some((cid, _)) = self.unsaved.front().filter(|(_, at)| *at <= seq) {
            self.saved = self.saved.max(*cid);
            self.unsaved.pop_front();
        }
    }
}
