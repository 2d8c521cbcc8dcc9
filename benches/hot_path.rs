//! The steps that every op goes through, one by one: `cargo bench`, or `cargo bench -- apply`.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests' helpers, of which this uses a part")]
mod support;

use collabcanvas::hot::redis::{KEPT, Publish, RedisHot};
use collabcanvas::hot::{HotState, HotStore as _, Over, Reply};
use collabcanvas::hub::outbox::{Outbox, Wire};
use collabcanvas::hub::propose::{Waiting, propose};
use collabcanvas::hub::snapshot;
use collabcanvas::ids::{Author, Position, ProjectId};
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::{Link, Target};
use collabcanvas::project::canvas::{Canvas, Object};
use collabcanvas::protocol::commit::Commit;
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::message::ClientMessage;
use collabcanvas::protocol::op::Batch;
use collabcanvas::protocol::{Encoding, decode, encode, json};
use collabcanvas::recovery::replica::Replica;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{IoSlice, Result};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use support::calls::{Calls, OBJECTS, id, rectangle};
use support::redis::Redis;
use tokio::runtime::Runtime;

/// Members of a crowded room.
const MEMBERS: usize = 50;

fn canvas() -> Canvas {
    let mut canvas = Canvas::new();
    (0..OBJECTS).for_each(|n| canvas.set(id(n), Some(Object { rev: 1, props: rectangle(n) })));
    canvas
}

fn replica() -> Replica {
    Replica::new(HotState { canvas: canvas(), ..HotState::start() })
}

/// A move of one rectangle as a client sends it.
fn moving(cid: u64) -> Vec<u8> {
    let object = id(cid * 7 % OBJECTS);
    let text = format!(
        r#"{{"t":"batch","cid":{cid},"ops":[{{"op":"update","id":"{object}","set":{{"x":{cid}.5,"y":0.25}}}}]}}"#
    );
    json::from_json(&text).expect("sound")
}

fn batch(frame: &[u8]) -> Batch {
    match decode::client_message(frame, Encoding::MessagePack, &Limits::default()) {
        Ok(ClientMessage::Batch(batch)) => batch,
        other => panic!("{other:?}"),
    }
}

fn waiting(count: u64) -> VecDeque<Waiting> {
    (1..=count).map(|cid| Waiting { from: Some((1, Author([1; 8]))), batch: batch(&moving(cid)) }).collect()
}

/// A waiting batch becomes a proposal: counted, applied to the draft, encoded.
fn apply(c: &mut Criterion) {
    let mut group = c.benchmark_group("apply");
    let (replica, limits) = (replica(), Limits::default());
    for count in [1, 64] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} in a call, of 5,000 objects"), |b| {
            let propose = |mut queue: VecDeque<Waiting>| propose(&replica, &mut queue, &limits, &mut rand::rng());
            b.iter_batched(|| waiting(count), propose, BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn commits(count: u64) -> Vec<Commit> {
    Calls::default().next(count).proposals.into_iter().map(|proposal| proposal.commit).collect()
}

/// Between bytes and types, in both directions.
fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("codec");
    let (frame, list, limits) = (moving(1), commits(8), Limits::default());
    group.bench_function("decode a batch", |b| {
        b.iter(|| decode::client_message(black_box(&frame), Encoding::MessagePack, &limits));
    });
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        group.bench_function(format!("encode 8 commits, {}", encoding.subprotocol()), |b| {
            b.iter(|| encode::commits(1, black_box(&list).iter(), encoding));
        });
    }
    group.finish();
}

fn snapshots(c: &mut Criterion) {
    let (canvas, mut group) = (canvas(), c.benchmark_group("snapshot"));
    group.throughput(Throughput::Elements(OBJECTS)).sample_size(20);
    for encoding in [Encoding::MessagePack, Encoding::Json] {
        group.bench_function(format!("5,000 objects, {}", encoding.subprotocol()), |b| {
            b.iter(|| snapshot::encode(Position::START, black_box(&canvas), encoding));
        });
    }
    group.finish();
}

/// A connection that takes everything and costs nothing.
struct Nowhere;

impl Wire for Nowhere {
    fn try_write(&self, parts: &[IoSlice<'_>]) -> Result<usize> {
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn poll_ready(&self, _cx: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// From a commit to the frames that fifty sockets are handed.
fn fan_out(c: &mut Criterion) {
    let mut group = c.benchmark_group("fan-out");
    group.throughput(Throughput::Elements(MEMBERS as u64));
    let outboxes: Vec<Outbox> = (0..MEMBERS).map(|_| Outbox::new(Box::new(Nowhere))).collect();
    let list = commits(1);
    group.bench_function("one commit to 50 members", |b| {
        b.iter(|| {
            let frame = encode::commits(1, black_box(&list).iter(), Encoding::MessagePack);
            for outbox in &outboxes {
                outbox.push(frame.clone()).expect("it is empty");
                outbox.flush();
            }
        });
    });
    group.finish();
}

/// A call's way to a Redis of its own, and back.
fn commit_script(c: &mut Criterion) {
    let mut group = c.benchmark_group("commit script");
    let runtime = Runtime::new().expect("a runtime");
    let (hot, _server) = runtime.block_on(async {
        let server = Redis::start().await;
        let link = Link::open(&Target::parse(&server.url()).expect("a URL")).await.expect("it answers");
        (RedisHot::new(link, Keyspace::default(), 1, Publish::ByScript, KEPT), server)
    });
    for count in [1, 64] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count} in a call"), |b| {
            b.iter_custom(|times| runtime.block_on(many_calls(&hot, times, count)));
        });
    }
    group.finish();
}

/// Calls in a project of their own.
async fn many_calls(hot: &RedisHot, times: u64, count: u64) -> Duration {
    let project = ProjectId::parse(&format!("bench-{:016x}", rand::random::<u64>())).expect("an id");
    hot.install(&project, HotState::start(), Over::Empty).await.expect("it answers");
    let mut calls = Calls::default();
    let mut took = Duration::ZERO;
    for _ in 0..times {
        let call = calls.next(count);
        let started = Instant::now();
        let reply = hot.commit(&project, &call).await.expect("it answers");
        took += started.elapsed();
        assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
        calls.position = call.run().end();
        // As autosave does: what is saved is trimmed from the log.
        assert!(hot.mark_saved(&project, calls.position).await.expect("it answers"));
    }
    took
}

criterion_group!(benches, apply, codec, snapshots, fan_out, commit_script);
criterion_main!(benches);
