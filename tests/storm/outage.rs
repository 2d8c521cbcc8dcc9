//! Outages with bounds: Redis away, the durable store away, Redis back empty under many projects, and all nodes restarted one after the other.
//!
//! `OUTAGE_SECONDS` says how long the stores are away (15), `STORM_OLD` which program the nodes are at first that are restarted as this one. The figures are printed; the bounds of issue 4 hold for the release build.

use crate::MACHINE;
use crate::crew::Crew;
use crate::ending;
use crate::ledger::Entry;
use crate::plan::{DurableFault, HotFault, Misery, NODES};
use crate::record::Line;
use crate::round::say;
use crate::shared::{Round, percentile, sorted};
use crate::support::haproxy::HaProxy;
use crate::support::process::until;
use crate::world::World;
use crate::{directory, setting};
use collabcanvas::durable::load::{Tail, tail};
use collabcanvas::ids::ProjectId;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Clients, and how often each edits, about.
const CLIENTS: (usize, Duration) = (40, Duration::from_millis(120));
/// How long anything may take before and afterwards.
const RECOVERY: Duration = Duration::from_secs(30);
/// How long editing may stand still when Redis goes away. A debug build on a busy machine gets more.
const STANDSTILL: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 5 });
/// Projects that are open when Redis is lost.
const PROJECTS: usize = if cfg!(debug_assertions) { 60 } else { 200 };
/// Within how long all projects must take edits again when Redis is back empty, and 95 % of them.
const WRITABLE: [Duration; 2] = [
    Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 10 }),
    Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 2 }),
];
/// How long it may take until what was accepted before a node's goodbye is saved, for 99 %.
const FLUSH: Duration = Duration::from_secs(if cfg!(debug_assertions) { 3 } else { 1 });
/// How long a client may be without a session, for 95 %.
const AWAY: Duration = Duration::from_secs(if cfg!(debug_assertions) { 4 } else { 2 });
/// Between two looks at the watermark.
const LOOK: Duration = Duration::from_millis(100);

struct Test {
    world: World,
    crew: Crew,
    place: PathBuf,
}

impl Test {
    /// Starts clients on projects, by a way to the nodes or straight to them.
    async fn start(
        name: &str,
        projects: usize,
        (clients, pause): (usize, Duration),
        proxied: bool,
    ) -> (Self, Option<HaProxy>) {
        let place = directory().join(name);
        let _ = std::fs::remove_dir_all(&place);
        std::fs::create_dir_all(&place).expect("the directory can be made");
        let world = World::start(&setting("STORM_DURABLE", "dynamodb".to_owned()), &place).await.expect("all start");
        let addresses: Vec<_> = world.fleet.urls.iter().map(|url| url.trim_start_matches("ws://").to_owned()).collect();
        let proxy = if proxied { Some(HaProxy::patient(&addresses).await) } else { None };
        let urls = proxy.as_ref().map_or_else(|| world.fleet.urls.clone(), |proxy| vec![proxy.url.clone()]);
        let projects = (0..projects).map(|n| format!("{name}-{n}")).collect();
        let mut crew = Crew::new(Arc::new(Round::new(urls, pause, 0)), projects, clients, 1);
        crew.gets_on(RECOVERY).await.expect("everybody edits");
        (Self { world, crew, place }, proxy)
    }

    /// Everybody comes to rest and agrees with the durable store.
    async fn finish(mut self) -> Entry {
        let mut entry = Entry::default();
        let header = Line::Round { seed: 0, cycles: Vec::new() };
        ending::finish(&mut self.world, &mut self.crew, header, &self.place, &mut entry).await;
        self.world.fleet.write_logs(&self.place);
        entry.wrong.extend(self.world.fleet.panics());
        entry.wrong.extend(entry.verdict.notes.iter().cloned());
        let good = entry.wrong.is_empty() && entry.verdict.is_good();
        assert!(good, "see {}: {:#?}", self.place.display(), entry.wrong);
        entry
    }
}

/// How long stores are away.
fn outage() -> Duration {
    Duration::from_secs(setting("OUTAGE_SECONDS", 15))
}

/// Prints percentiles, in words.
fn told(what: &str, sorted: &[Duration]) -> String {
    let [half, most, nearly, all] = [50, 95, 99, 100].map(|percent| percentile(sorted, percent));
    format!("{what}: p50 {half:.2?}, p95 {most:.2?}, p99 {nearly:.2?}, longest {all:.2?} ({} times)", sorted.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn editing_goes_on_while_redis_is_away() {
    let _alone = MACHINE.lock().await;
    let (mut test, _) = Test::start("redis-away", 4, CLIENTS, false).await;
    let (over, pair, crew) = (AtomicBool::new(false), &mut test.world.pair, &mut test.crew);
    let failing = async {
        pair.suffer(&HotFault::Refuse { away: outage() }).await;
        over.store(true, Ordering::Relaxed);
    };
    let watching = async {
        let stood = crew.gets_on(STANDSTILL).await.expect("writes go on");
        until("a word to each client", STANDSTILL, async || crew.degraded() == crew.count()).await;
        let mut answers = Vec::new();
        while !over.load(Ordering::Relaxed) {
            answers.push(crew.gets_on(RECOVERY).await.expect("writes go on")[0]);
        }
        answers.sort_unstable();
        (stood, answers)
    };
    let ((), (stood, answers)) = tokio::join!(failing, watching);
    let back = test.crew.gets_on(RECOVERY).await.expect("writes go on with Redis");
    let entry = test.finish().await;
    say(&format!(
        "Redis away for {:.0?}: everybody had new answers after {:.1?} and new work saved after {:.1?}; {}; with Redis again {:.1?}; acked {} ops",
        outage(),
        stood[0],
        stood[1],
        told("meanwhile until everybody had a new answer", &answers),
        back[1],
        entry.verdict.acked_ops
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_called_saved_is_saved_while_the_durable_store_is_away() {
    let _alone = MACHINE.lock().await;
    let (mut test, _) = Test::start("durable-away", 4, CLIENTS, false).await;
    let (store, over) = (test.world.store.open(), AtomicBool::new(false));
    let before = test.crew.round.acked[0].load(Ordering::Relaxed);
    let failing = async {
        test.world.store.suffer(&DurableFault { misery: Misery::Away, time: outage() }).await;
        over.store(true, Ordering::Relaxed);
    };
    let crew = &test.crew;
    let watching = async {
        let mut looks = 0;
        while !over.load(Ordering::Relaxed) {
            for (n, project) in crew.projects.iter().enumerate() {
                // What was told first, then what there is: the log only grows.
                let told = crew.watermark(n);
                let id = ProjectId::parse(project).expect("an id");
                let there = tail(store.as_ref(), &id, &Tail::START).await.expect("past the faults").position.seq;
                assert!(told <= there, "{project} was told to be saved up to {told}, and the log ends at {there}");
                looks += 1;
            }
            tokio::time::sleep(LOOK).await;
        }
        (looks, crew.round.acked[0].load(Ordering::Relaxed) - before)
    };
    let ((), (looks, acked)) = tokio::join!(failing, watching);
    store.close().await;
    assert!(acked > 100, "only {acked} batches were accepted meanwhile");
    let back = test.crew.gets_on(RECOVERY).await.expect("all is saved");
    let entry = test.finish().await;
    say(&format!(
        "durable store away for {:.0?}: {acked} batches accepted meanwhile, the watermark was below the log's end in {looks} of {looks} looks; afterwards \
         new work of everybody saved after {:.1?}; acked {} ops",
        outage(),
        back[1],
        entry.verdict.acked_ops
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_projects_are_writable_again_when_redis_is_back_empty() {
    let _alone = MACHINE.lock().await;
    let (mut test, _) = Test::start("redis-empty", PROJECTS, (PROJECTS, Duration::from_millis(500)), false).await;
    test.world.pair.suffer(&HotFault::Replace { away: Duration::from_millis(500) }).await;
    let mut times = test.crew.answer_times(WRITABLE[0]).await.expect("all are writable again");
    times.sort_unstable();
    let line = told(&format!("{PROJECTS} projects, Redis back empty, until each has accepted an edit"), &times);
    say(&line);
    assert!(percentile(&times, 95) <= WRITABLE[1], "{line}");
    test.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rolling_restart_takes_nobody_long() {
    let _alone = MACHINE.lock().await;
    let (mut test, proxy) = Test::start("rolling", 4, CLIENTS, true).await;
    let proxy = proxy.expect("one was asked for");
    let mut stops = Vec::new();
    for n in 0..NODES {
        stops.push(test.world.fleet.restart(n).await.expect("it stops and starts"));
        proxy.has_up(NODES).await;
        test.crew.gets_on(RECOVERY).await.expect("everybody gets on");
    }
    let round = test.crew.round.clone();
    let (flushed, away) = (sorted(&round.flushed), sorted(&round.away));
    let lines =
        [told("from a goodbye until all before it was saved", &flushed), told("without a session", &away)].join("; ");
    say(&format!("rolling restart of {NODES} nodes: {lines}; from SIGTERM to the end of each process {stops:.2?}"));
    // Whoever is told to go comes back once, on another node, which may be the next that stops.
    let goodbyes = round.goodbyes.load(Ordering::Relaxed);
    assert!(away.len() <= goodbyes, "{} sessions ended, and only {goodbyes} were told to go", away.len());
    assert!(goodbyes <= NODES * test.crew.count(), "{goodbyes} goodbyes");
    assert!(percentile(&flushed, 99) <= FLUSH, "{lines}");
    assert!(percentile(&away, 95) <= AWAY, "{lines}");
    test.finish().await;
}
