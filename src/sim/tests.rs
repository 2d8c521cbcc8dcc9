//! The runs: many seeds in every mode, twice the same, and one seed again with its trace.

use super::faults::Mode;
use super::run::{Outcome, run};
use crate::mechanism::{Mechanism, switch_off};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Seeds that each mode runs in CI.
const SEEDS: u64 = 255;
/// Failing seeds that are described.
const DESCRIBED: usize = 8;

/// What many runs came to.
#[derive(Default)]
pub(super) struct Sum {
    seeds: u64,
    acked: usize,
    durable: usize,
    faults: usize,
    pub(super) failed: Vec<(u64, Mode, Vec<String>)>,
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Which runs.
#[derive(Clone, Copy)]
pub(super) struct Which<'a> {
    pub(super) first: u64,
    pub(super) seeds: u64,
    pub(super) modes: &'a [Mode],
    /// Without these mechanisms.
    pub(super) off: &'a [Mechanism],
    /// Until so many have failed.
    pub(super) until: usize,
}

/// Runs these, on as many threads as there are processors.
pub(super) fn run_many(which: Which<'_>, told: impl Fn(&Sum) + Sync) -> Sum {
    let (next, sum) = (AtomicU64::new(0), Mutex::new(Sum::default()));
    let modes = which.modes.len() as u64;
    let work = || {
        switch_off(which.off);
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= which.seeds * modes {
                return;
            }
            let mode = which.modes[usize::try_from(n % modes).expect("a few modes")];
            let seed = which.first + n / modes;
            let Outcome { bad, acked, durable, faults, .. } = run(seed, mode, false);
            let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
            sum.seeds += 1;
            sum.acked += acked;
            sum.durable += durable;
            sum.faults += faults;
            if !bad.is_empty() {
                sum.failed.push((seed, mode, bad));
            }
            told(&sum);
            if sum.failed.len() >= which.until {
                return;
            }
        }
    };
    std::thread::scope(|scope| (0..threads()).for_each(|_| drop(scope.spawn(work))));
    sum.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::print_stdout, reason = "it is what whoever runs it wants to know")]
fn report(sum: &mut Sum) {
    sum.failed.sort_by_key(|(seed, mode, _)| (*seed, mode.name()));
    let Sum { seeds, acked, durable, faults, failed } = sum;
    println!(
        "sim: {seeds} runs, {acked} acked and {durable} durable batches, {faults} faults, {} failed",
        failed.len()
    );
    for (seed, mode, bad) in failed.iter().take(DESCRIBED) {
        let mode = mode.name();
        println!("SIM_SEED={seed} SIM_MODE={mode} cargo test --lib sim::tests::replay -- --ignored --nocapture");
        bad.iter().for_each(|bad| println!("    {bad}"));
    }
    assert!(failed.is_empty(), "{} of {seeds} simulated runs failed, see above", failed.len());
}

#[test]
fn nothing_is_lost_whatever_goes_wrong() {
    let which = Which { first: 0, seeds: SEEDS, modes: &Mode::ALL, off: &[], until: usize::MAX };
    report(&mut run_many(which, |_| {}));
}

#[test]
fn a_seed_determines_everything() {
    for seed in 0..8 {
        for mode in Mode::ALL {
            let (one, other) = (run(seed, mode, false), run(seed, mode, false));
            assert_eq!(one, other, "seed {seed} in mode {} went two ways", mode.name());
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is no number")))
}

fn modes() -> Vec<Mode> {
    match std::env::var("SIM_MODE") {
        Ok(name) => vec![Mode::parse(&name).unwrap_or_else(|| panic!("SIM_MODE={name} is no mode"))],
        Err(_) => Mode::ALL.to_vec(),
    }
}

/// The mechanisms that `SIM_OFF` names, lower case, with commas between.
fn off() -> Vec<Mechanism> {
    let names = std::env::var("SIM_OFF").unwrap_or_default();
    let parse = |name: &str| {
        let found = Mechanism::ALL.into_iter().find(|mechanism| format!("{mechanism:?}").to_lowercase() == name);
        found.unwrap_or_else(|| panic!("SIM_OFF: {name} is no mechanism"))
    };
    names.split(',').filter(|name| !name.is_empty()).map(parse).collect()
}

#[test]
#[ignore = "one seed, with its trace: SIM_SEED and SIM_MODE say which"]
fn replay() {
    let seed = number("SIM_SEED").unwrap_or(0);
    switch_off(&off());
    for mode in modes() {
        let outcome = run(seed, mode, true);
        assert!(outcome.bad.is_empty(), "seed {seed} in mode {}: {outcome:?}", mode.name());
    }
}

#[test]
#[ignore = "for as long as one likes: SIM_SEEDS says how many, SIM_FIRST from where on, `make sim` runs it"]
#[expect(clippy::print_stdout, reason = "it is what whoever runs it wants to know")]
fn long() {
    let (first, seeds) = (number("SIM_FIRST").unwrap_or(1_000_000), number("SIM_SEEDS").unwrap_or(1_000));
    let until = number("SIM_UNTIL").and_then(|until| usize::try_from(until).ok()).unwrap_or(usize::MAX);
    let which = Which { first, seeds, modes: &modes(), off: &off(), until };
    let mut sum = run_many(which, |sum| {
        if sum.seeds.is_multiple_of(1_000) {
            let Sum { seeds, acked, faults, failed, .. } = sum;
            println!("{seeds} runs, {acked} acked batches, {faults} faults, {} failed", failed.len());
        }
    });
    report(&mut sum);
}
