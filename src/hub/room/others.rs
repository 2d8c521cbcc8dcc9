//! Who is there on other nodes, and telling them who is here.

use super::{Aside, Room};
use crate::clock;
use crate::fanout::Event;
use crate::ids::NodeId;
use crate::presence::remote::{Ask, FIRST, Remote};
use crate::presence::{Alive, BEAT};
use crate::protocol::message::{PresenceEntry, ServerMessage};
use tokio::time::Instant;

/// Sessions of other nodes that were read, and which read that was.
pub(in crate::hub) struct Found {
    number: u64,
    sessions: Vec<(NodeId, PresenceEntry)>,
}

/// What a room knows of other nodes.
#[derive(Default)]
pub(super) struct Others {
    remote: Remote,
    /// When this node says again that it is alive here; `None` while it has nobody here.
    beat: Option<Instant>,
}

impl Room {
    /// Reads who is there.
    pub(super) fn read_everybody(&self) {
        if self.stores.presence.is_shared() {
            self.read_others(None, FIRST);
        }
    }

    fn read_asked(&self, ask: Ask) {
        if !ask.sessions.is_empty() {
            self.read_others(Some(ask.sessions), ask.number);
        }
    }

    fn read_others(&self, only: Option<Vec<u64>>, number: u64) {
        let (project, presence, asides) = (self.project.clone(), self.stores.presence.clone(), self.asides.clone());
        tokio::spawn(async move {
            match presence.read(&project, only).await {
                // A room that has ended needs nobody.
                Ok(sessions) => drop(asides.send(Aside::Found(Found { number, sessions }))),
                Err(error) => tracing::debug!(%project, error, "who is there is read again with the next beat"),
            }
        });
    }

    pub(super) fn found(&mut self, found: Found) {
        let now = Instant::now();
        for (node, entry) in found.sessions {
            self.others.remote.read(&mut self.roster, found.number, node, entry, now);
        }
    }

    /// Another node has something to say about its sessions or about rights, or may have had.
    pub(super) fn hear_others(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Presence { node, n, sessions } => {
                self.hand_over_bots(&sessions);
                let remote = &mut self.others.remote;
                let ask = remote.hear_news(&mut self.roster, node, n, sessions, now);
                self.read_asked(ask);
            }
            Event::Beat { node, n, sessions } => {
                let ask = self.others.remote.hear_beat(&mut self.roster, node, n, &sessions, now);
                self.read_asked(ask);
            }
            Event::Broadcast { from, topic, data, to, .. } => {
                self.members.passing(from, &to, ServerMessage::Broadcast { from, topic, data });
            }
            Event::Rights { version } => self.stores.rights.heard(&self.project, Some(version)),
            Event::Gap => {
                self.stores.rights.heard(&self.project, None);
                self.course.ask();
            }
            Event::Commits(_) | Event::Saved(_) | Event::Began { .. } => {}
        }
    }

    /// Tells members and other nodes what has changed.
    pub(super) fn tell_presence(&mut self) {
        let now = Instant::now();
        let news = self.roster.take_news(now);
        if !news.nodes.is_empty() && self.stores.presence.is_shared() {
            self.stores.presence.tell(&self.project, news.nodes);
            self.others.beat.get_or_insert_with(Instant::now);
        }
        let everybody = if self.members.presence_behind() { self.roster.everybody() } else { Vec::new() };
        let roster = &self.roster;
        self.members.presence(news.members, everybody, |session| roster.viewport(session));
        self.roster.change_pace(now);
        self.members.pace(self.roster.pace());
    }

    /// When [`Room::keep_others`] has something to do.
    pub(super) fn others_deadline(&self) -> Option<Instant> {
        [self.others.beat, self.others.remote.deadline()].into_iter().flatten().min()
    }

    /// Says that this node is alive here, and lets go of nodes that no longer say so. With each beat also of those who have left.
    pub(super) fn keep_others(&mut self, now: Instant) {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| now >= due);
        if !is_due(self.others_deadline()) {
            return;
        }
        if is_due(self.others.beat) {
            let alive: Vec<Alive> = self.roster.ours().into_iter().filter_map(|entry| self.alive(entry)).collect();
            // The last one says that nobody is here any more.
            self.others.beat = (!alive.is_empty()).then(|| now + BEAT);
            self.stores.presence.beat(&self.project, alive);
        }
        self.others.remote.expire(&mut self.roster, now);
    }

    fn alive(&mut self, entry: PresenceEntry) -> Option<Alive> {
        let seen_ms = match self.members.get_mut(entry.session) {
            Some(member) => member.pulse.last_ms(),
            None if self.bots.has(entry.session) => clock::now_ms(),
            None => return None,
        };
        Some(Alive { entry, seen_ms })
    }
}
