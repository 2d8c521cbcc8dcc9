//! Everything about a room that tells why it is as it is: for an operator who looks at one project.

use super::Room;
use super::report::Report;
use crate::clock;
use crate::hub::member::Member;
use crate::ids::{Seq, SessionId};
use crate::protocol::Encoding;
use crate::protocol::commit::{Commit, Outcome};
use crate::protocol::message::Role;
use serde::Serialize;
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Commits that are shown.
const COMMITS: usize = 30;

/// A room, in detail.
#[derive(Debug, Clone, Serialize)]
pub struct Detail {
    /// Its figures.
    pub report: Report,
    /// Commit id of its last commit.
    pub commit: SmolStr,
    /// Stored objects that cannot be read.
    pub quarantined: usize,
    /// Batches that wait for their call.
    pub waiting: usize,
    /// Whether a store has been asked for something and has not answered.
    pub asks: bool,
    /// What the room must do before its next call.
    pub need: String,
    /// Sessions here.
    pub members: Vec<Session>,
    /// Everybody else who is there: on other nodes, and bots.
    pub others: Vec<Present>,
    /// The newest commits, the newest first.
    pub commits: Vec<Line>,
}

/// A session here.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    session: SessionId,
    user: SmolStr,
    role: Role,
    author: SmolStr,
    encoding: &'static str,
    /// The last commit that it was sent.
    sent: Seq,
    outbox_bytes: usize,
    /// Whether it fell behind.
    is_slow: bool,
    /// Batches without an answer.
    unanswered: usize,
    /// Batches that are accepted and not durable.
    unsaved: usize,
    /// How long ago it was heard, in ms.
    heard_ms: u64,
}

/// Somebody who is there and not here.
#[derive(Debug, Clone, Serialize)]
pub struct Present {
    session: SessionId,
    user: SmolStr,
    role: Role,
}

/// A commit.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    seq: Seq,
    commit: SmolStr,
    /// Of which client; nobody's: the server's own.
    author: Option<SmolStr>,
    /// What it did, in words.
    what: String,
}

fn session(session: SessionId, member: &Member, now_ms: u64) -> Session {
    Session {
        session,
        user: member.who.user.clone(),
        role: member.who.role,
        author: member.who.author.text(),
        encoding: match member.encoding {
            Encoding::Json => "JSON",
            Encoding::MessagePack => "MessagePack",
        },
        sent: member.sent.0,
        outbox_bytes: member.outbox.bytes(),
        is_slow: member.lagging,
        unanswered: member.unanswered,
        unsaved: member.unsaved.len(),
        heard_ms: now_ms.saturating_sub(member.pulse.last_ms()),
    }
}

fn line(seq: Seq, commit: &Commit) -> Line {
    let author = commit.author().map(|author| author.text());
    let what = match &commit.outcome {
        Outcome::Refused(code) => format!("refused: {}", code.as_str()),
        Outcome::Changed(changes) => match changes.ids().count() {
            0 => "no changes".to_owned(),
            1 => format!("1 change, {} bytes", changes.as_bytes().len()),
            count => format!("{count} changes, {} bytes", changes.as_bytes().len()),
        },
    };
    Line { seq, commit: commit.id.to_string().into(), author, what }
}

impl Room {
    /// Everything that is worth a look.
    pub(super) fn detail(&self) -> Detail {
        let now_ms = clock::now_ms();
        let here: BTreeSet<SessionId> = self.members.iter().map(|(session, _)| session).collect();
        let others = self.roster.everybody().into_iter().filter(|entry| !here.contains(&entry.session));
        Detail {
            report: self.report(),
            commit: self.replica.position().id.to_string().into(),
            quarantined: self.replica.canvas().quarantined().len(),
            waiting: self.queue.len(),
            asks: self.in_flight.is_some(),
            need: format!("{:?}", self.course.need),
            members: self.members.iter().map(|(id, member)| session(id, member, now_ms)).collect(),
            others: others
                .filter_map(|entry| entry.who.map(|who| (entry.session, who)))
                .map(|(session, who)| Present { session, user: who.user, role: who.role })
                .collect(),
            commits: self.latest(),
        }
    }

    fn latest(&self) -> Vec<Line> {
        let head = self.replica.position().seq;
        // The log may begin later.
        let from = (head.saturating_sub(COMMITS as Seq)..=head).find_map(|seq| Some((seq, self.replica.id_at(seq)?)));
        let after = from.and_then(|(seq, id)| Some((seq, self.replica.after(seq, id)?)));
        let mut lines: Vec<_> = after
            .map(|(from, commits)| commits.zip(from + 1..).map(|(commit, seq)| line(seq, commit)).collect())
            .unwrap_or_default();
        lines.reverse();
        lines
    }
}
