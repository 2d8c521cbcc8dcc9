//! What each mechanism of the recovery protocol is for: without it, something named here goes wrong.

use super::faults::Mode;
use super::run::run;
use super::tests::{Which, run_many};
use crate::mechanism::{Mechanism, switch_off};
use Found::{Never, Seed};

/// What shows that a mechanism is needed.
enum Found {
    /// Without it, this run fails, or one of the few after it.
    Seed(Mode, u64),
    /// Nothing that was tried, and why that is so.
    #[expect(dead_code, reason = "the table is not complete yet")]
    Never(&'static str),
}

const TABLE: &[(Mechanism, Found)] = &[
    (Mechanism::Cas, Seed(Mode::Multi, 0)),
    (Mechanism::Contig, Seed(Mode::Pair, 43)),
    (Mechanism::Pos, Seed(Mode::Multi, 3)),
    (Mechanism::Resend, Seed(Mode::Pair, 2)),
    (Mechanism::Savedcid, Seed(Mode::Multi, 4)),
    (Mechanism::Savedid, Seed(Mode::Pair, 209)),
    (Mechanism::Retain, Seed(Mode::Single, 38)),
    (Mechanism::Finish, Seed(Mode::Multi, 203)),
    (Mechanism::Seal, Seed(Mode::Away, 42)),
    (Mechanism::Greet, Seed(Mode::Multi, 20)),
    (Mechanism::Link, Seed(Mode::Pair, 11)),
    (Mechanism::Void, Seed(Mode::Away, 97)),
    (Mechanism::Trimmed, Seed(Mode::Pair, 22)),
];

/// Seeds that are tried, the one that was found among them: every change of the code shuffles the runs.
const NEARBY: u64 = 60;

#[test]
fn without_a_mechanism_something_goes_wrong() {
    for (mechanism, found) in TABLE {
        if let Seed(mode, seed) = found {
            switch_off(&[*mechanism]);
            let fails = (*seed..seed + NEARBY).any(|seed| !run(seed, *mode, false).bad.is_empty());
            switch_off(&[]);
            let mode = mode.name();
            assert!(
                fails,
                "without {mechanism:?}, {NEARBY} seeds from {seed} in mode {mode} do no harm: look for another"
            );
        }
    }
}

#[test]
#[ignore = "the table is not complete yet: `search` finds runs to be written into it"]
fn every_mechanism_is_accounted_for() {
    let missing: Vec<_> = Mechanism::ALL.into_iter().filter(|m| !TABLE.iter().any(|(known, _)| known == m)).collect();
    assert!(missing.is_empty(), "say in the table what these are for: {missing:?}");
    for (mechanism, found) in TABLE {
        if let Never(why) = found {
            assert!(!why.is_empty(), "say why nothing shows what {mechanism:?} is for");
        }
    }
}

#[test]
#[ignore = "looks for runs that fail without each mechanism, to be written into the table: SIM_SEEDS says how many to try"]
#[expect(clippy::print_stdout, reason = "it is what whoever runs it wants to know")]
fn search() {
    let number = |name, else_| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(else_);
    let only = std::env::var("SIM_OFF").unwrap_or_default();
    for mechanism in Mechanism::ALL {
        let name = format!("{mechanism:?}");
        if !only.is_empty() && !only.split(',').any(|wanted| wanted == name.to_lowercase()) {
            continue;
        }
        let (first, seeds) = (number("SIM_FIRST", 0), number("SIM_SEEDS", 500));
        let sum = run_many(Which { first, seeds, modes: &Mode::ALL, off: &[mechanism], until: 3 }, |_| {});
        for (seed, mode, bad) in &sum.failed {
            println!("{name}: {} {seed}: {}", mode.name(), bad.join("; "));
        }
        if sum.failed.is_empty() {
            println!("{name}: nothing in {seeds} seeds of each mode");
        }
    }
}
