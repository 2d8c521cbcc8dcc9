use super::*;
use crate::ids::Author;
use crate::presence::BEAT;
use crate::protocol::json::from_json;
use crate::protocol::message::{Role, Who};
use proptest::prelude::*;
use std::time::Duration;

const NODE: NodeId = 9;

fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

fn joined(session: SessionId, json: &str) -> PresenceEntry {
    let who = Who { author: Author([1; 8]), user: "u".into(), role: Role::Editor };
    PresenceEntry { session, fields: Some(props(json)), who: Some(who) }
}

fn moved(session: SessionId, json: &str) -> PresenceEntry {
    PresenceEntry { session, fields: Some(props(json)), who: None }
}

fn gone(session: SessionId) -> PresenceEntry {
    PresenceEntry { session, fields: None, who: None }
}

/// A room that hears one other node.
struct Room {
    remote: Remote,
    roster: Roster,
    now: Instant,
    /// The last ask.
    number: u64,
}

impl Room {
    fn new() -> Self {
        Self { remote: Remote::default(), roster: Roster::default(), now: Instant::now(), number: FIRST }
    }

    /// One that is in step with the node at news 1: session 1 has `a` = 0.
    fn in_step() -> Self {
        let mut room = Self::new();
        room.news(1, vec![joined(1, r#"{"a":0}"#)]);
        assert_eq!(room.beat(1, &[1]), [1]);
        room.read(joined(1, r#"{"a":0}"#));
        room
    }

    fn news(&mut self, n: u64, entries: Vec<PresenceEntry>) -> Vec<SessionId> {
        let ask = self.remote.hear_news(&mut self.roster, NODE, n, entries, self.now);
        self.asked(ask)
    }

    fn beat(&mut self, n: u64, sessions: &[SessionId]) -> Vec<SessionId> {
        let ask = self.remote.hear_beat(&mut self.roster, NODE, n, sessions, self.now);
        self.asked(ask)
    }

    fn asked(&mut self, ask: Ask) -> Vec<SessionId> {
        if !ask.sessions.is_empty() {
            self.number = ask.number;
        }
        ask.sessions
    }

    /// The answer to the last ask.
    fn read(&mut self, entry: PresenceEntry) {
        self.answer(self.number, entry);
    }

    fn answer(&mut self, number: u64, entry: PresenceEntry) {
        self.remote.read(&mut self.roster, number, NODE, entry, self.now);
    }

    fn shows(&self) -> Vec<(SessionId, String)> {
        let text = |fields: &Option<Props>| fields.as_ref().map_or(String::new(), |f| format!("{f:?}"));
        self.roster.everybody().iter().map(|e| (e.session, text(&e.fields))).collect()
    }

    fn shows_only(&self, session: SessionId, json: &str) -> bool {
        self.shows() == [(session, json.to_owned())]
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
    assert!(room.roster.take_news().nodes.is_empty());
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

/// What happens at the other node, and to the messages on their way.
#[derive(Debug, Clone)]
enum Step {
    Join,
    Move(u8, u8),
    Leave(u8),
    Beat,
    /// Deliver the message at this place of the queue: 0 is the oldest.
    Deliver(u8),
    Repeat(u8),
    Lose(u8),
    /// The room reads what it was asked to; the answers take effect with a later step.
    Read,
    Answer,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Join),
        4 => (any::<u8>(), any::<u8>()).prop_map(|(s, v)| Step::Move(s, v)),
        1 => any::<u8>().prop_map(Step::Leave),
        3 => Just(Step::Beat),
        6 => Just(Step::Deliver(0)),
        2 => any::<u8>().prop_map(Step::Deliver),
        1 => any::<u8>().prop_map(Step::Repeat),
        1 => any::<u8>().prop_map(Step::Lose),
        2 => Just(Step::Read),
        3 => Just(Step::Answer),
    ]
}

#[derive(Debug, Clone)]
enum Message {
    News(u64, Vec<PresenceEntry>),
    Beat(u64, Vec<SessionId>),
}

/// The other node with its keys, and the way from there.
#[derive(Default)]
struct World {
    sessions: BTreeMap<SessionId, Props>,
    keys: BTreeMap<SessionId, Props>,
    next: SessionId,
    n: u64,
    way: Vec<Message>,
    asked: BTreeSet<SessionId>,
    answers: Vec<(u64, PresenceEntry)>,
}

impl World {
    fn tell(&mut self, entry: PresenceEntry) {
        self.n += 1;
        self.way.push(Message::News(self.n, vec![entry]));
    }

    fn nth(&self, nth: u8) -> Option<SessionId> {
        self.sessions.keys().nth(usize::from(nth) % self.sessions.len().max(1)).copied()
    }

    fn beat(&mut self) {
        self.keys = self.sessions.clone();
        self.way.push(Message::Beat(self.n, self.sessions.keys().copied().collect()));
    }

    fn read(&mut self, number: u64) {
        let found = self.asked.iter().filter_map(|s| Some((*s, self.keys.get(s)?.clone())));
        self.answers
            .extend(found.map(|(s, fields)| (number, PresenceEntry { fields: Some(fields), ..joined(s, "{}") })));
        self.asked.clear();
    }

    fn deliver(&mut self, room: &mut Room, message: Message) {
        self.asked.extend(match message {
            Message::News(n, entries) => room.news(n, entries),
            Message::Beat(n, sessions) => room.beat(n, &sessions),
        });
    }

    fn run(&mut self, room: &mut Room, step: Step) {
        let place = |way: &Vec<Message>, at: u8| (!way.is_empty()).then(|| usize::from(at) % way.len());
        match step {
            Step::Join => {
                self.next += 1;
                self.sessions.insert(self.next, props(r#"{"a":0}"#));
                self.keys.insert(self.next, props(r#"{"a":0}"#));
                self.tell(joined(self.next, r#"{"a":0}"#));
            }
            Step::Move(nth, value) => {
                let Some(session) = self.nth(nth) else { return };
                let name = if value % 2 == 0 { "a" } else { "b" };
                let patch =
                    if value % 7 == 0 { format!(r#"{{"{name}":null}}"#) } else { format!(r#"{{"{name}":{value}}}"#) };
                let fields = self.sessions.get_mut(&session).expect("there");
                *fields = fields.patched(&props(&patch));
                self.tell(moved(session, &patch));
            }
            Step::Leave(nth) => {
                let Some(session) = self.nth(nth) else { return };
                self.sessions.remove(&session);
                self.keys.remove(&session);
                self.tell(gone(session));
            }
            Step::Beat => self.beat(),
            Step::Deliver(at) => {
                let Some(at) = place(&self.way, at) else { return };
                let message = self.way.remove(at);
                self.deliver(room, message);
            }
            Step::Repeat(at) => {
                let Some(at) = place(&self.way, at) else { return };
                self.deliver(room, self.way[at].clone());
            }
            Step::Lose(at) => drop(place(&self.way, at).map(|at| self.way.remove(at))),
            Step::Read => self.read(room.number),
            Step::Answer => {
                let answers = std::mem::take(&mut self.answers);
                answers.into_iter().for_each(|(number, entry)| room.answer(number, entry));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_lost_late_or_double_one_beat_later_all_is_right(steps in prop::collection::vec(step(), 0..60)) {
        let (mut room, mut world) = (Room::new(), World::default());
        steps.into_iter().for_each(|step| world.run(&mut room, step));
        // Old messages and answers arrive; then one beat, and what it asks for.
        while !world.way.is_empty() {
            world.run(&mut room, Step::Deliver(0));
        }
        world.run(&mut room, Step::Answer);
        for step in [Step::Beat, Step::Deliver(0), Step::Read, Step::Answer] {
            world.run(&mut room, step);
        }
        let have: BTreeMap<_, _> = room.roster.everybody().into_iter().map(|e| (e.session, e.fields)).collect();
        for (session, fields) in &world.sessions {
            let shown = have.get(session).cloned().flatten();
            let same = |name| shown.as_ref().and_then(|s| s.get(name).map(<[u8]>::to_vec)) == fields.get(name).map(<[u8]>::to_vec);
            prop_assert!(same("a") && same("b"), "{}: {:?}, not {:?}", session, shown, fields);
        }
        prop_assert_eq!(have.len(), world.sessions.len());
    }
}
