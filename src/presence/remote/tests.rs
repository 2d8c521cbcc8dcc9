use super::*;
use crate::ids::Author;
use crate::presence::BEAT;
use crate::protocol::json::from_json;
use crate::protocol::message::{Role, Who};
use std::time::Duration;

pub(super) const NODE: NodeId = 9;

pub(super) fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

pub(super) fn joined(session: SessionId, json: &str) -> PresenceEntry {
    let who = Who { author: Author([1; 8]), user: "u".into(), role: Role::Editor };
    PresenceEntry { session, fields: Some(props(json)), who: Some(who) }
}

pub(super) fn moved(session: SessionId, json: &str) -> PresenceEntry {
    PresenceEntry { session, fields: Some(props(json)), who: None }
}

pub(super) fn gone(session: SessionId) -> PresenceEntry {
    PresenceEntry { session, fields: None, who: None }
}

/// A room that hears one other node.
pub(super) struct Room {
    remote: Remote,
    pub(super) roster: Roster,
    now: Instant,
    /// The last ask.
    pub(super) number: u64,
}

impl Room {
    pub(super) fn new() -> Self {
        Self { remote: Remote::default(), roster: Roster::default(), now: Instant::now(), number: FIRST }
    }

    /// One that is in step with the node at news 1: session 1 has `a` = 0.
    pub(super) fn in_step() -> Self {
        let mut room = Self::new();
        room.news(1, vec![joined(1, r#"{"a":0}"#)]);
        assert_eq!(room.beat(1, &[1]), [1]);
        room.read(joined(1, r#"{"a":0}"#));
        room
    }

    pub(super) fn news(&mut self, n: u64, entries: Vec<PresenceEntry>) -> Vec<SessionId> {
        let ask = self.remote.hear_news(&mut self.roster, NODE, n, entries, self.now);
        self.asked(ask)
    }

    pub(super) fn beat(&mut self, n: u64, sessions: &[SessionId]) -> Vec<SessionId> {
        let ask = self.remote.hear_beat(&mut self.roster, NODE, n, sessions, self.now);
        self.asked(ask)
    }

    pub(super) fn asked(&mut self, ask: Ask) -> Vec<SessionId> {
        if !ask.sessions.is_empty() {
            self.number = ask.number;
        }
        ask.sessions
    }

    /// The answer to the last ask.
    pub(super) fn read(&mut self, entry: PresenceEntry) {
        self.answer(self.number, entry);
    }

    pub(super) fn answer(&mut self, number: u64, entry: PresenceEntry) {
        self.remote.read(&mut self.roster, number, NODE, entry, self.now);
    }

    pub(super) fn shows(&self) -> Vec<(SessionId, String)> {
        let text = |fields: &Option<Props>| fields.as_ref().map_or(String::new(), |f| format!("{f:?}"));
        self.roster.everybody().iter().map(|e| (e.session, text(&e.fields))).collect()
    }

    fn shows_only(&self, session: SessionId, json: &str) -> bool {
        let fields = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON");
        matches!(&self.shows()[..], [(shown, theirs)] if *shown == session && fields(theirs) == fields(json))
    }
}

#[test]
fn news_and_beats_in_order_need_no_reading() {
    let mut room = Room::in_step();
    assert!(room.news(2, vec![moved(1, r#"{"a":1}"#), joined(2, "{}")]).is_empty());
    assert!(room.beat(2, &[1, 2]).is_empty());
    assert_eq!(room.shows(), [(1, r#"{"a":1}"#.to_owned()), (2, "{}".to_owned())]);
    room.news(3, vec![gone(2)]);
    assert!(room.beat(3, &[1]).is_empty() && room.shows_only(1, r#"{"a":1}"#));
    assert!(room.roster.take_news(Instant::now()).nodes.is_empty());
}

#[test]
fn lost_news_is_made_good_by_the_next_beat() {
    // A move is lost, and nothing comes after it.
    let mut room = Room::in_step();
    assert_eq!(room.beat(2, &[1]), [1]);
    // A move that comes while it is read is newer than what is read.
    room.news(3, vec![moved(1, r#"{"b":3}"#)]);
    room.read(joined(1, r#"{"a":2,"b":2}"#));
    assert!(room.shows_only(1, r#"{"a":2,"b":3}"#));
    assert!(room.beat(3, &[1]).is_empty());
    // A leave is lost.
    assert!(room.beat(4, &[]).is_empty() && room.shows().is_empty());
    // A join is lost, then its moves are heard of.
    assert_eq!(room.news(6, vec![moved(5, r#"{"x":1}"#)]), [5]);
    assert!(room.shows().is_empty());
    room.read(joined(5, r#"{"name":"E"}"#));
    assert!(room.shows_only(5, r#"{"name":"E","x":1}"#));
    // The hole is known: the next beat has it read once more.
    assert_eq!(room.beat(6, &[5]), [5]);
}

#[test]
fn what_cannot_be_read_is_asked_for_until_it_is_gone() {
    let mut room = Room::in_step();
    assert_eq!(room.beat(1, &[1, 2]), [2]);
    assert_eq!(room.beat(1, &[1, 2]), [2]);
    assert!(room.beat(1, &[1]).is_empty());
    room.read(joined(2, "{}"));
    assert!(room.shows_only(1, r#"{"a":0}"#), "what was read too late is of the past");
}

#[test]
fn a_beat_from_before_a_join_does_not_take_it_back() {
    let mut room = Room::in_step();
    room.news(2, vec![joined(2, "{}")]);
    assert!(room.beat(1, &[1]).is_empty());
    assert_eq!(room.shows().len(), 2);
    // Nor does one from before a leave bring anybody back.
    room.news(3, vec![gone(2)]);
    assert!(room.beat(2, &[1, 2]).is_empty());
    room.read(joined(2, "{}"));
    assert!(room.shows_only(1, r#"{"a":0}"#));
}

#[test]
fn beats_that_news_always_overtakes_make_good_too() {
    let mut room = Room::in_step();
    room.news(3, vec![moved(1, r#"{"b":3}"#)]);
    room.news(4, vec![moved(1, r#"{"b":4}"#)]);
    // News 2 set `a`. The beat was taken after news 3.
    assert_eq!(room.beat(3, &[1]), [1]);
    room.news(5, vec![moved(1, r#"{"b":5}"#)]);
    room.read(joined(1, r#"{"a":2,"b":3}"#));
    assert!(room.shows_only(1, r#"{"a":2,"b":5}"#));
    // So once more, until a beat comes that nothing has overtaken.
    assert_eq!(room.beat(4, &[1]), [1]);
    room.news(6, vec![]);
    assert_eq!(room.beat(6, &[1]), [1]);
    assert!(room.beat(6, &[1]).len() == 1, "it was not read yet");
    room.read(joined(1, r#"{"a":2,"b":5}"#));
    assert!(room.beat(6, &[1]).is_empty());
}

#[test]
fn late_news_changes_nothing_but_a_leave_counts() {
    let mut room = Room::in_step();
    room.news(3, vec![moved(1, r#"{"a":3}"#)]);
    room.news(2, vec![moved(1, r#"{"a":2}"#)]);
    room.news(3, vec![moved(1, r#"{"a":3}"#)]);
    assert!(room.shows_only(1, r#"{"a":3}"#));
    assert_eq!(room.beat(3, &[1]), [1], "a hole was seen");
    room.read(joined(1, r#"{"a":3}"#));
    room.news(5, vec![]);
    room.news(4, vec![gone(1)]);
    assert!(room.shows().is_empty());
    room.news(6, vec![moved(1, r#"{"a":6}"#)]);
    assert!(room.shows().is_empty());
}

#[test]
fn a_killed_node_is_gone_in_seven_to_ten_seconds_and_a_paused_one_comes_back() {
    let mut room = Room::in_step();
    room.now += BEAT;
    room.beat(1, &[1]);
    let last_heard = room.now;
    assert_eq!(room.remote.deadline(), Some(last_heard + SILENT_NODE));
    // The node was killed up to a beat after that; the room looks every second at the latest.
    for second in 1..7 {
        room.now = last_heard + Duration::from_secs(second);
        room.remote.expire(&mut room.roster, room.now);
        assert_eq!(room.shows().len(), 1, "{second} s");
    }
    room.now = last_heard + SILENT_NODE;
    room.remote.expire(&mut room.roster, room.now);
    assert!(room.shows().is_empty() && room.remote.deadline().is_none());
    assert!(SILENT_NODE + Duration::from_secs(1) <= Duration::from_secs(10));

    assert_eq!(room.beat(1, &[1]), [1]);
    room.read(joined(1, r#"{"a":0}"#));
    assert!(room.shows_only(1, r#"{"a":0}"#));
}

#[test]
fn what_is_read_at_the_start_is_shown_until_something_newer_comes() {
    let mut room = Room::new();
    room.read(joined(1, r#"{"a":1}"#));
    room.news(8, vec![moved(1, r#"{"a":2}"#)]);
    room.read(joined(1, r#"{"a":1}"#));
    assert!(room.shows_only(1, r#"{"a":2}"#));
    // Somebody of a node that was killed a while ago.
    let mut room = Room::new();
    room.read(joined(1, "{}"));
    room.now += SILENT_NODE;
    room.remote.expire(&mut room.roster, room.now);
    assert!(room.shows().is_empty());
}
