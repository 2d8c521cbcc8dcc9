//! Everybody's presence in one project, and what has changed since the last tick. Pure.

use super::cursor::{self, CURSOR, Point, Rect, VIEWPORT};
use super::pace::pace;
use crate::ids::SessionId;
use crate::protocol::message::{PresenceEntry, Who};
use crate::protocol::props::Props;
use crate::protocol::value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Fastest tick: a little more than 60 times a second, so that what is a frame's wait with its way is still one frame.
const FASTEST: Duration = Duration::from_millis(15);
/// Slowest tick, however many are there.
const SLOWEST: Duration = Duration::from_millis(100);
/// Sessions that the fastest tick is kept for.
const FEW: u32 = 64;

/// Nil, as MessagePack.
const NIL: &[u8] = &[0xc0];

/// Which node has a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// This one.
    Ours,
    /// Another, which tells all others of it itself.
    Theirs,
}

/// With more sessions than this, a cursor that moves far outside of what a session sees is told to it rarely …
const CROWD: usize = 12;
/// … this often.
const FAR: Duration = Duration::from_secs(1);
/// A session that has moved its cursor in this time counts for how often all should tell of theirs.
const MOVING: Duration = Duration::from_secs(2);

/// A line of presence, and whom it concerns.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What to tell.
    pub entry: PresenceEntry,
    /// A cursor that has moved here, and nothing else: it may be left out for those who look elsewhere. Before long it is told to all.
    pub near: Option<Point>,
}

/// What has changed since the last tick, one entry per session.
#[derive(Debug, Default, PartialEq)]
pub struct News {
    /// For the members of the room: everybody's.
    pub members: Vec<Line>,
    /// For other nodes: of our own sessions.
    pub nodes: Vec<PresenceEntry>,
}

/// One session's presence.
#[derive(Debug, Clone)]
struct Present {
    whose: Whose,
    who: Who,
    fields: Props,
    /// What has changed since the last tick; `None` when the others have not heard of the session yet.
    changed: Option<Props>,
    /// Where it points.
    at: Option<Point>,
    /// What it sees.
    viewport: Option<Rect>,
    /// When its cursor moved last.
    moved: Option<Instant>,
    /// When it was last told to all.
    told: Option<Instant>,
    /// When it is to be told to all, because some have not heard where its cursor is.
    owed: Option<Instant>,
}

/// The sessions of a project, as the others see them.
#[derive(Debug, Default)]
pub struct Roster {
    sessions: BTreeMap<SessionId, Present>,
    dirty: BTreeSet<SessionId>,
    left: Vec<(SessionId, Whose)>,
    /// The sessions that are owed, by when.
    owed: BTreeSet<(Instant, SessionId)>,
    /// The pace that was told last.
    pace: Option<u32>,
}

impl Roster {
    /// A session has come; or is known, and has these fields now.
    pub fn join(&mut self, session: SessionId, who: Who, fields: Props, whose: Whose) {
        if let Some(known) = self.sessions.get(&session) {
            let change = change(&known.fields, &fields);
            self.set(session, &change, usize::MAX, None);
            return;
        }
        let (at, viewport) = (cursor::point(&fields), Rect::of(&fields));
        let present = Present { whose, who, fields, changed: None, at, viewport, moved: None, told: None, owed: None };
        self.sessions.insert(session, present);
        self.dirty.insert(session);
    }

    /// A session has gone.
    pub fn leave(&mut self, session: SessionId) {
        let Some(present) = self.sessions.remove(&session) else {
            return;
        };
        if let Some(due) = present.owed {
            self.owed.remove(&(due, session));
        }
        let announced = !self.dirty.remove(&session) || present.changed.is_some();
        if announced {
            self.left.push((session, present.whose));
        }
    }

    /// Changes a session's fields; nil removes. `now` when its client has done so. Returns false, and changes nothing, when they would exceed `limit`
    /// bytes.
    pub fn set(&mut self, session: SessionId, patch: &Props, limit: usize, now: Option<Instant>) -> bool {
        let Some(present) = self.sessions.get_mut(&session) else {
            return true;
        };
        let fields = present.fields.patched(patch);
        if patch.size() > limit || fields.size() > limit {
            return false;
        }
        // A field that is not there cannot be removed: nobody needs to hear of it.
        let real: Vec<_> =
            patch.iter().filter(|(name, raw)| !value::is_nil(raw) || present.fields.get(name).is_some()).collect();
        let patch = &Props::from_pairs(&real);
        if real.is_empty() {
            return true;
        }
        present.fields = fields;
        if patch.get(CURSOR).is_some() {
            present.at = cursor::point(&present.fields);
            present.moved = now.or(present.moved);
        }
        if patch.get(VIEWPORT).is_some() {
            present.viewport = Rect::of(&present.fields);
        }
        let fresh = self.dirty.insert(session);
        match &mut present.changed {
            Some(changed) if !fresh => {
                let way = cursor::joined(changed, patch).unwrap_or_else(Props::empty);
                *changed = changed.merged(patch, &[]).merged(&way, &[]);
            }
            Some(changed) => *changed = patch.clone(),
            // Not announced yet: the announcement will carry all fields.
            None => {}
        }
        true
    }

    /// How many sessions there are, on all nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Whether a tick has something to say.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.dirty.is_empty() || !self.left.is_empty()
    }

    /// When some are to hear of cursors that they were spared.
    #[must_use]
    pub fn owed(&self) -> Option<Instant> {
        self.owed.first().map(|(due, _)| *due)
    }

    /// What a session sees, as far as it says.
    #[must_use]
    pub fn viewport(&self, session: SessionId) -> Option<Rect> {
        self.sessions.get(&session)?.viewport
    }

    /// How often a client should tell of its cursor, in ms; `None` while nobody else is there.
    #[must_use]
    pub fn pace(&self) -> Option<u32> {
        self.pace
    }

    /// Settles the pace anew.
    pub fn change_pace(&mut self, now: Instant) {
        self.pace = if self.sessions.len() < 2 { None } else { Some(pace(self.moving(now), self.pace)) };
    }

    fn moving(&self, now: Instant) -> usize {
        self.sessions.values().filter(|p| p.moved.is_some_and(|moved| now < moved + MOVING)).count()
    }

    /// What has changed since the last call.
    pub fn take_news(&mut self, now: Instant) -> News {
        let mut news = News::default();
        for (session, whose) in self.left.drain(..) {
            news.add(whose, PresenceEntry { session, fields: None, who: None }, None);
        }
        let is_crowd = self.sessions.len() > CROWD;
        for session in std::mem::take(&mut self.dirty) {
            let Some(present) = self.sessions.get_mut(&session) else {
                continue;
            };
            let first = present.changed.is_none();
            let fields = present.changed.replace(Props::empty()).unwrap_or_else(|| present.fields.clone());
            let who = first.then(|| present.who.clone());
            let only_moved = !first && fields.count() == 1 && fields.get(CURSOR).is_some();
            let lately = present.told.is_some_and(|told| now < told + FAR);
            let near = if is_crowd && only_moved && lately { present.at } else { None };
            match (near, present.owed) {
                (Some(_), None) => {
                    let due = present.told.unwrap_or(now) + FAR;
                    present.owed = Some(due);
                    self.owed.insert((due, session));
                }
                (None, owed) => {
                    present.told = Some(now);
                    present.owed = None;
                    self.owed.remove(&(owed.unwrap_or(now), session));
                }
                _ => {}
            }
            news.add(present.whose, PresenceEntry { session, fields: Some(fields), who }, near);
        }
        while let Some((due, session)) = self.owed.first().copied().filter(|(due, _)| *due <= now) {
            self.owed.remove(&(due, session));
            let Some(present) = self.sessions.get_mut(&session) else { continue };
            (present.owed, present.told) = (None, Some(now));
            let at = present.fields.get(CURSOR).map(|raw| Props::from_pairs(&[(CURSOR, raw)]));
            let entry = PresenceEntry { session, fields: Some(at.unwrap_or_else(Props::empty)), who: None };
            news.members.push(Line { entry, near: None });
        }
        news
    }

    /// Everybody, for a session that has just come or was skipped.
    #[must_use]
    pub fn everybody(&self) -> Vec<PresenceEntry> {
        self.sessions.iter().map(entry).collect()
    }

    /// All sessions of this node, for its beat.
    #[must_use]
    pub fn ours(&self) -> Vec<PresenceEntry> {
        self.sessions.iter().filter(|(_, present)| present.whose == Whose::Ours).map(entry).collect()
    }

    /// How long to wait between two ticks: a message of every session goes to every session, so that the rate falls with their number.
    #[must_use]
    pub fn tick(&self) -> Duration {
        let sessions = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX).max(1);
        (FASTEST * sessions.div_ceil(FEW)).min(SLOWEST)
    }
}

impl News {
    fn add(&mut self, whose: Whose, entry: PresenceEntry, near: Option<Point>) {
        if whose == Whose::Ours {
            self.nodes.push(entry.clone());
        }
        self.members.push(Line { entry, near });
    }
}

fn entry((session, present): (&SessionId, &Present)) -> PresenceEntry {
    PresenceEntry { session: *session, fields: Some(present.fields.clone()), who: Some(present.who.clone()) }
}

/// What makes `new` of `old`, with nil for what is no more.
fn change(old: &Props, new: &Props) -> Props {
    let set = new.iter().filter(|(name, raw)| old.get(name) != Some(raw));
    let gone = old.iter().filter(|(name, _)| new.get(name).is_none()).map(|(name, _)| (name, NIL));
    let pairs: Vec<_> = set.chain(gone).collect();
    Props::from_pairs(&pairs)
}

#[cfg(test)]
mod tests;
