use super::*;
use crate::ids::Author;
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::message::{Role, To, Who};
use crate::protocol::props::Props;
use proptest::prelude::*;
use std::fmt::Debug;

/// Any raw value, among them such as nobody writes in its shortest form.
fn raw() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(vec![0xc0]),
        Just(vec![0xce, 0, 0, 0, 1]),
        Just(vec![0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        Just(vec![0xd4, 7, 9]),
        Just(vec![0xd9, 1, b'x']),
        any::<u32>().prop_map(|n| rmp_serde::to_vec(&n).expect("a number")),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|list| {
            let mut out = Vec::new();
            pack::array(&mut out, list.len());
            list.iter().for_each(|raw| out.extend_from_slice(raw));
            out
        })
    })
}

fn props() -> impl Strategy<Value = Props> {
    prop::collection::btree_map("[a-z]{1,8}", raw(), 0..5).prop_map(|map| {
        let pairs: Vec<_> = map.iter().map(|(name, raw)| (name.as_str(), raw.as_slice())).collect();
        Props::from_pairs(&pairs)
    })
}

fn session() -> impl Strategy<Value = u64> {
    0..1_u64 << 53
}

fn who() -> impl Strategy<Value = Who> {
    let role = prop::sample::select(vec![Role::Owner, Role::Editor, Role::Commenter, Role::Viewer]);
    (any::<[u8; 8]>(), "\\PC{0,12}", role).prop_map(|(author, user, role)| Who {
        author: Author(author),
        user: user.into(),
        role,
    })
}

fn entry() -> impl Strategy<Value = PresenceEntry> {
    (session(), prop::option::of(props()), prop::option::of(who())).prop_map(|(session, fields, who)| PresenceEntry {
        session,
        fields,
        who,
    })
}

fn run() -> impl Strategy<Value = Run> {
    let commits = prop::collection::vec((any::<[u8; 8]>(), any::<bool>(), any::<u32>()), 1..4);
    (any::<u64>(), 1..u64::MAX / 2, any::<[u8; 8]>(), commits).prop_map(|(epoch, first, previous, list)| {
        let commit = |(id, of_client, cid): ([u8; 8], bool, u32)| {
            let client = Origin::Client { author: Author(id), cid: cid.into(), digest: u64::MAX - u64::from(cid) };
            let origin = if of_client { client } else { Origin::Server };
            Commit { id: CommitId(id), origin, outcome: Outcome::Changed(Changes::none()) }
        };
        Run { epoch, first, previous: CommitId(previous), commits: list.into_iter().map(commit).collect() }
    })
}

fn event() -> impl Strategy<Value = Event> {
    let position = (any::<u64>(), any::<u64>(), any::<[u8; 8]>());
    let n = || (any::<u64>(), any::<u64>());
    let to = prop_oneof![
        Just(To::All),
        session().prop_map(To::Session),
        "\\PC{1,64}".prop_map(|user| To::User(user.into()))
    ];
    prop_oneof![
        run().prop_map(Event::Commits),
        position.prop_map(|(epoch, seq, id)| Event::Saved(Position { epoch, seq, id: CommitId(id) })),
        any::<u64>().prop_map(|epoch| Event::Began { epoch }),
        any::<u64>().prop_map(|version| Event::Rights { version }),
        (n(), prop::collection::vec(entry(), 0..4)).prop_map(|((node, n), sessions)| Event::Presence {
            node,
            n,
            sessions
        }),
        (n(), prop::collection::vec(session(), 0..4)).prop_map(|((node, n), sessions)| Event::Beat {
            node,
            n,
            sessions
        }),
        (any::<u64>(), session(), "[a-z]{1,64}", raw(), to).prop_map(|(node, from, topic, raw, to)| {
            let data = Value::new(raw.into(), FRAME_DEPTH).expect("sound");
            Event::Broadcast { node, from, topic: topic.into(), data, to }
        }),
    ]
}

fn is_error<T: Debug, E>(result: &Result<T, E>) -> bool {
    result.is_err()
}

proptest! {
    #[test]
    fn what_is_written_is_read(event in event(), sent_us: u64) {
        let bytes = encode(&event, sent_us).expect("it travels");
        let (read, sent) = decode(&bytes).expect("readable");
        prop_assert_eq!(&read, &event);
        let says_when = !matches!(event, Event::Saved(_) | Event::Began { .. } | Event::Rights { .. });
        prop_assert_eq!(sent, says_when.then_some(sent_us));
        let node = match event {
            Event::Presence { node, .. } | Event::Beat { node, .. } | Event::Broadcast { node, .. } => Some(node),
            _ => None,
        };
        prop_assert_eq!(node_of(&bytes), node);
    }

    #[test]
    fn a_part_and_more_than_all_are_refused(event in event()) {
        let bytes = encode(&event, 1).expect("it travels");
        for length in 0..bytes.len() {
            prop_assert!(is_error(&decode(&bytes[..length])), "{} of {}", length, bytes.len());
        }
        prop_assert!(is_error(&decode(&[&bytes[..], &[0]].concat())));
    }

    #[test]
    fn noise_is_no_panic(kind in prop::sample::select(b"CSLRPBX?".to_vec()), noise: Vec<u8>) {
        let _ = decode(&[&[kind], &noise[..]].concat());
    }
}

#[test]
fn scripts_write_the_same() {
    let position = Position { epoch: 1, seq: 258, id: CommitId(*b"commitid") };
    let saved = encode(&Event::Saved(position), 0).expect("it travels");
    assert_eq!(saved, b"S\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\x01\x02commitid");
    assert_eq!(encode(&Event::Began { epoch: 7 }, 0).expect("it travels"), b"L\0\0\0\0\0\0\0\x07");
    assert_eq!(encode(&Event::Gap, 0), None);
}

#[test]
fn rights_are_a_version() {
    let bytes = encode(&Event::Rights { version: 258 }, 7).expect("it travels");
    assert_eq!(bytes, b"R\0\0\0\0\0\0\x01\x02");
    assert_eq!(decode(&bytes), Ok((Event::Rights { version: 258 }, None)));
    assert_eq!(decode(&bytes[..8]), Err(Malformed::Truncated.into()));
}

#[test]
fn a_newer_kind_is_told_from_a_broken_one() {
    assert_eq!(decode(b"Zwhat"), Err(Unreadable::Unknown(b'Z')));
    assert_eq!(decode(b""), Err(Malformed::Truncated.into()));
    let mut endless = fixed(b'B', &[1, 2]);
    endless.extend([1, 0xdd, 255, 255, 255, 255]);
    assert_eq!(decode(&endless), Err(Malformed::Truncated.into()));
    assert_eq!(decode(&vec![b'P'; OTHER_BYTES + 1]), Err(Unreadable::Size(OTHER_BYTES + 1)));
}
