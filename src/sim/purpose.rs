//! What each mechanism of the recovery protocol is for: without it, something named here goes wrong.

use super::faults::Mode;
use super::run::{Outcome, run};
use super::schedules::{
    a_checkpoint_beneath_a_reader, an_append_of_long_ago, nobody_stays_with_unsaved_work, only_redis_has_it,
};
use super::tests::{Which, run_many};
use crate::mechanism::{Mechanism, switch_off};
use Found::{Never, Seed, Written};

/// What shows that a mechanism is needed.
enum Found {
    /// Without it, this run fails, or one of the few after it.
    Seed(Mode, u64),
    /// Runs that were written for it fail without it, with one seed or another.
    Written(fn(u64) -> Outcome),
    /// Nothing that was tried, and why that is so.
    Never(&'static str),
}

const TABLE: &[(Mechanism, Found)] = &[
    (Mechanism::Cas, Seed(Mode::Multi, 0)),
    (Mechanism::Believe, Written(an_append_of_long_ago)),
    (Mechanism::Reptr, Written(a_checkpoint_beneath_a_reader)),
    (Mechanism::Close, Written(nobody_stays_with_unsaved_work)),
    (Mechanism::Union, Written(only_redis_has_it)),
    (Mechanism::Contig, Seed(Mode::Away, 15)),
    (Mechanism::Pos, Seed(Mode::Multi, 3)),
    (Mechanism::Resend, Seed(Mode::Pair, 2)),
    (Mechanism::Savedcid, Seed(Mode::Multi, 4)),
    (Mechanism::Savedid, Seed(Mode::Multi, 150)),
    (Mechanism::Retain, Seed(Mode::Single, 250)),
    (Mechanism::Finish, Seed(Mode::Multi, 440)),
    (Mechanism::Seal, Seed(Mode::Away, 42)),
    (Mechanism::Greet, Seed(Mode::Multi, 20)),
    (Mechanism::Link, Seed(Mode::Pair, 324)),
    (Mechanism::Void, Seed(Mode::Away, 97)),
    (Mechanism::Trimmed, Seed(Mode::Pair, 22)),
    (Mechanism::Fresh, Seed(Mode::Away, 1340)),
    (
        Mechanism::Lease,
        Never(
            "who comes second finds another's token at the installation, and the seal of the first in the durable log",
        ),
    ),
    (
        Mechanism::Fence,
        Never("what would be appended conflicts with the newer lineage's entries, and the next look finds the fork"),
    ),
    (
        Mechanism::Fp,
        Never(
            "an older epoch is never installed over a newer one, and what a newer one replaces is held by the rooms that have it",
        ),
    ),
    (Mechanism::Behind, Never("a room that is opened or asks finds the same, and heals")),
    (
        Mechanism::Buffer,
        Never(
            "it takes a killed node, a failover, a lost event and an author who has left, which is more than is promised",
        ),
    ),
    (
        Mechanism::Rewind,
        Never("the room that has answered holds what it has answered, and a session that moves is greeted anew"),
    ),
    (Mechanism::Ackhole, Never("the position check makes the answer come with all that the room has missed")),
    (Mechanism::Direct, Never("a second seal begins another direct epoch, which the others join")),
    (Mechanism::Repeat, Never("what a single pass leaves out is held by its room or sent again by its author")),
    (Mechanism::Dupack, Never("it has no line: a room answers from its own replica alone")),
    (Mechanism::Welcome, Never("it has no line: a room greets from its own replica alone")),
];

/// Seeds that are tried, the one that was found among them: every change of the code shuffles the runs.
const NEARBY: u64 = 60;

#[test]
fn without_a_mechanism_something_goes_wrong() {
    let mut harmless = Vec::new();
    for (mechanism, found) in TABLE {
        switch_off(&[*mechanism]);
        let (fails, which) = match found {
            Seed(mode, seed) => {
                let mut nearby = *seed..seed + NEARBY;
                (nearby.any(|seed| is_bad(&run(seed, *mode, false))), format!("seed {seed} in mode {}", mode.name()))
            }
            Written(schedule) => ((0..NEARBY).any(|seed| is_bad(&schedule(seed))), "its schedule".to_owned()),
            Never(_) => continue,
        };
        switch_off(&[]);
        if !fails {
            harmless.push(format!("without {mechanism:?}, {which}"));
        }
    }
    assert!(harmless.is_empty(), "these do no harm any more, look for others: {harmless:#?}");
}

#[test]
fn with_all_of_them_the_schedules_end_well() {
    for (mechanism, found) in TABLE {
        let Written(schedule) = found else { continue };
        for seed in 0..NEARBY / 3 {
            let bad = schedule(seed).bad;
            assert!(bad.is_empty(), "{mechanism:?}, seed {seed}: {bad:?}");
        }
    }
}

fn is_bad(outcome: &Outcome) -> bool {
    !outcome.bad.is_empty()
}

#[test]
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
