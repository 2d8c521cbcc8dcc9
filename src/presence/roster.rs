//! Everybody's presence in one project, and what has changed since the last tick. Pure.

use crate::ids::SessionId;
use crate::protocol::message::{PresenceEntry, Who};
use crate::protocol::props::Props;
use crate::protocol::value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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

/// What has changed since the last tick, one entry per session.
#[derive(Debug, Default, PartialEq)]
pub struct News {
    /// For the members of the room: everybody's.
    pub members: Vec<PresenceEntry>,
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
}

/// The sessions of a project, as the others see them.
#[derive(Debug, Default)]
pub struct Roster {
    sessions: BTreeMap<SessionId, Present>,
    dirty: BTreeSet<SessionId>,
    left: Vec<(SessionId, Whose)>,
}

impl Roster {
    /// A session has come; or is known, and has these fields now.
    pub fn join(&mut self, session: SessionId, who: Who, fields: Props, whose: Whose) {
        if let Some(known) = self.sessions.get(&session) {
            let change = change(&known.fields, &fields);
            self.set(session, &change, usize::MAX);
            return;
        }
        self.sessions.insert(session, Present { whose, who, fields, changed: None });
        self.dirty.insert(session);
    }

    /// A session has gone.
    pub fn leave(&mut self, session: SessionId) {
        let Some(present) = self.sessions.remove(&session) else {
            return;
        };
        let announced = !self.dirty.remove(&session) || present.changed.is_some();
        if announced {
            self.left.push((session, present.whose));
        }
    }

    /// Changes a session's fields; nil removes. Returns false, and changes nothing, when they would exceed `limit` bytes.
    pub fn set(&mut self, session: SessionId, patch: &Props, limit: usize) -> bool {
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
        let fresh = self.dirty.insert(session);
        match &mut present.changed {
            Some(changed) if !fresh => *changed = changed.merged(patch, &[]),
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

    /// What has changed since the last call.
    pub fn take_news(&mut self) -> News {
        let mut news = News::default();
        for (session, whose) in self.left.drain(..) {
            news.add(whose, PresenceEntry { session, fields: None, who: None });
        }
        for session in std::mem::take(&mut self.dirty) {
            let Some(present) = self.sessions.get_mut(&session) else {
                continue;
            };
            let first = present.changed.is_none();
            let fields = present.changed.replace(Props::empty()).unwrap_or_else(|| present.fields.clone());
            let who = first.then(|| present.who.clone());
            news.add(present.whose, PresenceEntry { session, fields: Some(fields), who });
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
    fn add(&mut self, whose: Whose, entry: PresenceEntry) {
        if whose == Whose::Ours {
            self.nodes.push(entry.clone());
        }
        self.members.push(entry);
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
mod tests {
    use super::*;
    use crate::ids::Author;
    use crate::protocol::json::from_json;
    use crate::protocol::message::Role;

    fn props(json: &str) -> Props {
        Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
    }

    fn who() -> Who {
        Who { author: Author([1; 8]), user: "u".into(), role: Role::Editor }
    }

    fn shown(news: &[PresenceEntry]) -> Vec<String> {
        news.iter()
            .map(|e| {
                format!(
                    "{} {} {}",
                    e.session,
                    e.fields.as_ref().map_or("left".into(), |f| format!("{f:?}")),
                    e.who.is_some()
                )
            })
            .collect()
    }

    #[test]
    fn changes_are_coalesced_to_the_latest() {
        let mut roster = Roster::default();
        roster.join(1, who(), props(r#"{"name":"A"}"#), Whose::Ours);
        roster.set(1, &props(r#"{"cursor":[0,0]}"#), 2_048);
        assert_eq!(shown(&roster.take_news().members), [r#"1 {"name":"A","cursor":[0,0]} true"#]);
        roster.set(1, &props(r#"{"cursor":[1,1],"name":null}"#), 2_048);
        roster.set(1, &props(r#"{"cursor":[2,2]}"#), 2_048);
        assert_eq!(shown(&roster.take_news().members), [r#"1 {"name":null,"cursor":[2,2]} false"#]);
        assert!(!roster.has_news());
        assert_eq!(shown(&roster.everybody()), [r#"1 {"cursor":[2,2]} true"#]);
    }

    #[test]
    fn whoever_came_and_went_between_ticks_was_never_there() {
        let mut roster = Roster::default();
        roster.join(1, who(), Props::empty(), Whose::Ours);
        roster.leave(1);
        assert!(!roster.has_news());
        roster.join(2, who(), Props::empty(), Whose::Ours);
        roster.take_news();
        roster.set(2, &props(r#"{"a":1}"#), 2_048);
        roster.leave(2);
        assert_eq!(shown(&roster.take_news().members), ["2 left false"]);
    }

    #[test]
    fn other_nodes_hear_only_of_ours() {
        let mut roster = Roster::default();
        roster.join(1, who(), props(r#"{"a":1}"#), Whose::Ours);
        roster.join(2, who(), props(r#"{"b":1}"#), Whose::Theirs);
        let news = roster.take_news();
        assert_eq!(shown(&news.members), [r#"1 {"a":1} true"#, r#"2 {"b":1} true"#]);
        assert_eq!(shown(&news.nodes), [r#"1 {"a":1} true"#]);
        assert_eq!(shown(&roster.ours()), [r#"1 {"a":1} true"#]);
        roster.leave(1);
        roster.leave(2);
        let news = roster.take_news();
        assert_eq!((shown(&news.members).len(), shown(&news.nodes)), (2, vec!["1 left false".to_owned()]));
    }

    #[test]
    fn who_comes_again_is_only_what_is_new_of_it() {
        let mut roster = Roster::default();
        let join = |roster: &mut Roster, fields| roster.join(2, who(), props(fields), Whose::Theirs);
        join(&mut roster, r#"{"a":1,"b":2,"c":3}"#);
        roster.take_news();
        join(&mut roster, r#"{"a":1,"b":4}"#);
        assert_eq!(shown(&roster.take_news().members), [r#"2 {"b":4,"c":null} false"#]);
        join(&mut roster, r#"{"a":1,"b":4}"#);
        assert!(!roster.has_news());
    }

    #[test]
    fn too_much_is_refused_whole() {
        let mut roster = Roster::default();
        roster.join(1, who(), props(r#"{"a":1}"#), Whose::Ours);
        assert!(!roster.set(1, &props(r#"{"a":2,"b":"0123456789"}"#), 8));
        assert_eq!(shown(&roster.everybody()), [r#"1 {"a":1} true"#]);
    }

    #[test]
    fn removing_what_is_not_there_is_no_news() {
        let mut roster = Roster::default();
        roster.join(1, who(), props(r#"{"a":1}"#), Whose::Ours);
        roster.take_news();
        assert!(roster.set(1, &props(r#"{"no":null,"b":2}"#), 2_048));
        assert_eq!(shown(&roster.take_news().members), [r#"1 {"b":2} false"#]);
        let many: Vec<String> = (0..500).map(|n| format!("\"no{n}\":null")).collect();
        assert!(!roster.set(1, &props(&format!("{{{}}}", many.join(","))), 2_048), "the change itself is bounded");
    }

    #[test]
    fn the_rate_falls_with_the_number_of_sessions() {
        let mut roster = Roster::default();
        assert_eq!(roster.tick(), FASTEST);
        (0..1_000).for_each(|session| roster.join(session, who(), Props::empty(), Whose::Ours));
        assert_eq!(roster.tick(), SLOWEST);
    }
}
