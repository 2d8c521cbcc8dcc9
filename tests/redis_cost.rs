//! What the hot store costs Redis, in CPU and memory, beside the least that could do the same: a script that stores whole objects, counts, logs and
//! publishes. The CPU table is measured on demand: it needs a machine that does nothing else.
//!
//! `cargo test --release --test redis_cost -- --ignored --nocapture`

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

use collabcanvas::hot::redis::{KEPT, Publish, RedisHot};
use collabcanvas::hot::{HotState, HotStore, Over, Reply};
use collabcanvas::ids::ProjectId;
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::{Invocation, Link, Target};
use redis::{Cmd, Script};
use support::calls::{Calls, OBJECTS, rectangle};
use support::redis::Redis;

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

struct Bench {
    link: Link,
    hot: RedisHot,
    project: ProjectId,
    calls: Calls,
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
        Self { link, hot, project, calls: Calls::default(), _server: server }
    }

    async fn ours(&mut self, ops: u64, size: u64) {
        for done in 0..ops / size {
            let call = self.calls.next(size);
            let reply = self.hot.commit(&self.project, &call).await.expect("it answers");
            assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
            self.calls.position = call.run().end();
            if done % (SAVE_EVERY / size) == 0 {
                assert!(self.hot.mark_saved(&self.project, self.calls.position).await.expect("it answers"));
            }
        }
    }

    async fn baseline(&mut self, script: &Script, ops: u64, size: u64) {
        for done in 0..ops / size {
            let call = self.calls.next(size);
            let keys = ["{base}:objects", "{base}:seq", "{base}:log", "{base}:channel"];
            let mut invocation = Invocation::new(script, &keys);
            invocation.arg(call.run().pack(1));
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
            let cids = bench.calls.cids;
            bench.baseline(&script, ops, size).await;
            bench.calls.cids = cids;
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
