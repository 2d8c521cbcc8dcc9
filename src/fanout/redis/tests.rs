use super::*;
use crate::fanout::conformance::{check, next, numbered, project};
use crate::ids::{CommitId, Epoch};
use crate::link::check::Role;
use crate::link::testing::process::soon;
use crate::link::testing::redis::Redis;
use crate::link::testing::{least, link, shared_cluster, shared_sentinel};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::message::To;
use crate::protocol::run::Run;
use crate::protocol::value::Value;
use bytes::Bytes;

async fn node(redis: &Redis, node: NodeId) -> Arc<RedisFanout> {
    node_at(std::slice::from_ref(redis), &redis.url(), node).await
}

/// One whose user may do what is needed and no more.
async fn node_at(servers: &[Redis], url: &str, node: NodeId) -> Arc<RedisFanout> {
    let url = least(servers, url, &Keyspace::default(), Role::Routing);
    RedisFanout::start(link(&url).await, Keyspace::default(), node).await.expect("it is there")
}

async fn publish(redis: &Redis, name: &str, payload: &[u8]) {
    let channel = Keyspace::default().channel(&project(name));
    let mut cmd = ::redis::cmd("SPUBLISH");
    cmd.arg(channel).arg(payload);
    let _: u64 = link(&redis.url()).await.query(&cmd).await.expect("published");
}

fn channels(redis: &Redis) -> String {
    redis.cli(&["PUBSUB", "SHARDCHANNELS"])
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_fan_out() {
    let redis = Redis::start().await;
    check(&*node(&redis, 1).await).await;
    soon("no channel is left", || channels(&redis).is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_fan_out_over_a_cluster() {
    let cluster = shared_cluster().await;
    check(&*node_at(&cluster.masters, &cluster.url(), 1).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_fan_out_through_sentinels() {
    let sentinel = shared_sentinel().await;
    check(&*node_at(&sentinel.servers, &sentinel.url(), 1).await).await;
}

#[tokio::test]
async fn nodes_hear_each_other_and_not_their_own_presence() {
    let redis = Redis::start().await;
    let (a, b) = (node(&redis, 1).await, node(&redis, 2).await);
    let p = project("p");
    let (mut at_a, mut at_b) = (a.subscribe(&p).await.expect("there"), b.subscribe(&p).await.expect("there"));
    let beat = |node| Event::Beat { node, n: 3, sessions: vec![7] };
    a.publish(&p, beat(1));
    a.publish(&p, numbered(1));
    assert_eq!((next(&mut at_b).await, next(&mut at_b).await), (beat(1), numbered(1)));
    assert_eq!(next(&mut at_a).await, numbered(1));
    // A room of one node closes; the other goes on.
    drop(at_b);
    b.prune(&p);
    a.publish(&p, numbered(2));
    assert_eq!(next(&mut at_a).await, numbered(2));
    drop(at_a);
    a.publish(&p, numbered(3));
    soon("a subscription that nobody pruned ends by itself", || channels(&redis).is_empty()).await;
}

#[tokio::test]
async fn what_scripts_publish_is_read_and_what_nobody_can_read_is_a_gap() {
    let redis = Redis::start().await;
    let a = node(&redis, 1).await;
    let mut at = a.subscribe(&project("p")).await.expect("there");
    let run = Run { epoch: 1, first: 5, previous: CommitId([1; 8]), commits: Arc::default() };
    publish(&redis, "p", &run.pack(9)).await;
    publish(&redis, "p", b"Znewer").await;
    publish(&redis, "p", b"Lbroken").await;
    publish(&redis, "p", &[&b"L"[..], &Epoch::to_be_bytes(4)].concat()).await;
    assert_eq!(next(&mut at).await, Event::Commits(run));
    assert_eq!((next(&mut at).await, next(&mut at).await), (Event::Gap, Event::Began { epoch: 4 }));
}

#[tokio::test]
async fn a_call_that_a_node_has_the_answer_to_is_news_to_the_others_only() {
    let redis = Redis::start().await;
    let (a, b) = (node(&redis, 1).await, node(&redis, 2).await);
    let p = project("p");
    let (mut at_a, mut at_b) = (a.subscribe(&p).await.expect("there"), b.subscribe(&p).await.expect("there"));
    let run = |n: u8| {
        let commit =
            Commit { id: CommitId([n; 8]), origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) };
        Run { epoch: 1, first: n.into(), previous: CommitId([n - 1; 8]), commits: Arc::new([commit]) }
    };
    a.echoes().stored(CommitId([1; 8]));
    publish(&redis, "p", &run(1).pack(9)).await;
    publish(&redis, "p", &run(2).pack(9)).await;
    assert_eq!((next(&mut at_b).await, next(&mut at_b).await), (Event::Commits(run(1)), Event::Commits(run(2))));
    assert_eq!(next(&mut at_a).await, Event::Commits(run(2)), "the answer to this one may have been lost");
}

#[tokio::test]
async fn a_lost_connection_is_told_and_mended() {
    let redis = Redis::start().await;
    let a = node(&redis, 1).await;
    let (p, q) = (project("p"), project("q"));
    let (mut at_p, mut at_q) = (a.subscribe(&p).await.expect("there"), a.subscribe(&q).await.expect("there"));
    redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    assert_eq!((next(&mut at_p).await, next(&mut at_q).await), (Event::Gap, Event::Gap));
    a.publish(&p, numbered(1));
    a.publish(&q, numbered(2));
    assert_eq!((next(&mut at_p).await, next(&mut at_q).await), (numbered(1), numbered(2)));
}

#[tokio::test]
async fn who_comes_while_redis_is_away_hears_once_it_is_back() {
    let mut redis = Redis::start().await;
    let a = node(&redis, 1).await;
    let p = project("p");
    let mut at = a.subscribe(&p).await.expect("there");
    redis.kill();
    let mut at_q = a.subscribe(&project("q")).await.expect("it stays wanted");
    // What is published meanwhile is dropped, and waits for nobody.
    (0..1_000).for_each(|seq| a.publish(&p, numbered(seq)));
    redis.restart().await;
    while next(&mut at).await != Event::Gap {}
    assert_eq!(next(&mut at_q).await, Event::Gap, "what was missed is to be read");
    assert_eq!(channels(&redis).lines().count(), 2);
    soon("events come again", || {
        a.publish(&p, numbered(5_000));
        at.try_recv().is_ok_and(|event| event == numbered(5_000))
    })
    .await;
}

#[tokio::test]
async fn routing_may_be_a_redis_of_its_own() {
    let (data, routing) = (Redis::start().await, Redis::start().await);
    let (a, b) = (node(&routing, 1).await, node(&routing, 2).await);
    let p = project("p");
    let mut at_b = b.subscribe(&p).await.expect("there");
    let run = Run { epoch: 1, first: 5, previous: CommitId([1; 8]), commits: Arc::default() };
    a.publish(&p, Event::Commits(run.clone()));
    assert_eq!(next(&mut at_b).await, Event::Commits(run));
    assert!(channels(&data).is_empty() && !channels(&routing).is_empty());
}

#[tokio::test]
async fn a_queue_that_is_full_drops_and_goes_on() {
    let redis = Redis::start().await;
    let a = node(&redis, 1).await;
    let p = project("p");
    let mut at = a.subscribe(&p).await.expect("there");
    // Nothing is sent while this task does not wait. 17 do not fit.
    let data = Bytes::from([&[0xc6, 0, 0xf, 0xff, 0xf0][..], &vec![1; 0xf_fff0]].concat());
    let large = |from| Event::Broadcast {
        node: 2,
        from,
        topic: "t".into(),
        data: Value::new(data.clone(), 32).expect("sound"),
        to: To::All,
    };
    (0..17).for_each(|from| a.publish(&p, large(from)));
    for n in 0..15 {
        assert!(matches!(next(&mut at).await, Event::Broadcast { from, .. } if from == n));
    }
    soon("there is room again", || {
        a.publish(&p, numbered(1));
        at.try_recv().is_ok_and(|event| event == numbered(1))
    })
    .await;
}

/// Run by hand, with --release: how long an event takes from one node to another.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "it tells what it measured")]
async fn latency() {
    let redis = Redis::start().await;
    let (a, b) = (node(&redis, 1).await, node(&redis, 2).await);
    let p = project("p");
    let mut at = b.subscribe(&p).await.expect("there");
    for (name, pause) in [("at rest", Duration::from_millis(1)), ("at once", Duration::ZERO)] {
        let mut took: Vec<u64> = Vec::new();
        for n in 0..4_000 {
            a.publish(&p, Event::Presence { node: 1, n: clock::now_us(), sessions: Vec::new() });
            if pause.is_zero() && n % 50 != 49 {
                continue;
            }
            for _ in 0..if pause.is_zero() { 50 } else { 1 } {
                let Event::Presence { n, .. } = next(&mut at).await else { panic!("another event") };
                took.push(clock::now_us() - n);
            }
            tokio::time::sleep(pause).await;
        }
        took.sort_unstable();
        let at = |part: usize| took[took.len() * part / 1_000];
        eprintln!("{name}: p50 {} µs, p95 {} µs, p99 {} µs", at(500), at(950), at(990));
    }
}
