//! All sessions in a room.

use super::member::Member;
use super::parts::parts;
use super::propose::Answer;
use crate::ids::{Author, Cid, Seq, SessionId};
use crate::metrics;
use crate::protocol::close::Close;
use crate::protocol::commit::Commit;
use crate::protocol::message::{Frame, ServerMessage};
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::{Encoding, encode};
use std::collections::{BTreeMap, HashMap};

/// All members, by session.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_session: BTreeMap<SessionId, Member>,
    by_author: HashMap<Author, SessionId>,
}

/// How often the watermark alone is told, in ticks of 50 ms.
const WATERMARK_TICKS: u32 = 20;

impl Members {
    pub(super) fn len(&self) -> usize {
        self.by_session.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_session.is_empty()
    }

    pub(super) fn get_mut(&mut self, session: SessionId) -> Option<&mut Member> {
        self.by_session.get_mut(&session)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut Member)> {
        self.by_session.iter_mut().map(|(session, member)| (*session, member))
    }

    /// Whether a session of this client id is here, which a new one replaces.
    pub(super) fn has(&self, author: &Author) -> bool {
        self.by_author.contains_key(author)
    }

    /// Adds a member; returns the session that had this client id, which is to go.
    pub(super) fn insert(&mut self, session: SessionId, member: Member) -> Option<SessionId> {
        let old = self.by_author.insert(member.who.author, session);
        self.by_session.insert(session, member);
        old
    }

    pub(super) fn remove(&mut self, session: SessionId) -> Option<Member> {
        let member = self.by_session.remove(&session)?;
        if self.by_author.get(&member.who.author) == Some(&session) {
            self.by_author.remove(&member.who.author);
        }
        Some(member)
    }

    /// Sends commits to everybody who keeps up: encoded once per encoding, in messages that are not large.
    pub(super) fn commits<'a>(&mut self, first: Seq, commits: impl Iterator<Item = &'a Commit>) {
        let commits: Vec<&Commit> = commits.collect();
        parts(first, &commits).for_each(|(at, part)| self.send_part(at, part));
    }

    fn send_part(&mut self, first: Seq, part: &[&Commit]) {
        let Some(last) = part.last().map(|commit| (first + part.len() as Seq - 1, commit.id)) else { return };
        let mut frames: HashMap<Encoding, Frame> = HashMap::new();
        for member in self.by_session.values_mut().filter(|m| !m.lagging) {
            let frame = frames
                .entry(member.encoding)
                .or_insert_with(|| encode::commits(first, part.iter().copied(), member.encoding));
            if member.push(frame.clone()) {
                member.sent = last;
            }
        }
    }

    /// Sends a message to everybody but one, dropping it for slow readers.
    pub(super) fn passing(&mut self, except: SessionId, only: Option<SessionId>, message: &ServerMessage) {
        let mut frames: HashMap<Encoding, Frame> = HashMap::new();
        for (session, member) in &mut self.by_session {
            if *session == except || only.is_some_and(|to| to != *session) || member.lagging {
                continue;
            }
            let frame = frames.entry(member.encoding).or_insert_with(|| encode::message(message, member.encoding));
            if !member.outbox.push_presence(frame.clone()) {
                metrics::presence_dropped();
            }
        }
    }

    /// Sends what changed to everybody; those who are behind get everything once they keep up again.
    pub(super) fn presence(&mut self, news: &ServerMessage, everybody: &ServerMessage) {
        let mut frames: HashMap<(Encoding, bool), Frame> = HashMap::new();
        for member in self.by_session.values_mut().filter(|m| !m.lagging) {
            let full = member.presence_behind;
            let message = if full { everybody } else { news };
            let frame =
                frames.entry((member.encoding, full)).or_insert_with(|| encode::message(message, member.encoding));
            member.presence_behind = !member.outbox.push_presence(frame.clone());
            if member.presence_behind {
                metrics::presence_dropped();
            }
        }
    }

    /// Whether somebody waits for a full presence message.
    pub(super) fn presence_behind(&self) -> bool {
        self.by_session.values().any(|m| m.presence_behind && !m.lagging)
    }

    /// A batch of this session has its seq.
    pub(super) fn decided(&mut self, session: SessionId, answer: Answer) {
        if let Some(member) = self.by_session.get_mut(&session) {
            member.unsaved.push_back((answer.cid, answer.seq));
            member.answers.push_back(answer);
        }
    }

    /// Sends the answers that are due now: those up to `answered`, with everything up to `saved` durable.
    pub(super) fn settle(&mut self, answered: Seq, saved: Seq) {
        for member in self.by_session.values_mut() {
            member.mark_saved(saved);
            if !member.lagging && !member.answers.is_empty() {
                member.answer_up_to(answered);
            }
        }
    }

    /// Sends `saved` to those whose own batches became durable, and now and then to all whose project did. Returns whether everybody knows.
    pub(super) fn tell_saved(&mut self, seq: Seq, tick: u32) -> bool {
        let mut all_know = true;
        for member in self.by_session.values_mut().filter(|m| !m.lagging) {
            let due = member.saved > member.told.0 || (seq > member.told.1 && tick.is_multiple_of(WATERMARK_TICKS));
            if due && member.say(&ServerMessage::Saved { cid: member.saved, seq }) {
                member.told = (member.saved, seq);
            }
            all_know &= member.told.1 >= seq;
        }
        all_know
    }

    /// Counts a batch that a session hands in; false when it has `most` unanswered already.
    pub(super) fn hand_in(&mut self, session: SessionId, most: usize) -> bool {
        // A batch of a session that has left is taken: it was sent before.
        let Some(member) = self.by_session.get_mut(&session) else {
            return true;
        };
        let fits = member.unanswered < most;
        member.unanswered += usize::from(fits);
        fits
    }

    /// A batch that was handed in goes nowhere and is answered at once.
    pub(super) fn answered_at_once(&mut self, session: SessionId) -> Option<&mut Member> {
        let member = self.by_session.get_mut(&session)?;
        member.unanswered = member.unanswered.saturating_sub(1);
        Some(member)
    }

    /// Tells a session that its batch was not taken and when to send it again.
    pub(super) fn not_now(&mut self, session: SessionId, cid: Cid, code: Code, retry_ms: u32) {
        if let Some(member) = self.by_session.get_mut(&session) {
            metrics::refused(code);
            let why = if code == Code::Overloaded { "too much is in flight" } else { "the store does not answer" };
            let refusal = Refusal::new(code, format!("{why}; send this batch again later"));
            member.say(&ServerMessage::Reject { cid, refusal, current: None, retry_ms: Some(retry_ms) });
        }
    }

    /// Says something to everybody who keeps up; who does not hears it with the next welcome.
    pub(super) fn say_to_all(&mut self, message: &ServerMessage) {
        self.by_session.values_mut().for_each(|member| {
            member.say(message);
        });
    }

    /// Closes every session.
    pub(super) fn close_all(&mut self, close: Close, message: &str) {
        for member in self.by_session.values() {
            member.outbox.close(close, message);
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        // However a room ends, nobody is left listening to it. The first reason stands.
        self.close_all(Close::Internal, "the room has ended; reconnect");
    }
}
