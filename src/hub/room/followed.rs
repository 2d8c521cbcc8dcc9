//! Commits that are traced and whose steps are not all taken.

use super::Room;
use crate::hub::propose::{Answer, Verdict};
use crate::ids::{Cid, CommitId, ProjectId, Seq, SessionId};
use crate::protocol::commit::{Commit, Origin};
use crate::protocol::run::Run;
use crate::trace::{self, Step, Traced};
use opentelemetry::KeyValue;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// More are not followed at a time.
const MOST: usize = 256;
/// What has not come to its end by then will not: its lineage was lost, perhaps.
const LONGEST: Duration = Duration::from_secs(60);

/// The commits.
#[derive(Debug, Default)]
pub(super) struct Followed(VecDeque<One>);

#[derive(Debug)]
struct One {
    seq: Seq,
    id: CommitId,
    /// Since when this room knows of it.
    known: Instant,
    /// Who asked for it, if that was here and has no answer yet.
    asked: Option<Asked>,
    /// It has not gone to the sockets.
    untold: bool,
    /// It was asked for here, and is not known to be saved.
    unsaved: bool,
}

/// A batch of this node.
#[derive(Debug, Clone, Copy)]
struct Asked {
    session: SessionId,
    cid: Cid,
    accepted: bool,
    came: Instant,
    called: Instant,
    batches: usize,
}

/// How far everybody has been told.
#[derive(Debug, Clone, Copy)]
struct Told {
    commits: Seq,
    answers: Seq,
    saved: Seq,
    members: usize,
}

impl Followed {
    /// Everybody has been told of commits until `told`: these were followed before, and are over but for their author.
    fn push(&mut self, seq: Seq, id: CommitId, asked: Option<Asked>, told: Seq, now: Instant) {
        if let Some(one) = self.0.iter_mut().find(|one| one.id == id) {
            one.asked = asked.or(one.asked);
            one.unsaved |= asked.is_some();
            return;
        }
        if seq <= told && asked.is_none() {
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(One { seq, id, known: now, asked, untold: seq > told, unsaved: asked.is_some() });
    }

    /// Tells of the steps that were taken, and forgets what is over.
    fn look(&mut self, project: &ProjectId, told: Told, now: Instant) {
        self.0.retain_mut(|one| {
            let traced = Traced { project, id: one.id, seq: one.seq };
            if one.untold && one.seq <= told.commits {
                one.untold = false;
                let members = KeyValue::new("collab.members", integer(told.members));
                trace::tell(traced, Step::FanOut, one.known, now, vec![members]);
            }
            if let Some(asked) = one.asked.filter(|_| one.seq <= told.answers) {
                one.asked = None;
                let batches = KeyValue::new("collab.batches", integer(asked.batches));
                trace::tell(traced, Step::Commit, asked.called, one.known.max(asked.called), vec![batches]);
                trace::tell(traced, Step::Op, asked.came, now, asked.attributes());
            }
            if one.unsaved && one.seq <= told.saved {
                one.unsaved = false;
                trace::tell(traced, Step::Durable, one.known, now, Vec::new());
            }
            let is_over = !one.untold && one.asked.is_none() && !one.unsaved;
            !is_over && now.duration_since(one.known) < LONGEST
        });
    }
}

impl Asked {
    fn attributes(&self) -> Vec<KeyValue> {
        vec![
            KeyValue::new("collab.session", integer(self.session)),
            KeyValue::new("collab.cid", integer(self.cid)),
            KeyValue::new("collab.result", if self.accepted { "accepted" } else { "refused" }),
        ]
    }
}

/// Ops are: what the server does of itself has no author whose trace it would be in.
fn is_followed(commit: &Commit) -> bool {
    matches!(commit.origin, Origin::Client { .. }) && trace::follows(commit.id)
}

fn integer(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

impl Room {
    /// Follows those commits of a call that are traced. `later`: by how much their seqs are higher than in the answers.
    pub(super) fn follow(&mut self, run: &Run, answers: &[(Option<SessionId>, Answer)], later: Seq) {
        if !trace::is_on() {
            return;
        }
        let now = Instant::now();
        for (session, answer) in answers {
            let seq = answer.seq + later;
            let at = seq.checked_sub(run.first).and_then(|at| usize::try_from(at).ok());
            let Some(commit) = at.and_then(|at| run.commits.get(at)).filter(|commit| is_followed(commit)) else {
                continue;
            };
            let member = session.and_then(|session| self.members.get_mut(session));
            let came = member.and_then(|member| member.came(answer.cid));
            let asked = session.zip(came).map(|(session, came)| Asked {
                session,
                cid: answer.cid,
                accepted: matches!(answer.verdict, Verdict::Accepted(_)),
                came,
                called: self.called,
                batches: run.commits.len(),
            });
            self.followed.push(seq, commit.id, asked, self.telling.told, now);
        }
    }

    /// Follows those commits that are traced of those that came from elsewhere.
    pub(super) fn follow_others(&mut self, first: Seq, commits: &[Commit]) {
        if !trace::is_on() {
            return;
        }
        let now = Instant::now();
        for (seq, commit) in (first..).zip(commits).filter(|(_, commit)| is_followed(commit)) {
            self.followed.push(seq, commit.id, None, self.telling.told, now);
        }
    }

    /// What was to be sent has been sent.
    pub(super) fn look_after_followed(&mut self) {
        if self.followed.0.is_empty() {
            return;
        }
        let saved = self.replica.saved().seq;
        // Answers come with rounds, in the same turn.
        let answers = if self.telling.waits() { 0 } else { self.answered() };
        let told = Told { commits: self.telling.told, answers, saved, members: self.members.len() };
        self.followed.look(&self.project, told, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_commit_is_followed_until_it_is_told_answered_and_saved() {
        let (project, now) = (ProjectId::parse("p").expect("an id"), Instant::now());
        let mut followed = Followed::default();
        let asked = Asked { session: 1, cid: 1, accepted: true, came: now, called: now, batches: 1 };
        followed.push(5, CommitId([1; 8]), None, 4, now);
        followed.push(5, CommitId([1; 8]), Some(asked), 4, now);
        followed.push(6, CommitId([2; 8]), None, 4, now);
        assert_eq!(followed.0.len(), 2, "heard of and answered is one");
        let told = Told { commits: 6, answers: 0, saved: 0, members: 1 };
        followed.look(&project, told, now);
        assert_eq!(followed.0.len(), 1, "of a commit of another node there is no more to tell");
        followed.look(&project, Told { answers: 6, ..told }, now);
        assert_eq!(followed.0.len(), 1, "it is not saved");
        followed.look(&project, Told { answers: 6, saved: 5, ..told }, now);
        assert!(followed.0.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_is_told_once_of_what_was_heard_before_its_answer_came() {
        let (project, now) = (ProjectId::parse("p").expect("an id"), Instant::now());
        let mut followed = Followed::default();
        followed.push(5, CommitId([1; 8]), None, 4, now);
        let told = Told { commits: 5, answers: 4, saved: 4, members: 1 };
        followed.look(&project, told, now);
        assert!(followed.0.is_empty(), "it is told");
        let asked = Asked { session: 1, cid: 1, accepted: true, came: now, called: now, batches: 1 };
        followed.push(5, CommitId([1; 8]), Some(asked), told.commits, now);
        assert!(followed.0.front().is_some_and(|one| !one.untold), "its author waits, and it is not told again");
        followed.push(5, CommitId([1; 8]), None, told.commits, now);
        followed.look(&project, Told { answers: 5, saved: 5, ..told }, now);
        followed.push(5, CommitId([1; 8]), None, told.commits, now);
        assert!(followed.0.is_empty(), "nor when it is heard of again");
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_forgotten() {
        let (project, now) = (ProjectId::parse("p").expect("an id"), Instant::now());
        let mut followed = Followed::default();
        for n in 0..1_000_u64 {
            followed.push(n + 1, CommitId((n + 1).to_le_bytes()), None, 0, now);
        }
        assert_eq!(followed.0.len(), MOST);
        let told = Told { commits: 0, answers: 0, saved: 0, members: 1 };
        followed.look(&project, told, now + LONGEST);
        assert!(followed.0.is_empty());
    }
}
