//! Random schedules: what one beat makes good.

use super::tests::{Room, gone, joined, moved, props};
use crate::ids::SessionId;
use crate::protocol::message::PresenceEntry;
use crate::protocol::props::Props;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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

    fn run(&mut self, room: &mut Room, step: &Step) {
        let place = |way: &Vec<Message>, at: u8| (!way.is_empty()).then(|| usize::from(at) % way.len());
        match *step {
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
        steps.iter().for_each(|step| world.run(&mut room, step));
        // Old messages and answers arrive; then one beat, and what it asks for.
        while !world.way.is_empty() {
            world.run(&mut room, &Step::Deliver(0));
        }
        world.run(&mut room, &Step::Answer);
        for step in [Step::Beat, Step::Deliver(0), Step::Read, Step::Answer] {
            world.run(&mut room, &step);
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
