//! A client's frames, in both encodings.

use collabcanvas::protocol::decode::{Unreadable, client_message};
use collabcanvas::protocol::limits::{FRAME_DEPTH, Limits, PROPERTIES, TOPIC_BYTES};
use collabcanvas::protocol::message::{ClientMessage, Hello, To, WirePosition};
use collabcanvas::protocol::op::{Action, Batch, Body, Op};
use collabcanvas::protocol::props::Props;
use collabcanvas::protocol::value::Value;
use collabcanvas::protocol::{Encoding, json, scan};

/// What is said of a bad frame, in bytes: a sentence, not the frame.
const SENTENCE: usize = 1_024;
/// Cids stay below it.
const END_OF_CIDS: u64 = 1 << 53;

/// A MessagePack frame is refused with a sentence, or means the same as its JSON twin, which leads back to the same bytes.
pub(crate) fn msgpack(data: &[u8]) {
    let limits = Limits::default();
    let Some(message) = readable(client_message(data, Encoding::MessagePack, &limits)) else { return };
    is_valid(&message, &limits);
    let text = json::to_json(data).expect("what was decoded is sound");
    assert_eq!(json::from_json(&text).expect("we wrote it"), data, "{text}");
    let again = client_message(text.as_bytes(), Encoding::Json, &limits);
    assert_eq!(format!("{:?}", again.expect("its twin was readable")), format!("{message:?}"));
}

/// A JSON frame is refused with a sentence, or means the same as the MessagePack that it stands for; and writing that as JSON leads back to it.
pub(crate) fn json(data: &[u8]) {
    let limits = Limits::default();
    let message = readable(client_message(data, Encoding::Json, &limits));
    let Ok(packed) = json::from_json(std::str::from_utf8(data).unwrap_or_default()) else {
        assert!(message.is_none(), "what is no JSON is no message");
        return;
    };
    if scan::check(&packed, FRAME_DEPTH, packed.len()).is_ok() {
        let text = json::to_json(&packed).expect("sound");
        assert_eq!(json::from_json(&text).expect("we wrote it"), packed, "{text}");
    }
    let twin = readable(client_message(&packed, Encoding::MessagePack, &limits));
    assert_eq!(format!("{twin:?}"), format!("{message:?}"));
    if let Some(message) = message {
        is_valid(&message, &limits);
    }
}

fn readable(result: Result<ClientMessage, Unreadable>) -> Option<ClientMessage> {
    result.inspect_err(|error| is_sentence(&error.0)).ok()
}

/// What is said to a client must not grow with what it sent.
fn is_sentence(text: &str) {
    assert!(text.len() <= SENTENCE, "{} bytes: {}", text.len(), text.chars().take(80).collect::<String>());
}

/// What whoever gets a decoded message counts on.
fn is_valid(message: &ClientMessage, limits: &Limits) {
    match message {
        ClientMessage::Hello(hello) => is_valid_hello(hello, limits),
        ClientMessage::Batch(batch) => is_valid_batch(batch, limits),
        ClientMessage::Presence(set) => is_sound(set, limits),
        ClientMessage::Broadcast { topic, data, to } => {
            assert!((1..=TOPIC_BYTES).contains(&topic.len()));
            let again = Value::new(data.as_bytes().to_vec().into(), limits.value_depth as usize);
            assert_eq!(again.as_ref(), Ok(data));
            let mut packed = Vec::new();
            to.pack(&mut packed);
            assert_eq!(To::read(&packed).as_ref(), Some(to));
        }
        ClientMessage::Token(credentials) => assert!(credentials.token.is_some()),
        ClientMessage::Ping(_) => {}
    }
}

fn is_valid_hello(hello: &Hello, limits: &Limits) {
    assert!(hello.saved < END_OF_CIDS);
    is_sound(&hello.presence, limits);
    if let Some(position) = hello.position {
        assert_eq!(WirePosition::from(position).parse(), Some(position));
    }
}

fn is_valid_batch(batch: &Batch, limits: &Limits) {
    assert!((1..END_OF_CIDS).contains(&batch.cid));
    match &batch.body {
        Body::Ops(ops) => {
            assert!((1..=limits.batch_ops as usize).contains(&ops.len()));
            ops.iter().for_each(|op| is_valid_op(op, limits));
        }
        Body::Invalid(refusal) => is_sentence(&refusal.message),
        Body::Void(_) => assert_eq!(batch.digest, 0),
        Body::Again(_) => panic!("no client asks for this"),
    }
}

fn is_valid_op(op: &Op, limits: &Limits) {
    assert!(op.if_absent.len() <= PROPERTIES);
    match &op.action {
        Action::Create { props } => {
            is_sound(props, limits);
            assert_eq!((op.if_rev, op.token), (None, None));
        }
        Action::Update { set, unset } => {
            is_sound(set, limits);
            assert!(unset.iter().all(|name| set.get(name).is_none()));
        }
        Action::Lease { ttl_ms } => assert!((1..=limits.lease_ms).contains(ttl_ms)),
        Action::Delete | Action::Increment { .. } | Action::Release => {}
    }
}

/// Properties are what they would be parsed to, all of them are found, and each under its name.
fn is_sound(props: &Props, limits: &Limits) {
    assert_eq!(Props::parse(props.as_bytes(), limits.value_depth as usize).as_ref(), Ok(props));
    assert!(props.count() <= PROPERTIES && props.iter().count() == props.count());
    // Looking for a name is a walk: for a few of them.
    assert!(props.iter().take(16).all(|(name, raw)| props.get(name) == Some(raw)));
}
