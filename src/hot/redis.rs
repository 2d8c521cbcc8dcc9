//! The hot store that nodes share: Redis.
//!
//! Owns what lies under a project's keys, all in one slot. Every step that decides something is one script of `src/hot/lua/`; this side builds its
//! arguments and reads its answers. Knows no room and no durable store.
//!
//! | key | holds |
//! |---|---|
//! | `objects` | hash: object id → rev (8 bytes), props; `!` → epoch |
//! | `clients` | hash: author (8 bytes) → cid, seq, digest (8 bytes each); `!` → epoch |
//! | `meta` | hash: `head` and `saved` (positions of 24 bytes), `base` (seq below the log and the commit id there), `frozen` (token, end of the lease in ms), `idle` (all is saved and the keys expire) |
//! | `log` | stream: one entry per call, its id the seq of its last commit, its only field the packed run |
//! | `dirty` | since when (ms) something is unsaved; and the same in the sorted set of the bucket |
//! | `claim` | the node that saves the project |
//!
//! A state is there when `meta`, `log`, and the epochs of `objects` and `clients` are; anything less is nothing. Nothing unsaved expires.

mod call;
mod layout;
mod left;
mod marks;
mod publish;
mod refused;
mod reply;
mod saving;
mod scripts;
mod state;
#[cfg(test)]
mod tests;
mod whole;

use super::{Call, Dirty, Freeze, HotError, HotLog, HotState, HotStore, Over, Reply, Verified};
use crate::clock;
use crate::fanout::Event;
use crate::fanout::echoes::Echoes;
use crate::ids::{CommitId, NodeId, Position, ProjectId, Seq};
use crate::keyspace::{Bucket, Keyspace};
use crate::link::{Invocation, Link, LinkError, Refusal};
use crate::protocol::run::Run;
use ::redis::{Cmd, FromRedisValue, Script, Value};
use async_trait::async_trait;
use marks::Marks;
pub use publish::Publish;
use refused::refused;
use reply::Items;
use scripts::Scripts;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a project that is saved and that nobody changes is kept.
pub const KEPT: Duration = Duration::from_secs(3_600);

/// States that are loaded at once: a large one holds up all other answers on its connection, which have a second.
const LOADS: usize = 1;

/// Keeps hot states in Redis.
pub struct RedisHot {
    link: Link,
    keys: Keyspace,
    node: NodeId,
    publish: Publish,
    kept: Duration,
    scripts: Scripts,
    marks: Marks,
    loads: Semaphore,
    echoes: Arc<Echoes>,
}

impl RedisHot {
    /// A hot store at the end of `link`, under the names of `keys`. `node` is who claims; `kept` how long a saved project stays ([`KEPT`]).
    #[must_use]
    pub fn new(link: Link, keys: Keyspace, node: NodeId, publish: Publish, kept: Duration) -> Self {
        let (scripts, marks, loads) = (Scripts::new(), Marks::default(), Semaphore::new(LOADS));
        Self { link, keys, node, publish, kept, scripts, marks, loads, echoes: Arc::default() }
    }

    /// Notes there which calls this node has made.
    #[must_use]
    pub fn with_echoes(self, echoes: Arc<Echoes>) -> Self {
        Self { echoes, ..self }
    }

    /// The keys of a state: objects, meta, log, clients.
    fn own_keys(&self, project: &ProjectId) -> [String; 4] {
        let keys = &self.keys;
        [keys.objects(project), keys.meta(project), keys.log(project), keys.clients(project)]
    }

    /// What goes with a state: dirty, dirty index, events.
    fn other_keys(&self, project: &ProjectId) -> [String; 3] {
        let keys = &self.keys;
        [keys.dirty(project), keys.dirty_index(Bucket::of(project)), keys.channel(project)]
    }

    /// A script with the keys of a state.
    fn on<'a>(&self, script: &'a Script, project: &ProjectId) -> Invocation<'a> {
        Invocation::new(script, &self.own_keys(project))
    }

    /// The same with what goes with it.
    fn on_all<'a>(&self, script: &'a Script, project: &ProjectId) -> Invocation<'a> {
        let [objects, meta, log, clients] = self.own_keys(project);
        let [dirty, index, channel] = self.other_keys(project);
        Invocation::new(script, &[objects, meta, log, clients, dirty, index, channel])
    }

    async fn run<T: FromRedisValue>(&self, call: &Invocation<'_>) -> Result<T, HotError> {
        self.link.script(call).await.map_err(refused)
    }

    /// The answer, and the commit id before the call's first.
    async fn commit_once(&self, project: &ProjectId, call: &Call) -> Result<(Reply, CommitId), HotError> {
        let mut script = self.on_all(&self.scripts.commit, project);
        call::arguments(&mut script, project, call, self.publish.is_by_script(), clock::now_us());
        reply::committed(self.run(&script).await?, call.position)
    }

    /// Sends the pieces of a state and puts them in place.
    async fn install_pieces(
        &self,
        project: &ProjectId,
        state: &HotState,
        over: Over,
        ready: [&str; 3],
    ) -> Result<i64, HotError> {
        let pieces = state::pieces(state, ready, clock::now_us());
        for pipeline in &pieces.pipelines {
            self.link.pipeline::<Value>(pipeline).await.map_err(refused)?;
        }
        let (word, token, position) = match over {
            Over::Empty => ("empty", 0, Position::START),
            Over::Frozen { token, position } => ("frozen", token, position),
        };
        let (own, others) = (self.own_keys(project), self.other_keys(project));
        let keys: Vec<&str> = own.iter().chain(&others).map(String::as_str).chain(ready).collect();
        let mut script = Invocation::new(&self.scripts.install, &keys);
        script.arg(word).arg(&token.to_be_bytes()[..]).arg(&layout::position(position)[..]);
        script.arg(&layout::position(state.position)[..]).arg(&layout::position(state.saved)[..]);
        script.arg(&layout::base(state.log.base(), state.log.before())[..]);
        script
            .arg(self.publish.payload(&Event::Began { epoch: state.position.epoch }))
            .arg(project.as_str())
            .arg(self.kept_ms());
        script.arg(pieces.objects).arg(pieces.log).arg(pieces.clients);
        self.run(&script).await
    }

    fn kept_ms(&self) -> u64 {
        u64::try_from(self.kept.as_millis()).unwrap_or(u64::MAX)
    }
}

#[async_trait]
impl HotStore for RedisHot {
    async fn commit(&self, project: &ProjectId, call: &Call) -> Result<Reply, HotError> {
        match self.commit_once(project, call).await {
            Ok((reply, previous)) => {
                if let Reply::Accepted { first, .. } = reply {
                    self.echoes.stored(call.proposals.first().map_or(CommitId::NONE, |first| first.commit.id));
                    self.marks.set(project, call.urgent, first + call.proposals.len() as Seq - 1);
                    self.publish.by_node(project, || Event::Commits(Run { first, previous, ..call.run() }));
                }
                Ok(reply)
            }
            Err(error) => {
                // It may have been stored.
                if let HotError::Unavailable(_) = error {
                    self.marks.set(project, call.urgent, Seq::MAX);
                }
                Err(error)
            }
        }
    }

    async fn verify(&self, project: &ProjectId, position: Position) -> Result<Verified, HotError> {
        let mut script = self.on(&self.scripts.verify, project);
        script.arg(&layout::position(position)[..]);
        reply::verified(self.run(&script).await?, position.seq)
    }

    async fn load(&self, project: &ProjectId) -> Result<Option<HotState>, HotError> {
        // Held until it is read, too.
        let _turn = self.loads.acquire().await.expect("it is never closed");
        let answers = match self.link.pipeline(&state::reading(&self.keys, project)).await {
            Err(LinkError::Refused { kind: Refusal::Oom, .. }) => {
                self.run(&self.on(&self.scripts.load, project)).await?
            }
            answers => answers.map_err(refused)?,
        };
        state::read(answers)
    }

    async fn freeze(&self, project: &ProjectId, token: u64, lease: Duration) -> Result<Freeze, HotError> {
        let mut script = self.on(&self.scripts.freeze, project);
        script.arg(&token.to_be_bytes()[..]).arg(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        let mut answer = Items::of(self.run(&script).await?)?;
        match answer.bytes()?.as_slice() {
            b"ok" => Ok(Freeze::Frozen(answer.position()?)),
            b"busy" => Ok(Freeze::Busy),
            b"empty" => Ok(Freeze::Empty),
            _ => Err(reply::odd()),
        }
    }

    async fn install(&self, project: &ProjectId, state: HotState, over: Over) -> Result<bool, HotError> {
        let token = rand::random();
        let ready = [
            self.keys.new_objects(project, token),
            self.keys.new_log(project, token),
            self.keys.new_clients(project, token),
        ];
        let ready = ready.each_ref().map(String::as_str);
        let installed = self.install_pieces(project, &state, over, ready).await;
        let position = state.position;
        if installed == Ok(1) {
            tracing::debug!(%project, objects = state.canvas.iter().len(), "installed in the hot store");
            if position.seq > state.saved.seq {
                self.marks.set(project, false, position.seq);
            }
            self.publish.by_node(project, || Event::Began { epoch: position.epoch });
            return Ok(true);
        }
        // What lies ready goes by itself in a while: at once is only kinder.
        let mut unlink = Cmd::new();
        unlink.arg("UNLINK").arg(&ready[..]);
        let _ = self.link.query::<Value>(&unlink).await;
        let gone = "what was to be installed is gone again: Redis was restarted, or too slow";
        if installed? == 0 { Ok(false) } else { Err(HotError::Unavailable(gone.into())) }
    }

    async fn log_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError> {
        self.read_log(project, seq, bytes, false).await
    }

    async fn unsaved_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError> {
        self.read_log(project, seq, bytes, true).await
    }

    async fn mark_saved(&self, project: &ProjectId, position: Position) -> Result<bool, HotError> {
        self.mark(project, position).await
    }

    async fn forget(&self, _project: &ProjectId, _position: Position) -> Result<(), HotError> {
        // What is saved expires.
        Ok(())
    }

    async fn erase(&self, project: &ProjectId) -> Result<(), HotError> {
        self.erase_all(project).await
    }

    async fn dirty(&self, all: bool) -> Result<Vec<Dirty>, HotError> {
        Ok(self.marks.list(if all { self.left().await? } else { Vec::new() }))
    }

    async fn dirtied(&self) {
        self.marks.changed().await;
    }

    fn heard_saved(&self, project: &ProjectId, seq: Seq) {
        self.marks.heard(project, seq);
    }

    async fn claim(&self, project: &ProjectId, lease: Duration) -> Result<bool, HotError> {
        let mut script = Invocation::new(&self.scripts.claim, &[self.keys.claim(project)]);
        script.arg(self.node).arg(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
        Ok(self.run::<i64>(&script).await? == 1)
    }

    async fn sizes(&self, project: &ProjectId) -> Result<Vec<(String, u64)>, HotError> {
        self.sizes_of(project).await
    }

    async fn answers(&self) -> Result<(), HotError> {
        self.link.query::<Value>(&redis::cmd("TIME")).await.map(drop).map_err(refused)
    }

    fn lives(&self) -> Option<u64> {
        Some(self.link.lives())
    }
}
