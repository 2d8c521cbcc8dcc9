//! A simulated SDK: the client of the load test at a real room, with a person behind it who edits, changes nodes and may leave for ever.

use super::edits;
use super::node;
use super::world::{NODES, World, ms, pause};
use crate::chance;
use crate::hub::outbox::pipe::{Pipe, Reader};
use crate::hub::outbox::{Due, Outbox};
use crate::hub::pulse::Pulse;
use crate::hub::{Hub, Joiner, Membership};
use crate::ids::{Author, ClientId, CommitId, Position, SESSION_END};
use crate::mechanism::{Mechanism, on};
use crate::protocol::Encoding;
use crate::protocol::decode::client_message;
use crate::protocol::limits::Limits;
use crate::protocol::message::{ClientMessage, Role, Who};
use crate::protocol::op::Body;
use crate::protocol::props::Props;
use loadtest::core::Core;
use loadtest::history::Keep;
use loadtest::wire::{self, Message};
use rand::RngExt as _;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Batches that may be unsaved before a person waits.
const UNSAVED: usize = 12;

/// What everybody may see of a simulated SDK.
pub(super) struct Sdk {
    pub(super) name: String,
    pub(super) author: Author,
    pub(super) core: Core,
    /// It has left for ever.
    pub(super) gone: bool,
    /// It makes edits.
    pub(super) edits: bool,
    /// It is only ever on this node.
    pub(super) pinned: Option<usize>,
    /// The seqs that answers named, by cid.
    seqs: BTreeMap<u64, u64>,
}

impl Sdk {
    /// Without [`Mechanism::Savedcid`], forgets what an answer placed at or below the saved seq, whatever cid the server names.
    fn forget_by_seq(&mut self, message: &mut Message) {
        match message {
            Message::Ack(cid, seq, _) => {
                let first = self.seqs.keys().last().map_or(1, |last| last + 1);
                self.seqs.extend((first..=*cid).map(|cid| (cid, *seq)));
            }
            Message::Saved(cid, seq) if !on(Mechanism::Savedcid) => {
                *cid =
                    self.seqs.iter().filter(|(_, at)| *at <= seq).map(|(cid, _)| *cid).max().unwrap_or(*cid).max(*cid);
            }
            _ => {}
        }
    }
}

/// A simulated SDK, seen from outside.
#[derive(Clone)]
pub(super) struct Client(Arc<Mutex<Sdk>>);

/// Why a session ends.
enum Ended {
    Died,
    Closed,
    Roams,
    Gone,
}

impl Client {
    pub(super) fn start(world: &Arc<World>, name: &str, pinned: Option<usize>, edits: bool) -> Self {
        let id = ClientId::parse(name).expect("valid");
        let sdk = Sdk {
            name: name.to_owned(),
            author: Author::of("user", &id),
            core: Core::new(name, loadtest::Encoding::MessagePack, Keep::Names),
            gone: false,
            edits,
            pinned,
            seqs: BTreeMap::new(),
        };
        let client = Self(Arc::new(Mutex::new(sdk)));
        tokio::spawn(client.clone().live(world.clone()));
        client
    }

    pub(super) fn sdk(&self) -> MutexGuard<'_, Sdk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn live(self, world: Arc<World>) {
        while !self.sdk().gone {
            let on = self.sdk().pinned.unwrap_or_else(|| chance::rng().random_range(0..NODES));
            if let Some((hub, death)) = node::find(&world, on) {
                match self.session(&world, on, &hub, death).await {
                    Ended::Gone => return,
                    Ended::Roams => {}
                    Ended::Died | Ended::Closed => pause(50, 400).await,
                }
            }
            pause(5, 150).await;
        }
    }

    fn joiner(&self, outbox: &Arc<Outbox>) -> Joiner {
        let sdk = self.sdk();
        let parse = |p: &wire::Position| Some(Position { epoch: p.epoch, seq: p.seq, id: CommitId::parse(&p.id)? });
        Joiner {
            session: chance::rng().random_range(1..SESSION_END),
            who: Who { author: sdk.author, user: "user".into(), role: Role::Editor },
            encoding: Encoding::MessagePack,
            short: sdk.name.len().is_multiple_of(2),
            outbox: outbox.clone(),
            pulse: Arc::new(Pulse::default()),
            position: sdk.core.position().and_then(parse),
            saved: sdk.core.history.saved,
            presence: Props::empty(),
        }
    }

    async fn session(&self, world: &Arc<World>, on: usize, hub: &Arc<Hub>, death: Arc<Semaphore>) -> Ended {
        let pipe = Pipe::default();
        let (outbox, mut reader) = (Arc::new(Outbox::new(Box::new(pipe.clone()))), Reader::new(pipe));
        let joiner = self.joiner(&outbox);
        world.say(format_args!("{} joins node {on}", self.sdk().name));
        let joined = tokio::select! {
            biased;
            _ = death.acquire() => return Ended::Died,
            joined = hub.join(&world.project, joiner) => joined,
            () = tokio::time::sleep(Duration::from_secs(8)) => return Ended::Closed,
        };
        let membership = match joined {
            Ok(membership) => membership,
            Err(error) => {
                world.say(format_args!("{} cannot join node {on}: {error}", self.sdk().name));
                return Ended::Closed;
            }
        };
        self.sdk().core.begin();
        let stays = u64::try_from(world.temper.stays.as_millis()).expect("a short time");
        let roam_at = Instant::now() + ms(500, stays);
        let mut edit_at = Instant::now() + ms(0, 500);
        loop {
            self.hand_in(&membership);
            let wake = self.sdk().core.wake_at().map(Instant::from_std);
            tokio::select! {
                biased;
                _ = death.acquire() => return Ended::Died,
                frame = poll_fn(|cx| reader.poll_next(cx)) => {
                    if world.chance(10) {
                        pause(1, 200).await;
                    }
                    if let Some(ended) = self.hear(world, on, &frame) {
                        return ended;
                    }
                }
                due = poll_fn(|cx| outbox.poll_send(cx)) => match due {
                    Due::CaughtUp => membership.resync(),
                    Due::Close(close, why) => {
                        world.say(format_args!("{} is closed by node {on}: {} ({why})", self.sdk().name, close.name()));
                        return Ended::Closed;
                    }
                    Due::Broken => unreachable!("a pipe does not break"),
                },
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.sdk().core.wake(Instant::now().into_std());
                }
                () = tokio::time::sleep_until(edit_at) => {
                    self.edit();
                    let rest = world.temper.edits_ms;
                    edit_at = Instant::now() + if chance::rng().random_bool(0.3) { ms(0, 30) } else { ms(50, rest) };
                }
                () = tokio::time::sleep_until(roam_at), if self.sdk().pinned.is_none() => return Ended::Roams,
            }
        }
    }

    /// Sends what the SDK has to say.
    fn hand_in(&self, membership: &Membership) {
        let mut sdk = self.sdk();
        while let Some(frame) = sdk.core.take_out() {
            let message = client_message(&frame, Encoding::MessagePack, &Limits::default());
            if let ClientMessage::Batch(batch) = message.expect("an SDK writes sound messages")
                && (on(Mechanism::Void) || !matches!(batch.body, Body::Void(_)))
            {
                membership.submit(batch).expect("a room's mailbox is large enough for a few clients");
            }
        }
    }

    fn edit(&self) {
        let mut sdk = self.sdk();
        let (unsaved, _) = sdk.core.open_batches();
        if !sdk.edits || unsaved >= UNSAVED || sdk.core.welcome().is_none() {
            return;
        }
        let rev = sdk.core.position().map_or(0, |position| position.seq);
        let n = sdk.core.history.sent.len() as u64 + 1;
        let ops = edits::batch(&sdk.name, n, rev);
        sdk.core.submit(Instant::now().into_std(), ops);
    }

    /// Takes a frame. Returns why the session ends, if it does.
    fn hear(&self, world: &World, at_node: usize, frame: &[u8]) -> Option<Ended> {
        let mut sdk = self.sdk();
        let name = sdk.name.clone();
        let mut message = sdk.core.read(frame).expect("a room writes sound messages");
        let known = sdk.core.history.saved;
        if let Message::Welcome(welcome) = &mut message {
            let (last, saved, at) = (welcome.last, welcome.saved, welcome.position.seq);
            world.say(format_args!(
                "{name} is welcomed by node {at_node} at {at}: last {last}, saved {saved}, knows {known}"
            ));
            if last < known {
                world.bad(format!("{name} was greeted with less than it knows to be saved: {last}, not {known}"));
                return Some(Ended::Closed);
            }
            welcome.saved = saved.max(known);
            if !on(Mechanism::Resend) {
                let answered = sdk.core.history.acked.last().max(sdk.core.history.rejected.keys().last());
                welcome.last = last.max(answered.copied().unwrap_or(0));
            }
        }
        sdk.forget_by_seq(&mut message);
        let acks = matches!(message, Message::Ack(..));
        if !matches!(message, Message::Presence(..) | Message::Commits(..)) {
            world.say(format_args!("{name} hears {}", short(&message)));
        }
        if let Err(violation) = sdk.core.take(Instant::now().into_std(), message) {
            world.bad(format!("an SDK was told nonsense: {violation}"));
            return Some(Ended::Gone);
        }
        for cid in known + 1..=sdk.core.history.saved {
            if !world.state().god.has(sdk.author, cid) {
                world.bad(format!("{name} was told that {cid} is saved, and it is not in D"));
            }
        }
        let farewells = world.state().farewells;
        let leaves = world.chance(if farewells { 500 } else { 15 });
        if acks && world.may_leave && sdk.pinned.is_none() && leaves {
            sdk.gone = true;
            world.say(format_args!("{name} leaves for ever"));
            return Some(Ended::Gone);
        }
        None
    }
}

fn short(message: &Message) -> String {
    match message {
        Message::Welcome(_) => "welcome".to_owned(),
        Message::Snapshot(n, last, objects) => format!("chunk {n} of {} objects, last: {last}", objects.len()),
        Message::Reject(reject) => format!("{} reject of {}: {}", reject.kind, reject.cid, reject.code),
        other => format!("{other:?}"),
    }
}
