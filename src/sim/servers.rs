//! Two Redis servers, one of which is the primary: replication that lags, promotion, a split.

use crate::chance;
use crate::fanout::Fanout;
use crate::hot::memory::MemoryHot;
use crate::ids::{NodeId, ProjectId};
use rand::RngExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// One Redis.
pub(super) struct Server {
    pub(super) hot: Arc<MemoryHot>,
    pub(super) up: bool,
    /// Who may save a project, and until when.
    claims: BTreeMap<ProjectId, (NodeId, Instant)>,
}

impl Server {
    pub(super) fn wipe(&mut self) {
        self.hot.wipe();
        self.claims.clear();
    }

    /// As the script does it: zero gives it back.
    pub(super) fn claim(&mut self, project: &ProjectId, node: NodeId, lease: std::time::Duration) -> bool {
        let now = Instant::now();
        if self.claims.get(project).is_some_and(|(by, until)| *by != node && now < *until) {
            return false;
        }
        self.claims.insert(project.clone(), (node, now + lease));
        true
    }
}

/// Both, and who is served by which.
pub(super) struct Servers {
    both: [Server; 2],
    primary: usize,
    /// The node that still sees the old primary, when the network is split.
    isolated: Option<usize>,
}

impl Servers {
    pub(super) fn new(buses: [Arc<dyn Fanout>; 2]) -> Self {
        let server = |bus| Server { hot: Arc::new(MemoryHot::new(bus)), up: true, claims: BTreeMap::new() };
        Self { both: buses.map(server), primary: 0, isolated: None }
    }

    /// The server that a node would reach.
    pub(super) fn of(&self, node: usize) -> usize {
        if self.isolated == Some(node) { 1 - self.primary } else { self.primary }
    }

    pub(super) fn get(&mut self, server: usize) -> &mut Server {
        &mut self.both[server]
    }

    pub(super) fn primary(&mut self) -> &mut Server {
        &mut self.both[self.primary]
    }

    pub(super) fn replica(&mut self) -> &mut Server {
        &mut self.both[1 - self.primary]
    }

    /// Whether a server takes writes: it is up, and somebody's primary.
    pub(super) fn takes_writes(&self, server: usize) -> bool {
        self.both[server].up && (server == self.primary || self.isolated.is_some())
    }

    pub(super) fn is_split(&self) -> bool {
        self.isolated.is_some()
    }

    /// The replica catches up.
    pub(super) fn replicate(&mut self) {
        if self.both[self.primary].up && !self.is_split() {
            self.copy(self.primary, 1 - self.primary);
        }
    }

    fn copy(&mut self, from: usize, to: usize) {
        self.both[to].hot.copy_from(&self.both[from].hot);
        self.both[to].claims = self.both[from].claims.clone();
    }

    /// The replica becomes the primary, as far as it had come; the old one is gone.
    pub(super) fn fail_over(&mut self) {
        self.both[self.primary].wipe();
        self.primary = 1 - self.primary;
        self.isolated = None;
        self.both[self.primary].up = true;
    }

    /// One node goes on with the old primary, the others with the replica.
    pub(super) fn split(&mut self, isolated: usize) {
        self.primary = 1 - self.primary;
        self.isolated = Some(isolated);
    }

    /// The old primary is gone. Returns the node that was alone with it.
    pub(super) fn join(&mut self) -> Option<usize> {
        let node = self.isolated.take()?;
        self.both[1 - self.primary].wipe();
        Some(node)
    }

    /// What the primary has when it comes back: all, what the replica has, or nothing.
    pub(super) fn come_back(&mut self) -> &'static str {
        match chance::rng().random_range(0..3) {
            0 => "whole",
            1 => {
                self.copy(1 - self.primary, self.primary);
                "older"
            }
            _ => {
                self.both[self.primary].wipe();
                "empty"
            }
        }
    }

    /// All are up again.
    pub(super) fn up(&mut self) {
        self.both.iter_mut().for_each(|server| server.up = true);
    }

    /// A project's keys go, on both.
    pub(super) fn evict(&mut self, project: &ProjectId) {
        self.both.iter().for_each(|server| server.hot.evict(project));
    }
}
