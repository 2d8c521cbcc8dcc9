use super::*;
use crate::hot::HotState;
use crate::protocol::Encoding;
use crate::protocol::decode::client_message;
use crate::protocol::message::ClientMessage;
use crate::protocol::refusal::Code;

fn empty() -> Replica {
    Replica::new(HotState::start())
}

fn waiting(by: u8, cid: Cid, ops: &str) -> Waiting {
    let frame = format!(r#"{{"t":"batch","cid":{cid},"ops":{ops}}}"#);
    match client_message(frame.as_bytes(), Encoding::Json, &Limits::default()) {
        Ok(ClientMessage::Batch(batch)) => Waiting { from: Some((by.into(), Author([by; 8]))), batch },
        other => panic!("{other:?}"),
    }
}

fn create(id: &str) -> String {
    format!(r#"[{{"op":"create","id":"{id}"}}]"#)
}

fn run(replica: &mut Replica, batches: Vec<Waiting>) -> Proposed {
    let proposed = propose(replica, &mut batches.into(), &Limits::default(), &mut rand::rng());
    for proposal in &proposed.call.proposals {
        replica.accept(proposal.commit.clone(), proposal.effects.clone());
    }
    proposed
}

#[test]
fn the_second_batch_of_a_call_sees_the_first() {
    let mut replica = empty();
    let update = r#"[{"op":"update","id":"a","set":{"x":1}}]"#;
    let proposed =
        run(&mut replica, vec![waiting(1, 1, &create("a")), waiting(2, 1, update), waiting(1, 2, &create("a"))]);
    let verdicts: Vec<_> = proposed
        .answers
        .iter()
        .map(|(_, answer)| (answer.seq, matches!(answer.verdict, Verdict::Accepted(_))))
        .collect();
    assert_eq!(verdicts, [(1, true), (2, true), (3, false)]);
    let object = replica.canvas().object(&ObjectId::parse("a").expect("id"));
    assert_eq!(object.map(|o| o.rev), Some(2));
}

#[test]
fn a_refused_batch_takes_its_cid_and_says_what_is_there() {
    let mut replica = empty();
    let proposed =
        run(&mut replica, vec![waiting(1, 1, &create("a")), waiting(1, 2, &create("a")), waiting(1, 3, &create("b"))]);
    let Verdict::Refused(refusal, current) = &proposed.answers[1].1.verdict else { panic!("refused") };
    assert_eq!((refusal.code, current.as_ref().map(|o| o.rev)), (Code::Exists, Some(1)));
    assert_eq!(replica.cids(&Author([1; 8])).0, 3);
}

#[test]
fn counters_are_held() {
    let mut replica = empty();
    run(&mut replica, vec![waiting(1, 1, &create("a")), waiting(1, 2, &create("b"))]);
    let proposed = run(
        &mut replica,
        vec![
            waiting(1, 1, &create("a")),
            waiting(1, 2, &create("b")),
            waiting(1, 2, &create("other")),
            waiting(1, 4, &create("d")),
            waiting(1, 3, &create("c")),
            waiting(1, 3, &create("c")),
        ],
    );
    let said: Vec<_> = proposed.at_once.iter().map(|(_, say)| *say).collect();
    assert_eq!(said, [AtOnce::Repeat(1, 2), AtOnce::Repeat(2, 2), AtOnce::InUse, AtOnce::Gap(3)]);
    assert_eq!((proposed.call.proposals.len(), proposed.answers.len()), (1, 2));
}

#[test]
fn a_repeat_within_a_call_gets_the_same_answer() {
    let mut replica = empty();
    run(&mut replica, vec![waiting(1, 1, &create("a"))]);
    let mut again = waiting(1, 2, &create("a"));
    again.from = Some((77, Author([1; 8])));
    let proposed = run(&mut replica, vec![waiting(1, 2, &create("a")), again]);
    assert_eq!(proposed.answers[0].1, proposed.answers[1].1, "both are refused");
    assert_eq!(proposed.answers[1].0, Some(77));
    assert_eq!(proposed.batches.len(), 2, "both are proposed anew if others were first");
}

#[test]
fn repeats_within_a_call_each_get_their_own_answer() {
    let mut replica = empty();
    run(&mut replica, vec![waiting(1, 1, &create("a"))]);
    let again = |cid, ops: &str| Waiting { from: Some((77, Author([1; 8]))), ..waiting(1, cid, ops) };
    let (taken, free) = (create("a"), create("b"));
    let proposed =
        run(&mut replica, vec![waiting(1, 2, &taken), waiting(1, 3, &free), again(2, &taken), again(3, &free)]);
    assert_eq!(proposed.answers[0].1, proposed.answers[2].1, "refused both times");
    assert_eq!(proposed.answers[1].1, proposed.answers[3].1, "accepted both times");
}

#[test]
fn a_void_takes_its_cid_and_changes_nothing() {
    let mut replica = empty();
    let batch = Batch { cid: 1, body: Body::Void(Code::Cycle), durable: false, digest: 0 };
    let proposed = run(&mut replica, vec![Waiting { from: Some((1, Author([1; 8]))), batch }]);
    assert_eq!(proposed.call.proposals[0].commit.outcome, Outcome::Refused(Code::Cycle));
    assert_eq!(replica.cids(&Author([1; 8])).0, 1);
}

#[test]
fn a_call_has_a_bound_and_the_rest_waits() {
    let replica = empty();
    let mut queue: VecDeque<_> = (1..=100).map(|cid| waiting(1, cid, &create(&format!("o{cid}")))).collect();
    let proposed = propose(&replica, &mut queue, &Limits::default(), &mut rand::rng());
    assert_eq!((proposed.call.proposals.len(), queue.len()), (CALL_BATCHES, 100 - CALL_BATCHES));
}
