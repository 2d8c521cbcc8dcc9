use super::*;
use crate::hub::mailbox::Joiner;
use crate::hub::outbox::Outbox;
use crate::hub::outbox::pipe::{Pipe, Reader};
use crate::hub::propose::Verdict;
use crate::ids::{ClientId, CommitId};
use crate::protocol::Encoding;
use crate::protocol::change::Changes;
use crate::protocol::commit::{Origin, Outcome};
use crate::protocol::message::{Role, Who};
use crate::protocol::props::Props;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

fn author(name: &str) -> Author {
    Author::of("user", &ClientId::parse(name).expect("id"))
}

/// A member, and what it gets.
fn member(name: &str, session: SessionId) -> (Member, Reader) {
    let pipe = Pipe::default();
    let joiner = Joiner {
        session,
        who: Who { author: author(name), user: name.into(), role: Role::Editor },
        encoding: Encoding::MessagePack,
        short: true,
        outbox: Arc::new(Outbox::new(Box::new(pipe.clone()))),
        pulse: Arc::default(),
        position: None,
        saved: 0,
        presence: Props::empty(),
    };
    (Member::new(&joiner, 0, 0), Reader::new(pipe))
}

fn count(reader: &mut Reader) -> usize {
    let mut next = || reader.poll_next(&mut Context::from_waker(Waker::noop()));
    std::iter::from_fn(|| if let Poll::Ready(message) = next() { Some(message) } else { None }).count()
}

#[test]
fn commits_that_can_wait_go_with_an_answer_or_when_they_are_released() {
    let mut members = Members::default();
    let ((ana, mut to_ana), (ben, mut to_ben)) = (member("ana", 1), member("ben", 2));
    members.insert(1, ana);
    members.insert(2, ben);
    let commit = |id| Commit {
        id: CommitId([id; 8]),
        origin: Origin::Client { author: author("ana"), cid: id.into(), digest: 0 },
        outcome: Outcome::Changed(Changes::none()),
    };
    // The first tells who is who, and that does not wait.
    members.commits(1, [&commit(1)].into_iter(), false);
    members.flush();
    assert_eq!((count(&mut to_ana), count(&mut to_ben)), (2, 2));

    members.commits(2, [&commit(2)].into_iter(), true);
    members.decided(1, Answer { cid: 2, seq: 2, verdict: Verdict::Accepted(Vec::new()) });
    members.settle(2, 0, false);
    members.commits(3, [&commit(3)].into_iter(), true);
    members.flush();
    assert_eq!(count(&mut to_ana), 3, "its answer takes along what waits");
    assert_eq!(count(&mut to_ben), 0, "it is not being answered");
    members.release();
    members.flush();
    assert_eq!((count(&mut to_ana), count(&mut to_ben)), (0, 2));
}

#[test]
fn only_little_waits() {
    let (mut ana, mut to_ana) = member("ana", 1);
    let frame = |bytes: usize| {
        let message = ServerMessage::Error { code: "x".into(), message: "a".repeat(bytes) };
        encode::message(&message, Encoding::MessagePack)
    };
    assert!(ana.push_later(frame(10)));
    ana.flush(true);
    assert_eq!(count(&mut to_ana), 0, "it waits for company");
    assert!(ana.push_later(frame(70_000)));
    ana.flush(true);
    assert_eq!(count(&mut to_ana), 1, "that is too much to wait: it is under way, as far as the socket takes it");

    let (mut ben, mut to_ben) = member("ben", 2);
    assert!(ben.push_later(frame(10)));
    while ben.push_later(frame(60_000)) {
        ben.is_due = false;
    }
    assert!(ben.lagging, "there is no more room");
    ben.flush(true);
    assert_eq!(count(&mut to_ben), 1, "what there is goes at once");
}
