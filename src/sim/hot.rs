//! A node's way to the simulated Redis: calls take time, are lost, land late, and their answers are lost.

use super::marks::Marks;
use super::world::{Link, World, ms, pause};
use crate::chance;
use crate::hot::memory::MemoryHot;
use crate::hot::{Call, Dirty, Freeze, HotError, HotLog, HotState, HotStore, Over, Reply, Verified};
use crate::ids::{Position, ProjectId, Seq};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;

/// How long a node waits for an answer.
const TIMEOUT: Duration = Duration::from_millis(500);

/// What may become of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    /// It never arrives.
    Lost,
    /// It arrives long after the node has given it up.
    Late,
    /// It is done, and nobody hears of it.
    Unanswered,
}

type Act<T> = Box<dyn FnOnce(Arc<World>, usize) -> BoxFuture<'static, Result<T, HotError>> + Send>;

/// The hot store of one life of a node.
pub(super) struct SimHot {
    pub(super) world: Arc<World>,
    pub(super) node: usize,
    pub(super) life: u64,
    marks: Marks,
}

fn unavailable<T>(why: &str) -> Result<T, HotError> {
    Err(HotError::Unavailable(why.to_owned()))
}

/// What a server does with a call.
fn act<T, F, R>(run: F) -> Act<T>
where
    F: FnOnce(Arc<MemoryHot>) -> R + Send + 'static,
    R: Future<Output = Result<T, HotError>> + Send + 'static,
{
    Box::new(move |world, server| {
        let hot = world.state().servers.get(server).hot.clone();
        Box::pin(run(hot))
    })
}

impl SimHot {
    pub(super) fn new(world: Arc<World>, node: usize, life: u64) -> Self {
        Self { world, node, life, marks: Marks::default() }
    }

    fn fate(&self) -> Fate {
        if !self.world.chance(self.world.temper.wrong) {
            return Fate::Done;
        }
        match chance::rng().random_range(0..3) {
            0 => Fate::Lost,
            1 => Fate::Late,
            _ => Fate::Unanswered,
        }
    }

    /// A killed node does nothing any more.
    async fn unless_dead(&self) {
        self.world.goes_on(self.node, self.life).await;
    }

    fn is_linked(&self, link: Link) -> bool {
        self.world.link(self.node) == Some(link)
    }

    /// What follows when no answer comes: a timeout, or a lost connection.
    async fn no_answer<T>(&self, link: Link) -> Result<T, HotError> {
        if chance::rng().random_bool(0.5) && self.is_linked(link) {
            self.world.cut(self.node);
        } else {
            tokio::time::sleep(TIMEOUT).await;
        }
        self.unless_dead().await;
        unavailable("no answer")
    }

    async fn look(
        &self,
        project: &ProjectId,
        what: &'static str,
        act: Act<Option<HotLog>>,
    ) -> Result<Option<HotLog>, HotError> {
        self.marks.looked_at(project);
        let marked = self.marks.times(project);
        let answer = self.ask(what, act).await;
        if let Ok(None) = answer {
            self.marks.clear(project, marked);
        }
        answer
    }

    async fn ask<T: Send + 'static>(&self, what: &'static str, act: Act<T>) -> Result<T, HotError> {
        self.unless_dead().await;
        let Some(link) = self.world.link(self.node) else {
            pause(1, 20).await;
            self.unless_dead().await;
            return unavailable("not connected");
        };
        let fate = self.fate();
        tokio::time::sleep(ms(0, self.world.temper.hot_ms)).await;
        let arrives = self.is_linked(link) && self.world.state().servers.takes_writes(link.server);
        let alive = self.world.lives(self.node, self.life);
        if fate == Fate::Lost || !(arrives || fate == Fate::Late) || (!alive && chance::rng().random_bool(0.5)) {
            self.unless_dead().await;
            return self.no_answer(link).await;
        }
        if fate == Fate::Late {
            self.world.say(format_args!("node {}: {what} will land late", self.node));
            let world = self.world.clone();
            tokio::spawn(async move {
                pause(20, 4_000).await;
                if world.state().servers.takes_writes(link.server) {
                    world.say(format_args!("a late {what} lands on server {}", link.server));
                    // Nobody waits for it.
                    let _ = act(world, link.server).await;
                }
            });
            return self.no_answer(link).await;
        }
        let answer = act(self.world.clone(), link.server).await;
        tokio::time::sleep(ms(0, self.world.temper.hot_ms)).await;
        self.unless_dead().await;
        if fate == Fate::Unanswered || !self.is_linked(link) {
            return self.no_answer(link).await;
        }
        answer
    }

    fn say<T: std::fmt::Debug>(&self, what: &str, answer: &T) {
        self.world.say(format_args!("node {}: {what} → {answer:?}", self.node));
    }
}

fn short(reply: &Result<Reply, HotError>) -> String {
    match reply {
        Ok(Reply::Accepted { first, missed }) => format!("accepted from {first}, {} missed", missed.len()),
        Ok(Reply::Stale(missed)) => format!("stale, {} missed", missed.len()),
        other => format!("{other:?}"),
    }
}

#[async_trait]
impl HotStore for SimHot {
    async fn commit(&self, project: &ProjectId, call: &Call) -> Result<Reply, HotError> {
        let (p, c) = (project.clone(), call.clone());
        let reply = self.ask("commit", act(move |hot| async move { hot.commit(&p, &c).await })).await;
        let (at, count) = (call.position, call.proposals.len());
        self.world.say(format_args!("node {}: commit of {count} at {at:?} → {}", self.node, short(&reply)));
        let reaches = match &reply {
            Ok(Reply::Accepted { first, .. }) => first + count as Seq - 1,
            Err(HotError::Unavailable(_)) => Seq::MAX,
            _ => return reply,
        };
        self.marks.set(project, call.urgent, reaches);
        reply
    }

    async fn answers(&self) -> Result<(), HotError> {
        self.ask("answers", act(|hot| async move { hot.answers().await })).await
    }

    async fn verify(&self, project: &ProjectId, position: Position) -> Result<Verified, HotError> {
        let p = project.clone();
        let answer = self.ask("verify", act(move |hot| async move { hot.verify(&p, position).await })).await;
        match &answer {
            Ok(Verified::Same { head, missed, .. }) => {
                let missed = missed.len();
                self.world
                    .say(format_args!("node {}: verify {position:?} → same, head {head}, {missed} missed", self.node));
            }
            other => self.say("verify", &(position, other)),
        }
        answer
    }

    async fn load(&self, project: &ProjectId) -> Result<Option<HotState>, HotError> {
        let p = project.clone();
        let answer = self.ask("load", act(move |hot| async move { hot.load(&p).await })).await;
        self.say("load", &answer.as_ref().map(|state| state.as_ref().map(|state| state.position)));
        answer
    }

    async fn freeze(&self, project: &ProjectId, token: u64, lease: Duration) -> Result<Freeze, HotError> {
        let p = project.clone();
        let answer = self.ask("freeze", act(move |hot| async move { hot.freeze(&p, token, lease).await })).await;
        self.say("freeze", &(lease, &answer));
        answer
    }

    async fn install(&self, project: &ProjectId, state: HotState, over: Over) -> Result<bool, HotError> {
        let (p, position, saved) = (project.clone(), state.position, state.saved);
        let answer = self.ask("install", act(move |hot| async move { hot.install(&p, state, over).await })).await;
        self.say("install", &(position, over, &answer));
        if answer == Ok(true) && position.seq > saved.seq {
            self.marks.set(project, false, position.seq);
        }
        answer
    }

    async fn log_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError> {
        let p = project.clone();
        self.look(project, "log_after", act(move |hot| async move { hot.log_after(&p, seq, bytes).await })).await
    }

    async fn unsaved_after(&self, project: &ProjectId, seq: Seq, bytes: usize) -> Result<Option<HotLog>, HotError> {
        let p = project.clone();
        self.look(project, "unsaved_after", act(move |hot| async move { hot.unsaved_after(&p, seq, bytes).await }))
            .await
    }

    async fn mark_saved(&self, project: &ProjectId, position: Position) -> Result<bool, HotError> {
        let (p, marked) = (project.clone(), self.marks.times(project));
        let act: Act<(bool, bool)> = Box::new(move |world, server| {
            let hot = world.state().servers.get(server).hot.clone();
            Box::pin(async move {
                let on = hot.mark_saved(&p, position).await?;
                hot.keep_saved(&p, world.temper.keeps);
                let stands = hot.stands(&p);
                let watermark = stands.map_or(Position::START, |(_, saved)| saved);
                let durable = world.state().god.is_durable(watermark);
                if !durable {
                    world.bad(format!("the watermark is above D: {watermark:?}"));
                }
                Ok((on, stands.is_none_or(|(position, saved)| position.seq == saved.seq)))
            })
        });
        let answer = self.ask("mark_saved", act).await;
        self.say("mark_saved", &(position, &answer));
        let (on, all) = answer?;
        if all {
            self.marks.clear(project, marked);
        } else {
            self.marks.begin_again(project, position.seq);
        }
        Ok(on)
    }

    fn heard_saved(&self, project: &ProjectId, seq: Seq) {
        self.marks.heard(project, seq);
    }

    async fn forget(&self, _: &ProjectId, _: Position) -> Result<(), HotError> {
        // What is saved expires.
        Ok(())
    }

    async fn erase(&self, project: &ProjectId) -> Result<(), HotError> {
        let p = project.clone();
        self.ask("erase", act(move |hot| async move { hot.erase(&p).await })).await
    }

    async fn dirty(&self, all: bool) -> Result<Vec<Dirty>, HotError> {
        let others =
            if all { self.ask("dirty", act(|hot| async move { hot.dirty(true).await })).await? } else { Vec::new() };
        self.unless_dead().await;
        Ok(self.marks.list(others))
    }

    async fn dirtied(&self) {
        self.marks.dirtied().await;
    }

    async fn claim(&self, project: &ProjectId, lease: Duration) -> Result<bool, HotError> {
        let (p, name) = (project.clone(), World::name(self.node, self.life));
        let act: Act<bool> = Box::new(move |world, server| {
            let claimed = world.state().servers.get(server).claim(&p, name, lease);
            Box::pin(async move { Ok(claimed) })
        });
        self.ask("claim", act).await
    }

    fn lives(&self) -> Option<u64> {
        Some(self.world.state().nodes[self.node].links)
    }
}
