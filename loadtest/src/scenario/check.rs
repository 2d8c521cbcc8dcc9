//! What a scenario must not say: numbers with which a run would make no sense, or never end.

use super::{Load, Rooms, Scenario, Steady};
use crate::target::Target;
use std::fmt::Debug;
use std::ops::RangeInclusive;

/// Projects of a run.
const PROJECTS: RangeInclusive<usize> = 1..=10_000;
/// Clients of all projects together: each takes a port of the machine.
const CONNECTIONS: usize = 50_000;
/// Rectangles of a project.
const OBJECTS: RangeInclusive<usize> = 1..=50_000;
/// Messages per second and sender.
const RATE: RangeInclusive<f64> = 0.001..=10_000.0;
/// Seconds that count: up to a day.
const SECONDS: RangeInclusive<f64> = 0.1..=86_400.0;
/// Seconds before anything counts.
const WARMUP: RangeInclusive<f64> = 0.0..=86_400.0;
/// By how much a step is faster than the one before.
const FACTOR: RangeInclusive<f64> = 1.01..=10.0;
/// Looks between two steps.
const REFINE: RangeInclusive<u32> = 0..=20;
/// The 99th percentile that a step may have, in milliseconds: up to a minute.
const P99_MS: RangeInclusive<f64> = 0.001..=60_000.0;
/// Clients that come, however they do.
const JOINS: RangeInclusive<usize> = 0..=10_000;
/// Moves that somebody misses.
const MISSED: RangeInclusive<usize> = 0..=100_000;
/// Projects that are met cold.
const COLD: RangeInclusive<usize> = 0..=1_000;

/// The first thing that makes no sense.
pub(super) fn wrong(scenario: &Scenario) -> Option<String> {
    rooms(scenario.rooms)
        .or_else(|| scenario.targets.iter().find_map(|name| Target::named(name).err()))
        .or_else(|| load(scenario.load))
}

fn rooms(Rooms { count, clients, senders, objects }: Rooms) -> Option<String> {
    if clients < 2 {
        return Some(format!("rooms.clients must be at least 2, so that somebody receives; it is {clients}"));
    }
    if senders == 0 || senders > clients {
        return Some(format!("rooms.senders must be from 1 to rooms.clients ({clients}); it is {senders}"));
    }
    if let Some(why) = outside("rooms.count", count, &PROJECTS).or_else(|| outside("rooms.objects", objects, &OBJECTS))
    {
        return Some(why);
    }
    let all = count.saturating_mul(clients);
    (all > CONNECTIONS).then(|| format!("rooms.count times rooms.clients must be at most {CONNECTIONS}; it is {all}"))
}

fn load(load: Load) -> Option<String> {
    match load {
        Load::Moves(load) | Load::Users(load) | Load::Cursors(load) => steady(load),
        Load::Saturation(ramp) => outside("load.rate", ramp.rate, &RATE)
            .or_else(|| outside("load.factor", ramp.factor, &FACTOR))
            .or_else(|| outside("load.refine", ramp.refine, &REFINE))
            .or_else(|| outside("load.seconds", ramp.seconds, &SECONDS))
            .or_else(|| outside("load.p99_ms", ramp.p99_ms, &P99_MS)),
        Load::Joins(joins) => outside("load.one_by_one", joins.one_by_one, &(1..=*JOINS.end()))
            .or_else(|| outside("load.at_once", joins.at_once, &JOINS))
            .or_else(|| outside("load.reconnecting", joins.reconnecting, &JOINS))
            .or_else(|| outside("load.missed", joins.missed, &MISSED))
            .or_else(|| outside("load.cold", joins.cold, &COLD)),
        Load::Idle(idle) => outside("load.seconds", idle.seconds, &SECONDS),
    }
}

fn steady(load: Steady) -> Option<String> {
    outside("load.rate", load.rate, &RATE)
        .or_else(|| outside("load.warmup", load.warmup, &WARMUP))
        .or_else(|| outside("load.seconds", load.seconds, &SECONDS))
}

/// A sentence, when a value is not in its range; what is no number is in none.
fn outside<T: Copy + PartialOrd + Debug>(name: &str, value: T, range: &RangeInclusive<T>) -> Option<String> {
    let (from, to) = (range.start(), range.end());
    (!range.contains(&value)).then(|| format!("{name} must be from {from:?} to {to:?}; it is {value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: &str =
        "title = \"T\"\nabout = \"A\"\n[rooms]\ncount = 1\nclients = 50\nsenders = 20\nobjects = 200\n[load]\n";
    const MOVES: &str = "kind = \"moves\"\nrate = 20.0\nwarmup = 2.0\nseconds = 10.0\n";
    const RAMP: &str = "kind = \"saturation\"\nrate = 50.0\nfactor = 1.5\nrefine = 3\nseconds = 3.0\np99_ms = 100.0\n";
    const JOINS: &str = "kind = \"joins\"\none_by_one = 3\nat_once = 4\nreconnecting = 5\nmissed = 10\ncold = 2\n";
    const IDLE: &str = "kind = \"idle\"\nseconds = 3.0\n";

    /// What is said of a scenario in which one thing is replaced.
    fn said(load: &str, from: &str, to: &str) -> String {
        let text = format!("{ROOMS}{load}");
        assert!(Scenario::parse("x", &text).is_ok());
        let other = text.replace(from, to);
        assert_ne!(text, other);
        Scenario::parse("x", &other).expect_err("it is wrong").to_string()
    }

    #[test]
    fn a_bad_one_is_refused_with_the_reason() {
        assert_eq!(
            said(MOVES, "rate = 20.0", "rate = 0.0"),
            "scenario x: load.rate must be from 0.001 to 10000.0; it is 0.0"
        );
        assert!(
            said(MOVES, "senders = 20", "senders = 51").contains("rooms.senders must be from 1 to rooms.clients (50)")
        );
        assert!(said(MOVES, "clients = 50", "clients = 1").contains("somebody receives"));
        assert!(said(MOVES, "objects = 200", "objects = 50001").contains("rooms.objects"));
        assert!(said(MOVES, "count = 1\n", "count = 1001\n").contains("must be at most 50000; it is 50050"));
        assert!(said(MOVES, "warmup = 2.0\n", "").contains("warmup"), "a missing key is named");
        assert!(said(MOVES, "senders", "sender").contains("sender"), "an unknown key is named");
        assert!(said(MOVES, "moves", "move").contains("move"), "an unknown kind is named");
        assert!(said(MOVES, "[rooms]", "targets = [\"cloud\"]\n[rooms]").contains("there is no target \"cloud\""));
    }

    #[test]
    fn no_number_is_beyond_what_a_run_can_do() {
        for number in ["nan", "inf", "-inf", "0.0", "1e300", "-1.0"] {
            for (load, key) in
                [(MOVES, "rate = 20.0"), (MOVES, "seconds = 10.0"), (RAMP, "rate = 50.0")].into_iter().chain([
                    (RAMP, "factor = 1.5"),
                    (RAMP, "seconds = 3.0"),
                    (RAMP, "p99_ms = 100.0"),
                    (IDLE, "seconds = 3.0"),
                ])
            {
                let name = key.split(' ').next().unwrap_or_default();
                assert!(said(load, key, &format!("{name} = {number}")).contains(&format!("load.{name} must be from")));
            }
        }
        for number in ["nan", "inf", "1e300", "-1.0"] {
            assert!(
                said(MOVES, "warmup = 2.0", &format!("warmup = {number}")).contains("load.warmup must be from 0.0")
            );
        }
        for key in ["one_by_one = 3", "at_once = 4", "reconnecting = 5", "missed = 10", "cold = 2"] {
            let name = key.split(' ').next().unwrap_or_default();
            assert!(said(JOINS, key, &format!("{name} = 1000000")).contains(&format!("load.{name} must be from")));
        }
        assert!(said(JOINS, "one_by_one = 3", "one_by_one = 0").contains("must be from 1 to"));
        assert!(said(RAMP, "refine = 3", "refine = 21").contains("load.refine"));
    }
}
