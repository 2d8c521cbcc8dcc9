//! Subscriptions.

use crate::commands::command;
use crate::support::process::{PATIENCE, until};
use crate::support::redis::Redis;
use crate::{link, target};
use collabcanvas::link::subscriber::{Heard, Subscriber};
use collabcanvas::link::{Link, LinkError, Refusal, Target};
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A subscriber and what it hears.
pub(crate) struct Ear {
    pub(crate) subscriber: Subscriber,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Ear {
    pub(crate) async fn open(target: &Target) -> Self {
        let (sink, heard) = mpsc::unbounded_channel();
        Self { subscriber: Subscriber::open(target, sink).await.expect("it is there"), heard }
    }

    pub(crate) async fn subscribed(&self, channel: &str) {
        let done = timeout(PATIENCE, self.subscriber.subscribed(channel)).await;
        done.expect("in time").expect("allowed");
    }

    async fn next(&mut self) -> Heard {
        timeout(PATIENCE, self.heard.recv()).await.expect("in time").expect("open")
    }

    /// The next must be this.
    pub(crate) async fn hears(&mut self, channel: &str, payload: &str) {
        let (channel, payload) = (channel.to_owned().into(), payload.to_owned().into());
        assert_eq!(self.next().await, Heard::Message { channel, payload });
    }

    /// Lets messages pass until a gap is told.
    pub(crate) async fn hears_a_gap(&mut self) {
        while self.next().await != Heard::Gap {}
    }

    /// Lets gaps pass until this is heard.
    pub(crate) async fn hears_at_last(&mut self, channel: &str, payload: &str) {
        let (channel, payload) = (channel.to_owned().into(), payload.to_owned().into());
        let wanted = Heard::Message { channel, payload };
        while self.next().await != wanted {}
    }
}

/// The local ports of the connections to a port, which are those of its clients: also while its process is stopped.
fn connections_to(port: u16) -> BTreeSet<String> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let established = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.len() > 3 && fields[2].ends_with(&format!(":{port:04X}")) && fields[3] == "01"
    };
    table.lines().filter(established).filter_map(|line| Some(line.split_whitespace().nth(1)?.to_owned())).collect()
}

pub(crate) async fn publish(link: &Link, channel: &str, payload: &str) {
    let _: u64 = link.query(&command(&["SPUBLISH", channel, payload])).await.expect("published");
}

#[tokio::test]
async fn what_is_wanted_is_heard_and_nothing_else() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    let mut ear = Ear::open(&target(&redis.url())).await;
    ear.subscribed("a").await;
    publish(&link, "a", "1").await;
    ear.hears("a", "1").await;
    // More than fit one round trip; all wanted before the last is confirmed.
    (0..1200).for_each(|n| ear.subscriber.subscribe(&format!("many{n}")));
    ear.subscribed("b").await;
    for n in [0, 600, 1199] {
        publish(&link, &format!("many{n}"), "x").await;
        ear.hears(&format!("many{n}"), "x").await;
    }
    ear.subscriber.unsubscribe("a");
    ear.subscriber.unsubscribe("never");
    ear.subscribed("c").await;
    publish(&link, "a", "2").await;
    publish(&link, "b", "3").await;
    ear.hears("b", "3").await;
    // Back again, in one breath.
    ear.subscriber.unsubscribe("b");
    ear.subscribed("b").await;
    publish(&link, "b", "4").await;
    ear.hears("b", "4").await;
}

#[tokio::test]
async fn a_killed_connection_comes_back_with_its_subscriptions_and_a_gap() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    let mut ear = Ear::open(&target(&redis.url())).await;
    (0..1200).for_each(|n| ear.subscriber.subscribe(&format!("many{n}")));
    ear.subscribed("a").await;
    for n in 0..3 {
        assert_eq!(redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]).trim(), "1");
        ear.hears_a_gap().await;
        for channel in ["a", "many0", "many1199"] {
            publish(&link, channel, &n.to_string()).await;
            ear.hears(channel, &n.to_string()).await;
        }
    }
    assert_eq!(link.lives(), 1);
}

#[tokio::test]
async fn a_restarted_server_gets_the_subscriptions_again() {
    let mut redis = Redis::start().await;
    let mut ear = Ear::open(&target(&redis.url())).await;
    ear.subscribed("a").await;
    redis.kill();
    // Wanted while nobody is there: it waits.
    ear.subscriber.subscribe("b");
    ear.subscriber.unsubscribe("a");
    redis.restart().await;
    ear.subscribed("b").await;
    ear.subscribed("a").await;
    let link = crate::link(&redis.url()).await;
    publish(&link, "a", "1").await;
    publish(&link, "b", "2").await;
    ear.hears_at_last("a", "1").await;
    ear.hears("b", "2").await;
}

#[tokio::test]
async fn a_quiet_connection_whose_server_hangs_is_noticed() {
    let redis = Redis::start().await;
    let mut ear = Ear::open(&target(&redis.url())).await;
    ear.subscribed("a").await;
    let connections = connections_to(redis.port());
    assert_eq!(connections.len(), 1, "{connections:?}");
    redis.stop();
    // Nobody sends anything, so that only the probe can notice.
    until("given up", PATIENCE, async || connections_to(redis.port()).is_disjoint(&connections)).await;
    redis.cont();
    ear.hears_a_gap().await;
    let link = crate::link(&redis.url()).await;
    publish(&link, "a", "1").await;
    ear.hears("a", "1").await;
}

#[tokio::test]
async fn a_demoted_server_is_left() {
    let redis = Redis::start().await;
    let mut ear = Ear::open(&target(&redis.url())).await;
    ear.subscribed("a").await;
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    until("left", PATIENCE, async || redis.cli(&["PUBSUB", "SHARDCHANNELS"]).trim().is_empty()).await;
    redis.cli(&["REPLICAOF", "NO", "ONE"]);
    ear.hears_a_gap().await;
}

#[tokio::test]
async fn a_channel_that_is_not_allowed_is_said_to_be() {
    let redis = Redis::start().await;
    redis.cli(&["ACL", "SETUSER", "weak", "on", ">pw", "+role", "+ssubscribe", "&mine:*"]);
    let mut ear = Ear::open(&target(&format!("redis://weak:pw@127.0.0.1:{}", redis.port()))).await;
    let error = ear.subscriber.subscribed("theirs").await.expect_err("not allowed");
    assert!(matches!(error, LinkError::Refused { kind: Refusal::Denied, .. }), "{error}");
    ear.subscribed("mine:a").await;
    publish(&link(&redis.url()).await, "mine:a", "1").await;
    ear.hears("mine:a", "1").await;
}
