//! What the hot store costs Redis, in CPU and memory, beside the least that could do the same: a script that stores whole objects, counts, logs and
//! publishes. The CPU table is measured on demand: it needs a machine that does nothing else.
//!
//! `cargo test --release --test redis_cost -- --ignored --nocapture`

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

use collabcanvas::hot::redis::{KEPT, Publish, RedisHot};
use collabcanvas::hot::{Call, HotState, HotStore, Over, Proposal, Reply};
use collabcanvas::ids::{Author, CommitId, ObjectId, Position, ProjectId};
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::{Link, Target};
use collabcanvas::project::apply::Effect;
use collabcanvas::protocol::change::{Change, Changes};
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::json::from_json;
use collabcanvas::protocol::props::Props;
use redis::{Cmd, Script};
use support::redis::Redis;

const OBJECTS: u64 = 5_000;
const AUTHORS: u64 = 8;
const ROUNDS: usize = 7;
/// Ops between two trims of the log.
const SAVE_EVERY: u64 = 1_024;
const KEPT_COMMITS: u64 = 4_096;

/// The same without a check: objects (id, blob), then the payload.
const BASELINE: &str = "
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
local seq = redis.call('INCR', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'r', ARGV[1])
redis.call('SPUBLISH', KEYS[4], ARGV[1])
return seq";

fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

/// A rectangle of ten properties, about 170 bytes.
fn rectangle(n: u64) -> Props {
    let (x, y) = (n * 17 % 4_000, n * 31 % 3_000);
    props(&format!(
        r##"{{"type":"rect","x":{x}.25,"y":{y}.75,"width":160.5,"height":90.125,"rotation":0.5,"fill":"#ffcc00","stroke":"#112233","z":"a0{n:06}","text":"A note with some more words, {n:010}"}}"##
    ))
}

/// An id of 12 characters. From 15 on jemalloc takes 16 bytes more, whatever the value; the rev before the properties costs nothing here: with or
/// without it the value lies in the same class of 192 bytes.
fn id(n: u64) -> ObjectId {
    ObjectId::parse(&format!("object-{n:05}")).expect("id")
}

struct Bench {
    link: Link,
    hot: RedisHot,
    project: ProjectId,
    position: Position,
    cids: Vec<u64>,
    next: u64,
    _server: Redis,
}

impl Bench {
    async fn new() -> Self {
        let server = Redis::start().await;
        let target = Target::parse(&server.url()).expect("url");
        let link = Link::open(&target).await.expect("it answers");
        let hot = RedisHot::new(link.clone(), Keyspace::default(), 1, Publish::ByScript, KEPT);
        let project = ProjectId::parse("bench").expect("id");
        hot.install(&project, HotState::start(), Over::Empty).await.expect("it answers");
        let cids = vec![0; usize::try_from(AUTHORS).expect("few")];
        Self { link, hot, project, position: Position::START, cids, next: 0, _server: server }
    }

    fn proposal(&mut self) -> Proposal {
        self.next += 1;
        let (n, object) = (self.next, id(self.next * 7 % OBJECTS));
        let author = n % AUTHORS;
        let cid = &mut self.cids[usize::try_from(author).expect("few")];
        *cid += 1;
        let set = props(&format!(r#"{{"x":{n}.5,"y":{n}.25}}"#));
        let changes = Changes::encode(&[Change::Set { id: object.clone(), set, unset: Vec::new() }]);
        Proposal {
            commit: Commit {
                id: CommitId(n.to_be_bytes()),
                origin: Origin::Client { author: Author((author + 1).to_le_bytes()), cid: *cid, digest: n },
                outcome: Outcome::Changed(changes),
            },
            effects: vec![Effect { id: object, base_rev: Some(0), props: Some(rectangle(n)) }],
            absent: Vec::new(),
            at_head: false,
        }
    }

    fn call(&mut self, size: u64) -> Call {
        let proposals = (0..size).map(|_| self.proposal()).collect();
        Call { position: self.position, proposals, urgent: false }
    }

    async fn ours(&mut self, ops: u64, size: u64) {
        for done in 0..ops / size {
            let call = self.call(size);
            let reply = self.hot.commit(&self.project, &call).await.expect("it answers");
            assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
            self.position = call.run().end();
            if done % (SAVE_EVERY / size) == 0 {
                assert!(self.hot.mark_saved(&self.project, self.position).await.expect("it answers"));
            }
        }
    }

    async fn baseline(&mut self, script: &Script, ops: u64, size: u64) {
        for done in 0..ops / size {
            let call = self.call(size);
            let mut invocation = script.key("{base}:objects");
            invocation.key("{base}:seq").key("{base}:log").key("{base}:channel").arg(call.run().pack(1));
            for proposal in &call.proposals {
                for effect in &proposal.effects {
                    let blob = effect.props.as_ref().map(|props| [&[0; 8], props.as_bytes()].concat());
                    invocation.arg(effect.id.as_str()).arg(blob);
                }
            }
            self.link.script::<u64>(&invocation).await.expect("it answers");
            if done % (SAVE_EVERY / size) == 0 {
                let mut trim = Cmd::new();
                trim.arg("XTRIM").arg("{base}:log").arg("MAXLEN").arg("=").arg(KEPT_COMMITS / size);
                self.link.query::<u64>(&trim).await.expect("it answers");
            }
        }
    }

    /// Microseconds of CPU since its start.
    async fn cpu(&self) -> f64 {
        let mut info = Cmd::new();
        info.arg("INFO").arg("cpu");
        let text: String = self.link.query(&info).await.expect("it answers");
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("the field");
            line.parse::<f64>().expect("a number")
        };
        (field("used_cpu_sys:") + field("used_cpu_user:")) * 1e6
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

#[tokio::test]
#[ignore = "a measurement: it needs a quiet machine"]
#[expect(clippy::print_stdout, reason = "the table is what it is for")]
async fn cpu_per_op() {
    println!("| batch | baseline µs/op | ours µs/op | ratio |\n|---|---|---|---|");
    for (size, ops) in [(1, 8_192), (8, 32_768), (64, 65_536)] {
        let mut bench = Bench::new().await;
        let script = Script::new(BASELINE);
        let (mut base, mut ours, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let start = bench.cpu().await;
            // The script counts nothing: its calls must leave no hole in ours.
            let cids = bench.cids.clone();
            bench.baseline(&script, ops, size).await;
            bench.cids = cids;
            let middle = bench.cpu().await;
            bench.ours(ops, size).await;
            let end = bench.cpu().await;
            // The first round fills the objects.
            if round > 0 {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                let per_op = |us: f64| us / ops as f64;
                base.push(per_op(middle - start));
                ours.push(per_op(end - middle));
                ratio.push((end - middle) / (middle - start));
            }
        }
        println!("| {size} | {:.2} | {:.2} | {:.2} |", median(base), median(ours), median(ratio));
    }
}

#[tokio::test]
async fn an_object_takes_260_bytes_at_most() {
    let mut bench = Bench::new().await;
    bench.ours(OBJECTS / 8 * 8, 8).await;
    let mut usage = Cmd::new();
    usage.arg("MEMORY").arg("USAGE").arg(Keyspace::default().objects(&bench.project)).arg("SAMPLES").arg(0);
    let bytes: u64 = bench.link.query(&usage).await.expect("it answers");
    let each = bytes / OBJECTS;
    let size = rectangle(1).size();
    assert!((165..=180).contains(&size), "the rectangle has {size} bytes");
    assert!(each <= 260, "{each} bytes for an object with {size} bytes of properties");
}
