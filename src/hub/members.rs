//! All sessions in a room.

use super::member::Member;
use super::moves::Moves;
use super::names::Names;
use super::parts::parts;
use super::propose::Answer;
use super::shared::{Encoded, Shared};
use crate::ids::{Author, Cid, Seq, SessionId};
use crate::metrics;
use crate::presence::cursor::Rect;
use crate::presence::roster::Line;
use crate::protocol::close::Close;
use crate::protocol::commit::Commit;
use crate::protocol::encode;
use crate::protocol::frame::Frame;
use crate::protocol::message::{PresenceEntry, ServerMessage, To};
use crate::protocol::op::{Action, Batch, Body};
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::short::{self, Name};
use std::collections::{BTreeMap, HashMap};

/// All members, by session.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_session: BTreeMap<SessionId, Member>,
    by_author: HashMap<Author, SessionId>,
    names: Names,
    /// Somebody may have something to be sent.
    touched: bool,
}

/// With more members than this their sessions send, each in its task: a room is one task, and other processors help with theirs.
const SENT_FROM_HERE: usize = 100;

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
        self.touched = true;
        self.by_session.get_mut(&session)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (SessionId, &mut Member)> {
        self.touched = true;
        self.by_session.iter_mut().map(|(session, member)| (*session, member))
    }

    /// Sends what was queued in this turn.
    pub(super) fn flush(&mut self) {
        if std::mem::take(&mut self.touched) {
            let from_here = self.by_session.len() <= SENT_FROM_HERE;
            self.by_session.values_mut().for_each(|member| member.flush(from_here));
        }
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

    /// Sends commits to everybody who keeps up, encoded once per encoding. Those that `can_wait` go with the next thing that is due, or when released.
    pub(super) fn commits<'a>(&mut self, first: Seq, commits: impl Iterator<Item = &'a Commit>, can_wait: bool) {
        let commits: Vec<&Commit> = commits.collect();
        parts(first, &commits).for_each(|(at, part)| self.send_part(at, part, can_wait));
    }

    /// Sends what waits.
    pub(super) fn release(&mut self) {
        self.iter_mut().for_each(|(_, member)| member.is_due |= member.can_wait);
    }

    fn send_part(&mut self, first: Seq, part: &[&Commit], can_wait: bool) {
        let Some(last) = part.last().map(|commit| (first + part.len() as Seq - 1, commit.id)) else { return };
        self.number(part.iter().filter_map(|commit| commit.author()).map(Name::Author));
        let (author, names) = (only_author(part), &self.names);
        let mut shared = Shared::default();
        for member in self.by_session.values_mut().filter(|m| !m.lagging) {
            let frame = shared.frame(member.encoding, member.short, || {
                let part = part.iter().copied();
                if member.short {
                    short::commits(first, part, |name| names.of(name))
                } else {
                    encode::commits(first, part, member.encoding)
                }
            });
            let is_own = author == Some(member.who.author) && !member.answers.is_empty();
            let fits = if is_own || can_wait { member.push_later(frame) } else { member.push(frame) };
            if fits {
                member.sent = last;
            }
        }
    }

    /// Sends a message to whom it is for, but one, dropping it for slow readers.
    pub(super) fn passing(&mut self, except: SessionId, to: &To, message: ServerMessage) {
        self.touched = true;
        let mut message = Encoded::new(message);
        for (session, member) in &mut self.by_session {
            if *session == except || !to.is(*session, &member.who.user) || member.lagging {
                continue;
            }
            let frame = message.frame(member.encoding);
            member.push_presence(frame);
        }
    }

    /// Sends what changed to everybody; those who are behind get everything once they keep up again. Who takes short frames is spared the cursors that
    /// move far outside of the viewport that `sees` tells.
    pub(super) fn presence(
        &mut self,
        news: Vec<Line>,
        everybody: Vec<PresenceEntry>,
        sees: impl Fn(SessionId) -> Option<Rect>,
    ) {
        let is_move = |line: &Line| line.entry.who.is_none() && line.entry.fields.is_some();
        let (moved, others): (Vec<&Line>, Vec<&Line>) = news.iter().partition(|line| is_move(line));
        self.number(moved.iter().map(|line| Name::Session(line.entry.session)));
        let moves = Moves::new(moved.into_iter(), |session| self.names.of(Name::Session(session)));
        let has_others = !others.is_empty();
        let others: Vec<_> = others.into_iter().map(|line| line.entry.clone()).collect();
        let news: Vec<_> = news.into_iter().map(|line| line.entry).collect();
        let [mut news, mut others, mut everybody] = [(false, news), (false, others), (true, everybody)]
            .map(|(full, sessions)| Encoded::new(ServerMessage::Presence { full, sessions }));
        for (session, member) in self.by_session.iter_mut().filter(|(_, m)| !m.lagging) {
            let encoding = member.encoding;
            let fits = match (member.presence_behind, member.short) {
                (true, _) => member.push_presence(everybody.frame(encoding)),
                (_, false) => member.push_presence(news.frame(encoding)),
                // Who has come first: what is short names nobody who was not told of.
                _ => {
                    (!has_others || member.push_presence(others.frame(encoding)))
                        && moves.frame(|| sees(*session)).is_none_or(|moves| member.push_presence(moves))
                }
            };
            member.presence_behind = !fits;
        }
    }

    /// Tells everybody who does not know it yet how often to send presence.
    pub(super) fn pace(&mut self, pace: Option<u32>) {
        let mut message = Encoded::new(ServerMessage::Pace(pace));
        for member in self.by_session.values_mut().filter(|m| !m.lagging && m.pace != pace) {
            if member.push_presence(message.frame(member.encoding)) {
                member.pace = pace;
            } else {
                member.presence_behind = true;
            }
        }
    }

    /// Gives numbers to names that have none, and tells them to whom it concerns.
    fn number(&mut self, names: impl Iterator<Item = Name> + Clone) {
        self.touched = true;
        if let Some(frame) = self.names.number(names) {
            for member in self.by_session.values_mut().filter(|m| m.short && !m.lagging) {
                member.push(frame.clone());
            }
        }
    }

    /// What a session with short frames is told of names after its welcome.
    pub(super) fn names(&self) -> Frame {
        self.names.all()
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

    /// Sends the answers that are due now: those up to `answered`, with everything up to `saved` durable. When an ack means saved, `saved` comes with it.
    pub(super) fn settle(&mut self, answered: Seq, saved: Seq, ack_means_saved: bool) {
        self.touched = true;
        for member in self.by_session.values_mut() {
            member.mark_saved(saved);
            if !member.lagging && !member.answers.is_empty() {
                member.answer_up_to(answered);
                if ack_means_saved && member.saved > member.told.0 {
                    member.tell_saved(saved);
                }
            }
        }
    }

    /// Sends `saved` to those whose own batches became durable, and now and then to all whose project did: with the next thing that they hear, or at the
    /// next tick. Returns whether everybody knows.
    pub(super) fn tell_saved(&mut self, seq: Seq, tick: u32) -> bool {
        self.touched = true;
        let mut all_know = true;
        for member in self.by_session.values_mut().filter(|m| !m.lagging) {
            member.is_due |= member.can_wait;
            if member.saved > member.told.0 || (seq > member.told.1 && tick.is_multiple_of(WATERMARK_TICKS)) {
                member.tell_saved(seq);
            }
            all_know &= member.told.1 >= seq && (member.is_due || !member.can_wait);
        }
        all_know
    }

    /// Counts a batch that a session hands in; false when it has `most` unanswered already.
    pub(super) fn hand_in(&mut self, session: SessionId, cid: Cid, most: usize) -> bool {
        // A batch of a session that has left is taken: it was sent before.
        self.by_session.get_mut(&session).is_none_or(|member| member.hand_in(cid, most))
    }

    /// A batch that was handed in goes nowhere and is answered at once.
    pub(super) fn answered_at_once(&mut self, session: SessionId) -> Option<&mut Member> {
        let member = self.get_mut(session)?;
        member.answered_at_once();
        Some(member)
    }

    /// Notes which leases a batch asks for.
    pub(super) fn note_leases(&mut self, session: SessionId, batch: &Batch) {
        let Body::Ops(ops) = &batch.body else { return };
        let leased = ops.iter().filter(|op| matches!(op.action, Action::Lease { .. })).map(|op| &op.id);
        if let Some(member) = self.by_session.get_mut(&session) {
            member.leases.extend(leased.cloned());
        }
    }

    /// Tells a session that its batch was not taken and when to send it again.
    pub(super) fn not_now(&mut self, session: SessionId, cid: Cid, code: Code, retry_ms: u32) {
        if let Some(member) = self.get_mut(session) {
            metrics::refused(code);
            let why = if code == Code::Overloaded { "too much is in flight" } else { "the store does not answer" };
            let refusal = Refusal::new(code, format!("{why}; send this batch again later"));
            member.say(&ServerMessage::Reject { cid, refusal, current: None, retry_ms: Some(retry_ms) });
        }
    }

    /// Says something to everybody who keeps up; who does not hears it with the next welcome.
    pub(super) fn say_to_all(&mut self, message: &ServerMessage) {
        self.iter_mut().for_each(|(_, member)| {
            member.say(message);
        });
    }

    /// Everybody, to be looked at.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Member)> {
        self.by_session.iter().map(|(session, member)| (*session, member))
    }

    /// Closes every session.
    pub(super) fn close_all(&mut self, close: Close, message: &str) {
        for member in self.by_session.values() {
            member.outbox.close(close, message);
        }
    }
}

/// Who made all of these commits, if it was one client.
fn only_author(commits: &[&Commit]) -> Option<Author> {
    let mut authors = commits.iter().map(|commit| commit.author());
    let first = authors.next()??;
    authors.all(|author| author == Some(first)).then_some(first)
}

impl Drop for Members {
    fn drop(&mut self) {
        // However a room ends, nobody is left listening to it. The first reason stands.
        self.close_all(Close::Internal, "the room has ended; reconnect");
    }
}

#[cfg(test)]
mod tests;
