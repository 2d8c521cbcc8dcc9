//! Short frames: each with the message that it stands for, in the order of one session.

use super::hex;
use super::samples::{author, commits, props};
use collabcanvas::protocol::frame::Frame;
use collabcanvas::protocol::message::{PresenceEntry, ServerMessage};
use collabcanvas::protocol::short::{self, Name};
use collabcanvas::protocol::{Encoding, encode};
use loadtest::short::Names;
use loadtest::wire::Message;
use serde_json::{Value as Json, json};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/short.json");

/// A frame and its message; one that only gives numbers has none.
type Sample = (&'static str, Frame, Option<ServerMessage>);

fn samples() -> Vec<Sample> {
    let session = 4_503_599_627_370_497;
    let known = [Name::Author(author()), Name::Session(session)];
    let number = |name| u32::try_from(known.iter().position(|known| *known == name).expect("known")).expect("few");
    let commits = commits();
    let fields = props(r#"{"cursor":[1.5,20],"selection":null}"#);
    let entry = PresenceEntry { session, fields: Some(fields.clone()), who: None };
    let one = |at: usize| short::commits(41 + at as u64, commits[at..=at].iter(), number);
    let long = |at: usize| ServerMessage::Commits { seq: 41 + at as u64, commits: vec![commits[at].clone()] };
    vec![
        ("the first name", short::names(0, &known[..1]), None),
        ("a further one", short::names(1, &known[1..]), None),
        (
            "commits",
            short::commits(41, commits.iter(), number),
            Some(ServerMessage::Commits { seq: 41, commits: commits.clone() }),
        ),
        ("a commit that changes", one(0), Some(long(0))),
        ("a commit that is refused", one(1), Some(long(1))),
        ("a commit of the server", one(2), Some(long(2))),
        (
            "presence",
            short::presence([short::presence_line(number(known[1]), &fields).as_slice()].into_iter()),
            Some(ServerMessage::Presence { full: false, sessions: vec![entry] }),
        ),
        ("ack", short::ack(8, 41), Some(ServerMessage::Ack { cid: 8, seq: 41, gone: vec![] })),
        ("saved", short::saved(8, 300), Some(ServerMessage::Saved { cid: 8, seq: 300 })),
    ]
}

#[test]
fn short_frames_are_what_the_golden_file_says() {
    let row = |(name, frame, message): Sample| {
        let text = message.map(|message| encode::message(&message, Encoding::Json));
        let json: Json = text.map_or(Json::Null, |text| serde_json::from_slice(text.payload()).expect("JSON"));
        json!({"name": name, "msgpack": hex(frame.payload()), "json": json})
    };
    super::is_golden(FILE, &samples().into_iter().map(row).collect::<Vec<_>>());
}

#[test]
fn a_client_reads_them_as_the_messages_that_they_stand_for() {
    let mut names = Names::default();
    for (name, frame, message) in samples() {
        let read =
            |names: &mut Names, frame: &Frame| names.read(frame.payload(), Encoding::MessagePack).expect("readable");
        let short = read(&mut names, &frame);
        let long = message.map_or(Message::Names, |message| {
            read(&mut Names::default(), &encode::message(&message, Encoding::MessagePack))
        });
        assert_eq!(short, long, "{name}");
    }
}
