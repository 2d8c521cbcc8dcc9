//! What a room knows of the sessions of other nodes. Pure: the room feeds it with what it hears and reads, and it changes the roster.
//!
//! A node numbers its news in a project without holes, and a beat carries the number of the last news before it. So a hole, or a beat that is ahead,
//! tells that news was lost: then all sessions of that beat are read, whose keys are at least as new as the beat. What is read may be older than
//! news that came meanwhile; that news is kept beside and applied again. Reads are numbered, so that the answer to an older one, from before the
//! loss, does not pass for the newer. A session that its node said has left never comes back: ids are not
//! used twice. One that a beat only did not name may.

use super::roster::{Roster, Whose};
use super::{SILENT_NODE, TTL};
use crate::ids::{NodeId, SessionId};
use crate::protocol::message::{PresenceEntry, Who};
use crate::protocol::props::Props;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// The sessions of all other nodes in one project.
#[derive(Debug, Default)]
pub struct Remote {
    nodes: BTreeMap<NodeId, Node>,
    /// Number of the last [`Ask`].
    asks: u64,
}

/// Sessions to be read now; none, as a rule.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Which.
    pub sessions: Vec<SessionId>,
    /// Number of this read, for [`Remote::read`].
    pub number: u64,
}

/// The number of the read of everybody when a room opens.
pub const FIRST: u64 = 0;

/// A session that is to be read.
#[derive(Debug)]
struct Awaited {
    /// An answer to an older read may be older than the loss that it is to make good.
    number: u64,
    /// What changed since: applied on top of what is read.
    since: Props,
}

/// One other node.
#[derive(Debug)]
struct Node {
    /// When something of it came last.
    heard: Instant,
    /// The highest number of news known.
    n: u64,
    /// News up to this number may be missing, and no beat has made it good yet; so it is at first.
    lost: Option<u64>,
    /// Whether a beat has come, so that every session of it is known, awaited or gone.
    beaten: bool,
    /// Its sessions in the roster, and the number of the news when each came: an older beat cannot name it.
    known: BTreeMap<SessionId, u64>,
    /// Sessions to be read.
    awaited: BTreeMap<SessionId, Awaited>,
    /// Sessions that have left, and when we heard that.
    left: BTreeMap<SessionId, Instant>,
}

impl Remote {
    fn node(&mut self, node: NodeId, now: Instant) -> &mut Node {
        let fresh = || Node {
            heard: now,
            n: 0,
            lost: Some(0),
            beaten: false,
            known: BTreeMap::new(),
            awaited: BTreeMap::new(),
            left: BTreeMap::new(),
        };
        self.nodes.entry(node).or_insert_with(fresh)
    }

    /// A node has told its news number `n`. To be read are those that it tells of as if we knew them.
    pub fn hear_news(
        &mut self,
        roster: &mut Roster,
        node: NodeId,
        n: u64,
        entries: Vec<PresenceEntry>,
        now: Instant,
    ) -> Ask {
        let number = self.asks + 1;
        let node = self.node(node, now);
        node.heard = now;
        let late = n <= node.n;
        if !late {
            if n != node.n + 1 {
                node.lost = Some(n - 1);
            }
            node.n = n;
        }
        let mut sessions = Vec::new();
        for entry in entries {
            match entry.fields {
                None => node.leave(roster, entry.session, now),
                // What came twice is known; what was overtaken is read with the next beat.
                Some(_) if late || node.left.contains_key(&entry.session) => {}
                Some(fields) => sessions.extend(node.change(roster, entry.session, entry.who, fields, number)),
            }
        }
        self.asked(sessions, number)
    }

    fn asked(&mut self, sessions: Vec<SessionId>, number: u64) -> Ask {
        self.asks = number;
        Ask { sessions, number }
    }

    /// A node is alive and has these sessions. Lets go of others that it had.
    pub fn hear_beat(
        &mut self,
        roster: &mut Roster,
        node: NodeId,
        n: u64,
        sessions: &[SessionId],
        now: Instant,
    ) -> Ask {
        let number = self.asks + 1;
        let node = self.node(node, now);
        node.heard = now;
        let named: BTreeSet<SessionId> = sessions.iter().copied().collect();
        let gone: Vec<_> =
            node.known.iter().filter(|(s, since)| **since <= n && !named.contains(*s)).map(|(s, _)| *s).collect();
        for session in gone {
            node.known.remove(&session);
            roster.leave(session);
        }
        // A beat that news has overtaken does not name who came since.
        let is_current = n >= node.n;
        if is_current {
            node.awaited.retain(|session, _| named.contains(session));
        }
        let lacks = n > node.n || node.lost.is_some_and(|lost| n >= lost);
        for session in named.iter().filter(|session| !node.left.contains_key(*session)) {
            if lacks {
                node.awaited.insert(*session, Awaited { number, since: Props::empty() });
            } else if !node.known.contains_key(session) {
                node.awaited.entry(*session).or_insert_with(|| Awaited { number, since: Props::empty() });
            }
        }
        if is_current {
            node.n = n;
            node.lost = None;
        } else if lacks {
            // What is read may lack the news since the beat, as if that were lost: the next beat makes it good.
            node.lost = Some(node.n);
        }
        node.beaten = true;
        let sessions = node.awaited.keys().copied().filter(|session| named.contains(session)).collect();
        self.asked(sessions, number)
    }

    /// A session of a node was read, in answer to that ask. What nobody waits for is passed over: it may be of the past.
    pub fn read(&mut self, roster: &mut Roster, number: u64, node: NodeId, entry: PresenceEntry, now: Instant) {
        let node = self.node(node, now);
        let (Some(who), Some(fields)) = (entry.who, entry.fields) else { return };
        let session = entry.session;
        let since = match node.awaited.remove(&session) {
            Some(awaited) if number < awaited.number => {
                node.awaited.insert(session, awaited);
                return;
            }
            Some(awaited) => awaited.since,
            None if !node.beaten && !node.known.contains_key(&session) => Props::empty(),
            None => return,
        };
        if node.left.contains_key(&session) {
            return;
        }
        let n = node.n;
        node.known.entry(session).or_insert(n);
        roster.join(session, who, fields.patched(&since), Whose::Theirs);
    }

    /// Lets go of nodes that have been silent for [`SILENT_NODE`].
    pub fn expire(&mut self, roster: &mut Roster, now: Instant) {
        self.nodes.retain(|_, node| {
            let lives = now.duration_since(node.heard) < SILENT_NODE;
            if !lives {
                node.known.keys().for_each(|session| roster.leave(*session));
            }
            // What was read before it left has arrived by now.
            node.left.retain(|_, at| now.duration_since(*at) < TTL);
            lives
        });
    }

    /// When [`Self::expire`] has something to do, if nothing is heard until then.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.nodes.values().map(|node| node.heard + SILENT_NODE).min()
    }
}

impl Node {
    /// A session has left, for good.
    fn leave(&mut self, roster: &mut Roster, session: SessionId, now: Instant) {
        self.awaited.remove(&session);
        if self.known.remove(&session).is_some() {
            roster.leave(session);
        }
        self.left.insert(session, now);
    }

    /// A session has come, or changed. Returns it if it must be read.
    fn change(
        &mut self,
        roster: &mut Roster,
        session: SessionId,
        who: Option<Who>,
        fields: Props,
        number: u64,
    ) -> Option<SessionId> {
        if let Some(who) = who {
            // All there is to know.
            self.awaited.remove(&session);
            let n = self.n;
            self.known.entry(session).or_insert(n);
            roster.join(session, who, fields, Whose::Theirs);
            return None;
        }
        let is_known = self.known.contains_key(&session);
        if is_known {
            // The bounds were kept where it was set.
            roster.set(session, &fields, usize::MAX, Some(self.heard));
        }
        match self.awaited.get_mut(&session) {
            Some(awaited) => awaited.since = awaited.since.merged(&fields, &[]),
            None if is_known => {}
            None => {
                self.awaited.insert(session, Awaited { number, since: fields });
                return Some(session);
            }
        }
        None
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
