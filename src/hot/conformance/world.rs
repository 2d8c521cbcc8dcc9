//! One project in a store under test, and proposals for it.

use super::Backend;
use crate::fanout::Event;
use crate::hot::{Call, HotState, HotStore, Over, Proposal, Reply};
use crate::ids::{Author, Cid, CommitId, Epoch, ObjectId, Position, ProjectId, Seq};
use crate::project::apply::Effect;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::json::from_json;
use crate::protocol::props::Props;
use crate::protocol::refusal::Code;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc::UnboundedReceiver;

/// The project that the cases use.
pub(in crate::hot) fn project() -> ProjectId {
    ProjectId::parse("board").expect("id")
}

pub(in crate::hot) fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).expect("id")
}

pub(in crate::hot) fn author(n: u8) -> Author {
    Author([n; 8])
}

pub(in crate::hot) fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

/// A name that no other commit of this process has.
pub(in crate::hot) fn commit_id() -> CommitId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    CommitId(NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes())
}

/// A batch that puts an object in place of the one with this rev.
pub(in crate::hot) fn put(by: u8, cid: Cid, object: &str, base: Option<Seq>) -> Proposal {
    let id = id(object);
    let props = props(&format!(r#"{{"by":{by},"cid":{cid}}}"#));
    let change = Change::Put { id: id.clone(), props: props.clone() };
    let effect = Effect { id, base_rev: base, props: Some(props) };
    Proposal { effects: vec![effect], ..nothing(by, cid, Outcome::Changed(Changes::encode(&[change]))) }
}

/// A batch that removes an object.
pub(in crate::hot) fn remove(by: u8, cid: Cid, object: &str, base: Option<Seq>) -> Proposal {
    let id = id(object);
    let change = Change::Delete { id: id.clone() };
    let effect = Effect { id, base_rev: base, props: None };
    Proposal { effects: vec![effect], ..nothing(by, cid, Outcome::Changed(Changes::encode(&[change]))) }
}

/// A batch that was refused.
pub(in crate::hot) fn void(by: u8, cid: Cid) -> Proposal {
    nothing(by, cid, Outcome::Refused(Code::Exists))
}

/// A batch that touches nothing.
pub(in crate::hot) fn nothing(by: u8, cid: Cid, outcome: Outcome) -> Proposal {
    let origin = Origin::Client { author: author(by), cid, digest: u64::MAX - cid };
    let commit = Commit { id: commit_id(), origin, outcome };
    Proposal { commit, effects: Vec::new(), absent: Vec::new(), at_head: false }
}

/// A state without objects or commits in this lineage.
pub(in crate::hot) fn start(epoch: Epoch) -> HotState {
    let position = Position { epoch, ..Position::START };
    HotState { position, saved: position, ..HotState::start() }
}

/// A store that has the project.
pub(in crate::hot) struct World {
    pub(in crate::hot) hot: Arc<dyn HotStore>,
    pub(in crate::hot) events: UnboundedReceiver<Event>,
    /// Where a room stands that has seen everything that this world has done.
    pub(in crate::hot) head: Position,
    next_cid: Cid,
}

impl World {
    /// The project in epoch 1, without anything.
    pub(in crate::hot) async fn begin(backend: &impl Backend) -> Self {
        Self::of(backend, start(1)).await
    }

    /// The project in this state.
    pub(in crate::hot) async fn of(backend: &impl Backend, state: HotState) -> Self {
        let (hot, mut events) = (backend.store(), backend.listen(&project()).await);
        let head = state.position;
        assert!(hot.install(&project(), state, Over::Empty).await.expect("it answers"));
        assert_eq!(events.recv().await, Some(Event::Began { epoch: head.epoch }));
        Self { hot, events, head, next_cid: 1 }
    }

    pub(in crate::hot) async fn call(&self, position: Position, proposals: Vec<Proposal>) -> Reply {
        let call = Call { position, proposals, urgent: false };
        self.hot.commit(&project(), &call).await.expect("it answers")
    }

    /// Commits at the head, which must succeed; returns where it leads.
    pub(in crate::hot) async fn commit(&mut self, proposals: Vec<Proposal>) -> Position {
        let call = Call { position: self.head, proposals, urgent: false };
        let reply = self.hot.commit(&project(), &call).await.expect("it answers");
        assert!(
            matches!(&reply, Reply::Accepted { first, missed } if *first == self.head.seq + 1 && missed.is_empty()),
            "{reply:?}"
        );
        self.head = call.run().end();
        self.head
    }

    /// So many commits of author 9 in calls of this size, none of which touches an object.
    pub(in crate::hot) async fn fill(&mut self, commits: usize, size: usize) -> Vec<Position> {
        let mut all = Vec::new();
        while all.len() < commits {
            let size = size.min(commits - all.len());
            let proposals: Vec<_> = (self.next_cid..).take(size).map(|cid| void(9, cid)).collect();
            self.next_cid += size as Cid;
            let (epoch, first) = (self.head.epoch, self.head.seq + 1);
            all.extend(proposals.iter().zip(first..).map(|(p, seq)| Position { epoch, seq, id: p.commit.id }));
            self.commit(proposals).await;
        }
        all
    }

    pub(in crate::hot) async fn load(&self) -> HotState {
        self.hot.load(&project()).await.expect("it answers").expect("it is there")
    }

    pub(in crate::hot) async fn saved(&self, position: Position) -> bool {
        self.hot.mark_saved(&project(), position).await.expect("it answers")
    }
}

/// All of a state that can be compared.
pub(in crate::hot) fn facts(state: &HotState) -> impl PartialEq + std::fmt::Debug + use<> {
    let commits: Vec<_> = state.log.iter().cloned().collect();
    let log = (state.log.base(), state.log.before(), commits);
    (state.position, state.saved, state.canvas.clone(), state.clients.clone(), log)
}
