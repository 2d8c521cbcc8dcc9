//! Presence of nodes that share a Redis: news over the fan-out, and keys that prove a session alive.
//!
//! Owns the presence keys of this node's sessions. Nobody waits for them but who reads: one task writes what is due, in one round trip.
//!
//! | key | holds | lives |
//! |---|---|---|
//! | `presence:<session>` | hash: node, author, user, role, fields (MessagePack) | [`TTL`] after the session was seen |
//! | `session:<session>` | hash: node, author, user, role, since (ms) | 24 h, or until it leaves |
//! | `users` | set: sessions | [`TTL`] after the last beat of any node |
//! | `beat:<node>` | `1` | [`SILENT_NODE`] after the node's last beat |
//!
//! Keys are by session, and a session has one node: nothing of one node ever undoes what another wrote. Times to live are counted by the server from
//! the arrival of the command, so that clocks need not agree. The keys are written before the beat is published: a reader that hears the beat and
//! reads finds keys at least as new.

mod ledger;

use super::{Alive, Presence, SILENT_NODE, TTL};
use crate::clock;
use crate::fanout::{Event, Fanout};
use crate::ids::{Author, NodeId, ProjectId, SessionId};
use crate::keyspace::{Bucket, Keyspace};
use crate::link::{Invocation, Link, LinkError};
use crate::metrics;
use crate::protocol::limits::FRAME_DEPTH;
use crate::protocol::message::{PresenceEntry, Role, To, Who};
use crate::protocol::props::Props;
use crate::protocol::value::Value;
use async_trait::async_trait;
use futures_util::future::join_all;
use ledger::{Ledger, Work};
use redis::{Pipeline, Script};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// How long the key of a connection stays that nobody removed, in seconds.
const SESSION_SECONDS: i64 = 24 * 3_600;
/// Wake-ups that wait; one would do.
const WAKES: usize = 16;

/// Somebody who waits until everything due is written, or nobody.
type Wake = Option<oneshot::Sender<()>>;

/// Keeps presence in Redis. Its task ends after it is dropped, when what is due is written.
pub struct RedisPresence {
    desk: Arc<Desk>,
    wake: mpsc::Sender<Wake>,
    read: Script,
}

/// What the task shares.
struct Desk {
    node: NodeId,
    fanout: Arc<dyn Fanout>,
    link: Link,
    keys: Keyspace,
    ledger: Mutex<Ledger>,
}

impl RedisPresence {
    /// Presence of this node, told over `fanout`; `link` leads to the Redis that routes.
    #[must_use]
    pub fn start(node: NodeId, fanout: Arc<dyn Fanout>, link: Link, keys: Keyspace) -> Arc<Self> {
        let (wake, wakes) = mpsc::channel(WAKES);
        let desk = Arc::new(Desk { node, fanout, link, keys, ledger: Mutex::default() });
        tokio::spawn(desk.clone().run(wakes));
        Arc::new(Self { desk, wake, read: Script::new(include_str!("redis/read.lua")) })
    }

    /// Wakes the task; if so many wake-ups wait already, it is about to look.
    fn wake(&self) {
        let _ = self.wake.try_send(None);
    }
}

#[async_trait]
impl Presence for RedisPresence {
    fn node(&self) -> NodeId {
        self.desk.node
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn tell(&self, project: &ProjectId, news: Vec<PresenceEntry>) {
        if news.is_empty() {
            return;
        }
        {
            // Published under the lock: in the order of the numbers.
            let mut ledger = self.desk.ledger();
            let n = ledger.tell(project, &news, clock::now_ms());
            self.desk.fanout.publish(project, Event::Presence { node: self.desk.node, n, sessions: news });
        }
        self.wake();
    }

    fn beat(&self, project: &ProjectId, sessions: Vec<Alive>) {
        self.desk.ledger().beat(project, sessions, clock::now_ms());
        self.wake();
    }

    fn broadcast(&self, project: &ProjectId, from: SessionId, topic: SmolStr, data: Value, to: To) {
        let event = Event::Broadcast { node: self.desk.node, from, topic, data, to };
        self.desk.fanout.publish(project, event);
    }

    async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.wake.send(Some(done)).await.is_ok() {
            // The task answers or is gone.
            let _ = written.await;
        }
    }

    async fn read(
        &self,
        project: &ProjectId,
        only: Option<Vec<SessionId>>,
    ) -> Result<Vec<(NodeId, PresenceEntry)>, String> {
        if only.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let keys = &self.desk.keys;
        let mut call = Invocation::new(&self.read, &[keys.users(project)]);
        call.arg(keys.presences(project)).arg(keys.beats(project)).arg(self.desk.node);
        for session in only.into_iter().flatten() {
            call.arg(session);
        }
        let rows: Vec<Row> = self.desk.link.script(&call).await.map_err(|error| error.to_string())?;
        let found = rows.into_iter().filter_map(|row| {
            let session = row.0;
            let entry = present(row);
            if entry.is_none() {
                metrics::fanout_unreadable();
                tracing::warn!(%project, session, "cannot read a session's presence key");
            }
            entry
        });
        Ok(found.collect())
    }
}

/// What the script finds of a session: session, node, author, user, role, fields.
type Row = (SessionId, NodeId, String, String, String, Vec<u8>);

fn present((session, node, author, user, role, fields): Row) -> Option<(NodeId, PresenceEntry)> {
    let who = Who { author: Author::parse(&author)?, user: user.into(), role: Role::parse(&role)? };
    let fields = Props::parse(&fields, FRAME_DEPTH).ok()?;
    Some((node, PresenceEntry { session, fields: Some(fields), who: Some(who) }))
}

impl Desk {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>, mut wakes: mpsc::Receiver<Wake>) {
        let mut woken = Vec::with_capacity(WAKES);
        let mut works = true;
        while wakes.recv_many(&mut woken, WAKES).await > 0 {
            let result = self.write().await;
            // The same trouble is told once.
            if let (true, Err(error)) = (works, &result) {
                tracing::warn!(%error, "presence keys are not written; they will be with a later beat");
            }
            works = result.is_ok();
            for done in woken.drain(..).flatten() {
                // Who waited may have gone.
                let _ = done.send(());
            }
        }
    }

    /// Does what is due, then says the beats.
    async fn write(&self) -> Result<(), LinkError> {
        let mut slots: BTreeMap<Bucket, Vec<Work>> = BTreeMap::new();
        for work in self.ledger().take() {
            slots.entry(Bucket::of(&work.project)).or_default().push(work);
        }
        let results = join_all(slots.into_values().map(|works| self.write_slot(works))).await;
        results.into_iter().collect()
    }

    async fn write_slot(&self, works: Vec<Work>) -> Result<(), LinkError> {
        let mut pipeline = Pipeline::new();
        let now = clock::now_ms();
        works.iter().for_each(|work| self.commands(&mut pipeline, work, now));
        let result = self.link.pipeline::<Vec<u64>>(&pipeline).await;
        {
            let mut ledger = self.ledger();
            match &result {
                Ok(kept) => {
                    let mut kept = kept.iter();
                    for work in &works {
                        let lost = work.keep.iter().zip(&mut kept).filter(|(_, is_there)| **is_there == 0);
                        ledger.lost(&work.project, lost.map(|((session, _), _)| *session));
                    }
                }
                Err(_) => works.iter().for_each(|work| ledger.failed(work)),
            }
        }
        // Also when the keys could not be written: a server that takes no writes may still route.
        for Work { project, beat, all, .. } in works {
            if let Some(n) = beat {
                self.fanout.publish(&project, Event::Beat { node: self.node, n, sessions: all });
            }
        }
        result.map(drop)
    }

    /// Adds a project's commands; only what is kept has an answer: whether the key is there.
    fn commands(&self, pipeline: &mut Pipeline, work: &Work, now: u64) {
        let (keys, project) = (&self.keys, &work.project);
        let left = |seen_ms: u64| {
            let ttl = u64::try_from(TTL.as_millis()).unwrap_or(u64::MAX);
            i64::try_from(seen_ms.saturating_add(ttl).saturating_sub(now).min(ttl)).unwrap_or(i64::MAX)
        };
        let users = keys.users(project);
        if !work.remove.is_empty() {
            for session in &work.remove {
                pipeline.del(&[keys.presence(project, *session), keys.session(project, *session)]).ignore();
            }
            pipeline.srem(&users, &work.remove).ignore();
        }
        for write in &work.write {
            let session = write.entry.session;
            let (Some(who), Some(fields)) = (&write.entry.who, &write.entry.fields) else { continue };
            let (node, author) = (self.node.to_string(), who.author.text());
            let common = [
                ("node", node.as_bytes()),
                ("author", author.as_bytes()),
                ("user", who.user.as_bytes()),
                ("role", who.role.as_str().as_bytes()),
            ];
            let key = keys.presence(project, session);
            pipeline.cmd("HSET").arg(&key).arg(&common).arg(("fields", fields.as_bytes())).ignore();
            pipeline.pexpire(&key, left(write.seen_ms)).ignore();
            if write.is_new {
                let key = keys.session(project, session);
                pipeline.cmd("HSET").arg(&key).arg(&common).arg(("since", write.since_ms)).ignore();
                pipeline.expire(&key, SESSION_SECONDS).ignore();
            }
        }
        for (session, seen_ms) in &work.keep {
            pipeline.pexpire(keys.presence(project, *session), left(*seen_ms));
        }
        let beat = keys.beat(project, self.node);
        if work.all.is_empty() {
            pipeline.del(beat).ignore();
        } else {
            pipeline.sadd(&users, &work.all).ignore();
            pipeline.expire(&users, i64::try_from(TTL.as_secs()).unwrap_or(i64::MAX)).ignore();
            let silent = u64::try_from(SILENT_NODE.as_millis()).unwrap_or(u64::MAX);
            pipeline.cmd("SET").arg(beat).arg(1).arg("PX").arg(silent).ignore();
        }
    }
}

#[cfg(test)]
mod tests;
