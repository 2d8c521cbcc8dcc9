use super::*;
use crate::protocol::op::Body;

const TIMING: Timing = Timing {
    hello: Duration::from_secs(5),
    heartbeat: Duration::from_secs(10),
    silence: Duration::from_secs(25),
    closing: Duration::from_secs(2),
};

fn hello() -> ClientMessage {
    ClientMessage::Hello(Hello {
        versions: (1, 1),
        features: vec![],
        client: "c".to_owned(),
        credentials: Credentials::default(),
        position: None,
        saved: 0,
        presence: Props::empty(),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is called on what a call returns")]
fn closes(effect: Option<Effect>) -> Option<Close> {
    match effect {
        Some(Effect::Refuse(close, ..)) => Some(close),
        _ => None,
    }
}

fn live(now: Instant) -> Machine {
    let mut machine = Machine::new(now, Arc::new(TIMING));
    assert!(matches!(machine.message(now, Ok(hello()), &Limits::default()), Some(Effect::Admit(..))));
    machine.admitted(now, Role::Editor, None);
    machine
}

#[test]
fn hello_must_come_first_once_and_in_time() {
    let now = Instant::now();
    let limits = Limits::default();
    let mut machine = Machine::new(now, Arc::new(TIMING));
    assert_eq!(closes(machine.message(now, Ok(ClientMessage::Ping(1)), &limits)), Some(Close::Malformed));
    assert_eq!(machine.message(now, Ok(hello()), &limits), None, "what comes after our close is not heard");
    let mut machine = Machine::new(now, Arc::new(TIMING));
    assert_eq!(machine.tick(now + Duration::from_secs(4), Duration::ZERO), None);
    assert_eq!(closes(machine.tick(now + Duration::from_secs(5), Duration::ZERO)), Some(Close::HelloTimeout));
    assert_eq!(closes(live(now).message(now, Ok(hello()), &limits)), Some(Close::Malformed));
}

#[test]
fn silence_ends_a_session_and_pings_find_it() {
    let now = Instant::now();
    let mut machine = live(now);
    let at = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(machine.deadline(), at(10));
    assert_eq!(machine.tick(at(10), Duration::ZERO), Some(Effect::Ping));
    machine.heard(at(11));
    assert_eq!(machine.tick(at(20), Duration::ZERO), Some(Effect::Ping));
    assert_eq!(machine.tick(at(30), Duration::ZERO), Some(Effect::Ping));
    assert_eq!(machine.deadline(), at(36));
    assert_eq!(closes(machine.tick(at(36), Duration::ZERO)), Some(Close::Silent));
    assert_eq!(machine.tick(at(38), Duration::ZERO), Some(Effect::Drop));
}

#[test]
fn a_token_is_asked_for_anew_before_it_ends() {
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    let timing = Timing { silence: Duration::from_secs(1_000), heartbeat: Duration::from_secs(900), ..TIMING };
    let mut machine = Machine::new(now, Arc::new(timing));
    machine.message(now, Ok(hello()), &Limits::default());
    machine.admitted(now, Role::Editor, Some(at(100)));
    assert_eq!(machine.deadline(), at(40));
    assert_eq!(machine.tick(at(40), Duration::ZERO), Some(Effect::Expiring(Duration::from_secs(60))));
    assert_eq!(machine.deadline(), at(100));
    machine.renewed(at(50), Some(at(200)));
    assert_eq!(machine.tick(at(100), Duration::ZERO), None, "a new one came");
    assert_eq!(machine.tick(at(140), Duration::ZERO), Some(Effect::Expiring(Duration::from_secs(60))));
    assert_eq!(closes(machine.tick(at(200), Duration::ZERO)), Some(Close::Unauthenticated));
}

#[test]
fn who_may_not_write_is_told_so_and_a_role_that_changes_holds_at_once() {
    let now = Instant::now();
    let batch = || ClientMessage::Batch(Batch { cid: 1, body: Body::Ops(vec![]), durable: false, digest: 0 });
    let mut machine = live(now);
    let limits = Limits::default();
    assert!(matches!(machine.message(now, Ok(batch()), &limits), Some(Effect::Submit(_))));
    assert_eq!(machine.role(Role::Editor), None);
    for role in [Role::Commenter, Role::Viewer] {
        assert_eq!(machine.role(role), Some(Effect::Permission(role)));
        assert_eq!(machine.message(now, Ok(batch()), &limits), Some(Effect::Forbid(1)), "{role:?}");
    }
    assert_eq!(machine.role(Role::Owner), Some(Effect::Permission(Role::Owner)));
    assert!(matches!(machine.message(now, Ok(batch()), &limits), Some(Effect::Submit(_))));
}

#[test]
fn who_sends_too_much_is_not_listened_to_for_a_second_at_most() {
    let now = Instant::now();
    let mut machine = live(now);
    machine.rest(now, Duration::from_secs(60));
    assert!(!machine.listens());
    assert_eq!(machine.deadline(), now + Duration::from_secs(1));
    assert_eq!(machine.tick(now + Duration::from_secs(1), Duration::ZERO), None);
    assert!(machine.listens());
}

#[test]
fn a_reader_that_takes_nothing_is_slow() {
    let now = Instant::now();
    assert_eq!(closes(live(now).tick(now, TIMING.silence)), Some(Close::Slow));
}

#[test]
fn large_broadcasts_and_unreadable_frames_close() {
    let now = Instant::now();
    let data = Value::new([&[0xc5, 0x20, 0x01][..], &[0; 0x2001]].concat().into(), 1).expect("bytes");
    let broadcast = ClientMessage::Broadcast { topic: "t".into(), data, to: To::All };
    assert_eq!(closes(live(now).message(now, Ok(broadcast), &Limits::default())), Some(Close::Malformed));
    let unreadable = Err(Unreadable("why".to_owned()));
    assert_eq!(closes(live(now).message(now, unreadable, &Limits::default())), Some(Close::Malformed));
}

#[test]
fn a_client_is_told_to_go_when_its_time_has_come_and_at_once_before_it_has_joined() {
    let now = Instant::now();
    let after = Duration::from_secs(3);
    let mut machine = live(now);
    machine.leave(now, after);
    assert_eq!(machine.deadline(), now + after);
    let limits = Limits::default();
    assert_eq!(
        machine.message(now, Ok(ClientMessage::Ping(1)), &limits),
        Some(Effect::Pong(1)),
        "it is served until then"
    );
    assert_eq!(machine.tick(now + after, Duration::ZERO), Some(Effect::Leave));
    assert_eq!(machine.tick(now + after, Duration::ZERO), None, "once");
    assert_eq!(machine.tick(now + after + TIMING.closing, Duration::ZERO), Some(Effect::Drop));
    let mut fresh = Machine::new(now, Arc::new(TIMING));
    fresh.leave(now, after);
    assert_eq!(fresh.tick(now, Duration::ZERO), Some(Effect::Leave));
    let mut closing = live(now);
    closing.closing(now);
    closing.leave(now, Duration::ZERO);
    assert_eq!(closing.tick(now, Duration::ZERO), None, "it has been told something else");
}
