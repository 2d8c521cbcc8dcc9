//! One round: everything is started fresh, clients edit while the plan's faults happen one after the other, and in the end everybody must
//! agree with the durable store.

use crate::crew::Crew;
use crate::ending;
use crate::ledger::Entry;
use crate::plan::Plan;
use crate::record::Line;
use crate::shared::Round;
use crate::world::World;
use collabcanvas::clock::now_ms;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long it may take after a fault until every client has something new saved.
const RECOVERY: Duration = Duration::from_secs(45);
/// One edit in so many is followed by a new connection.
const RESTLESS: u32 = 300;
/// Between two lines about how it goes.
const TELLING: Duration = Duration::from_secs(30);

/// How rounds are run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Clients.
    pub(crate) clients: usize,
    /// Projects.
    pub(crate) projects: usize,
    /// Cycles of a round.
    pub(crate) cycles: usize,
    /// Between two edits of a client, about.
    pub(crate) pause: Duration,
    /// The durable store.
    pub(crate) durable: String,
    /// No cycle is begun after this.
    pub(crate) until: Option<Instant>,
}

/// Prints a line about how it goes.
#[expect(clippy::print_stderr, reason = "whoever waits for an hour wants to see something")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}

/// Runs one.
pub(crate) async fn run(seed: u64, settings: &Settings, directory: &Path) -> Entry {
    let began = Instant::now();
    let plan = Plan::new(seed, settings.cycles);
    let mut entry = Entry { seed, ..Entry::default() };
    // What a run before this one has left must not be taken for this one's.
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir_all(directory).expect("the directory can be made");
    match World::start(&settings.durable, directory).await {
        Ok(mut world) => {
            storm(&plan, settings, directory, &mut world, &mut entry).await;
            world.fleet.write_logs(directory);
            entry.wrong.extend(world.fleet.panics());
            entry.ended.clone_from(&world.fleet.ended);
        }
        Err(why) => entry.wrong.push(why),
    }
    entry.wrong.extend(entry.verdict.notes.iter().cloned());
    entry.good = entry.wrong.is_empty() && entry.verdict.is_good();
    entry.seconds = began.elapsed().as_secs_f64();
    entry
}

async fn storm(plan: &Plan, settings: &Settings, directory: &Path, world: &mut World, entry: &mut Entry) {
    let round = Arc::new(Round::new(world.fleet.urls.clone(), settings.pause, RESTLESS));
    let projects: Vec<_> = (0..settings.projects).map(|n| format!("storm-{}-{n}", plan.seed)).collect();
    let mut crew = Crew::new(round, projects, settings.clients, plan.seed);
    if let Err(why) = cycles(plan, settings, directory, world, &mut crew, entry).await {
        entry.wrong.push(why);
    }
    let header = Line::Round { seed: plan.seed, cycles: plan.cycles.iter().map(|c| format!("{c:?}")).collect() };
    ending::finish(world, &mut crew, header, directory, entry).await;
}

async fn cycles(
    plan: &Plan,
    settings: &Settings,
    directory: &Path,
    world: &mut World,
    crew: &mut Crew,
    entry: &mut Entry,
) -> Result<(), String> {
    crew.gets_on(RECOVERY).await.map_err(|why| format!("before any fault: {why}"))?;
    let mut told = Instant::now();
    let mut log = String::new();
    for (n, cycle) in plan.cycles.iter().enumerate() {
        if settings.until.is_some_and(|until| Instant::now() > until) {
            break;
        }
        let at = |why: String| format!("seed {}, cycle {n} ({}): {why}\n{cycle:?}", plan.seed, cycle.kind());
        // In UTC, as the nodes' logs.
        let seconds = now_ms() % 86_400_000 / 1_000;
        log += &format!("{:02}:{:02}:{:02} cycle {n}: {cycle:?}\n", seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let _ = std::fs::write(directory.join("cycles.log"), &log);
        let began = Instant::now();
        let (suffered, leaving) = tokio::join!(world.suffer(cycle), crew.leave(&cycle.leave, n));
        suffered.map_err(at)?;
        crew.replace(leaving, RECOVERY).await.map_err(at)?;
        let suffered = began.elapsed();
        let took = crew.gets_on(RECOVERY).await.map_err(at)?;
        log += &format!(
            "  all was over after {suffered:.1?}; everybody had new answers {:.1?} and new work saved {:.1?} later\n",
            took[0], took[1]
        );
        let kind = entry.kinds.entry(cycle.kind()).or_default();
        let ms = u64::try_from(took[1].as_millis()).unwrap_or(u64::MAX);
        (kind.count, kind.sum_ms, kind.longest_ms) = (kind.count + 1, kind.sum_ms + ms, kind.longest_ms.max(ms));
        entry.long += u64::from(cycle.is_long());
        tokio::time::sleep(cycle.calm).await;
        if told.elapsed() > TELLING || n + 1 == plan.cycles.len() {
            told = Instant::now();
            let [batches, ops] = [0, 1].map(|n| crew.round.acked[n].load(Ordering::Relaxed));
            let seconds = crew.round.began.elapsed().as_secs_f64();
            say(&format!(
                "seed {}: {} of {} cycles in {seconds:.0} s, acked {batches} batches with {ops} ops ({:.0} ops/s), longest wait {:.1} s",
                plan.seed,
                n + 1,
                plan.cycles.len(),
                ops as f64 / seconds,
                crew.round.stall.load(Ordering::Relaxed) as f64 / 1_000.0,
            ));
        }
    }
    Ok(())
}
