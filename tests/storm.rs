//! The storm: three real nodes, a real Redis with a replica that lags, a durable store, and everything that may happen to them, while forty
//! clients edit. In the end a checker compares what the clients were told with the durable log alone.
//!
//! `cargo test --test storm` runs a short one. `make storm` runs rounds for as long as `STORM_SECONDS` says, for the seeds `STORM_SEEDS=1..100`,
//! and continues where it has stopped. `STORM_HISTORY=path cargo test --test storm check_again -- --ignored --nocapture` checks the history of a
//! round again.

#[path = "storm/check.rs"]
mod check;
#[path = "storm/check_tests.rs"]
mod check_tests;
#[path = "storm/crew.rs"]
mod crew;
#[path = "storm/editor.rs"]
mod editor;
#[path = "storm/edits.rs"]
mod edits;
#[path = "storm/ending.rs"]
mod ending;
#[path = "storm/fleet.rs"]
mod fleet;
#[path = "storm/ledger.rs"]
mod ledger;
#[path = "storm/outage.rs"]
mod outage;
#[path = "storm/pair.rs"]
mod pair;
#[path = "storm/plan.rs"]
mod plan;
#[path = "storm/record.rs"]
mod record;
#[path = "storm/round.rs"]
mod round;
#[path = "storm/shared.rs"]
mod shared;
#[path = "storm/store.rs"]
mod store;
#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;
#[path = "storm/verdict.rs"]
mod verdict;
#[path = "storm/world.rs"]
mod world;

use futures_util::FutureExt as _;
use ledger::{Entry, Ledger};
use round::{Settings, run, say};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Cycles of a round of the short storm, and for how long new ones are begun.
const SHORT: (usize, Duration) = (14, Duration::from_secs(120));

/// Tests that measure have the machine for themselves.
static MACHINE: Mutex<()> = Mutex::const_new(());

/// A setting of the environment.
fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name}={text} cannot be read"))
}

fn settings(cycles: usize) -> Settings {
    Settings {
        clients: setting("STORM_CLIENTS", 40),
        projects: setting("STORM_PROJECTS", 4),
        cycles: setting("STORM_CYCLES", cycles),
        pause: Duration::from_millis(setting("STORM_PAUSE_MS", 80)),
        durable: setting("STORM_DURABLE", "dynamodb".to_owned()),
        until: None,
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/storm")
}

/// The seeds of `STORM_SEEDS`, like `1..100`, both included.
fn seeds() -> Vec<u64> {
    let text = setting("STORM_SEEDS", "1..100".to_owned());
    let (from, to) = text.split_once("..").unwrap_or((&text, &text));
    let number = |text: &str| text.trim_start_matches('=').parse::<u64>().expect("STORM_SEEDS is like 1..100");
    (number(from)..=number(to)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_short_storm_loses_nothing() {
    let _alone = MACHINE.lock().await;
    let seed = setting("STORM_SEED", 1);
    let settings = Settings { until: Some(Instant::now() + SHORT.1), ..settings(SHORT.0) };
    let place = directory().join("short");
    let entry = run(seed, &settings, &place).await;
    let mut ledger = Ledger::open(&place);
    ledger.add(entry.clone());
    say(&ledger.summary(&[seed]));
    assert!(entry.good, "seed {seed} (STORM_SEED), see {}: {:#?}", place.display(), entry.wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "it takes as long as STORM_SECONDS says: make storm"]
async fn a_long_storm_loses_nothing() {
    let _alone = MACHINE.lock().await;
    let (directory, seeds, settings) = (directory(), seeds(), settings(25));
    let until = Instant::now() + Duration::from_secs(setting("STORM_SECONDS", 3_600));
    let mut ledger = Ledger::open(&directory);
    let mut bad = Vec::new();
    for seed in &seeds {
        if ledger.has(*seed) {
            continue;
        }
        if Instant::now() > until {
            break;
        }
        let place = directory.join(seed.to_string());
        let round = std::panic::AssertUnwindSafe(run(*seed, &settings, &place)).catch_unwind();
        // One that fails in a way that nobody has foreseen does not end the others.
        let entry = round.await.unwrap_or_else(|_| Entry {
            seed: *seed,
            wrong: vec!["the round has panicked: what it said is above".to_owned()],
            ..Entry::default()
        });
        if !entry.good {
            say(&format!("seed {seed} went wrong, see {}: {:#?}", place.display(), entry.wrong));
            bad.push(*seed);
        }
        ledger.add(entry);
    }
    say(&ledger.summary(&seeds));
    assert!(bad.is_empty(), "seeds {bad:?} (STORM_SEEDS) went wrong, see {}", directory.display());
}

#[test]
#[ignore = "it checks the history that STORM_HISTORY names"]
fn check_again() {
    let path = setting("STORM_HISTORY", String::new());
    let lines = record::read(Path::new(&path)).unwrap_or_else(|error| panic!("STORM_HISTORY={path}: {error}"));
    let verdict = check::check(&lines);
    say(&format!("{verdict:#?}"));
    assert!(verdict.is_good());
}
