//! What a whole run has found: outcomes of scenarios, targets and rounds; as a table, as JSON, as a page. Linux only.
#![cfg(target_os = "linux")]

pub mod growth;
pub mod page;
pub mod plot;
pub mod table;

use crate::measure::figures::Outcome;
use crate::scenario::{Load, Scenario};
use crate::target::cores;
use serde::Serialize;
use std::collections::BTreeMap;

/// The generator's core may be so busy, in percent, before what it measures may be its own lateness.
const GENERATOR_MOST: f64 = 95.0;
/// So much of the servers' core, in percent, may be taken by what does not belong to the run.
const FOREIGN_MOST: f64 = 5.0;
/// With fewer rounds a median says little.
const ROUNDS_LEAST: usize = 3;

/// One outcome and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Which scenario.
    pub scenario: String,
    /// On which target.
    pub target: String,
    /// In which round, from 1.
    pub round: usize,
    /// What was found.
    pub outcome: Outcome,
    /// Why its figures cannot be relied on; nothing when they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_valid: Option<String>,
}

impl Measured {
    /// An outcome, and whether the machine was good enough for it.
    #[must_use]
    pub fn new(scenario: &str, target: &str, round: usize, outcome: Outcome) -> Self {
        let not_valid = doubt(&outcome);
        Self { scenario: scenario.to_owned(), target: target.to_owned(), round, outcome, not_valid }
    }
}

/// Why an outcome's figures cannot be relied on.
fn doubt(outcome: &Outcome) -> Option<String> {
    let above = |name: &str, most: f64| outcome.more.get(name).copied().filter(|value| *value > most);
    let generator = above(cores::GENERATOR, GENERATOR_MOST).map(|busy| {
        format!("core 1 was busy {busy:.0} % of the time, so the generator or Postgres may have been late")
    });
    let foreign = above(cores::FOREIGN, FOREIGN_MOST)
        .map(|foreign| format!("something that does not belong to the run took {foreign:.0} % of core 0"));
    let reasons: Vec<String> = generator.into_iter().chain(foreign).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// All of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// When it began, in ms since 1970.
    pub began: u64,
    /// What the machine is, and whether everything had its core.
    pub machine: String,
    /// The command line.
    pub command: String,
    /// What was measured with what: name, version.
    pub facts: BTreeMap<String, String>,
    /// What was done.
    pub scenarios: Vec<Scenario>,
    /// What came of it.
    pub measured: Vec<Measured>,
}

impl Report {
    /// What was measured of one scenario on one target, round by round.
    pub fn rounds<'a>(&'a self, scenario: &'a str, target: &'a str) -> impl Iterator<Item = &'a Measured> {
        self.measured.iter().filter(move |measured| measured.scenario == scenario && measured.target == target)
    }

    /// Its outcomes.
    pub fn of<'a>(&'a self, scenario: &'a str, target: &'a str) -> impl Iterator<Item = &'a Outcome> {
        self.rounds(scenario, target).map(|measured| &measured.outcome)
    }

    /// The scenarios of which something was measured: all of them, unless the run was interrupted.
    pub fn done(&self) -> impl Iterator<Item = &Scenario> {
        self.scenarios.iter().filter(|scenario| self.measured.iter().any(|m| m.scenario == scenario.name))
    }

    /// The targets of one scenario, in the order in which they came.
    #[must_use]
    pub fn targets<'a>(&'a self, scenario: &str) -> Vec<&'a str> {
        let mut targets: Vec<&str> = Vec::new();
        for measured in self.measured.iter().filter(|measured| measured.scenario == scenario) {
            if !targets.contains(&measured.target.as_str()) {
                targets.push(&measured.target);
            }
        }
        targets
    }

    /// CPU per delivery in units of the floor's in the same round, round by round. None of a saturation, where each has a load of its own.
    #[must_use]
    pub fn ratios(&self, scenario: &str, target: &str) -> Vec<f64> {
        if self.scenarios.iter().any(|s| s.name == scenario && matches!(s.load, Load::Saturation(_))) {
            return Vec::new();
        }
        let of = |target: &str, round: usize| {
            let here = self.measured.iter().find(|m| m.scenario == scenario && m.target == target && m.round == round);
            here.and_then(|measured| measured.outcome.cpu_per_delivery())
        };
        let rounds = self.rounds(scenario, target).map(|measured| measured.round);
        rounds.filter_map(|round| Some(of(target, round)? / of("floor", round)?)).filter(|r| r.is_finite()).collect()
    }

    /// What must be known of a scenario's figures besides themselves: a sentence each.
    #[must_use]
    pub fn remarks(&self, scenario: &str) -> Vec<String> {
        let mut remarks = Vec::new();
        let rounds = self.targets(scenario).into_iter().map(|target| self.rounds(scenario, target).count()).min();
        if let Some(rounds) = rounds.filter(|rounds| *rounds < ROUNDS_LEAST) {
            let rounds = if rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
            remarks.push(format!("Only {rounds}: medians of fewer than {ROUNDS_LEAST} say little."));
        }
        for measured in self.measured.iter().filter(|measured| measured.scenario == scenario) {
            let name = format!("{}, round {}", measured.target, measured.round);
            if !measured.outcome.verdict.is_good() {
                remarks.push(format!("{name}: {}", measured.outcome.verdict));
            }
            if let Some(why) = &measured.not_valid {
                remarks.push(format!("{name}: not valid: {why}"));
            }
        }
        remarks
    }

    /// Whether nothing was lost anywhere.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.measured.iter().all(|measured| measured.outcome.verdict.is_good())
    }
}

/// The middle one; of an even number the mean of the two in the middle; `None` of none.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(values[values.len() / 2 - 1], upper)) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::measure::figures::Used;

    /// Two rounds of which the second had a slower machine.
    pub(crate) fn report() -> Report {
        let outcome = |cpu: f64| Outcome {
            deliveries: 1_000,
            sent: 20,
            share: 1.0,
            seconds: 2.0,
            received: 54_000,
            used: vec![
                Used { name: "node".to_owned(), counts: true, cpu, rss: 2_048, samples: Vec::new() },
                Used { name: "store".to_owned(), counts: false, cpu: 9e9, rss: 1, samples: Vec::new() },
            ],
            ..Outcome::default()
        };
        let measured = |target: &str, round, cpu| Measured::new("hot-room", target, round, outcome(cpu));
        Report {
            began: 1_790_000_000_000,
            machine: "a test".to_owned(),
            command: "loadtest run hot-room".to_owned(),
            facts: BTreeMap::from([("kernel".to_owned(), "6.1".to_owned())]),
            scenarios: vec![Scenario::load("hot-room").expect("it is there")],
            measured: vec![
                measured("floor", 1, 5_000.0),
                measured("embedded", 1, 5_000.0),
                measured("floor", 2, 10_000.0),
                measured("embedded", 2, 15_000.0),
            ],
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn ratios_are_those_of_one_round() {
        let report = report();
        assert_eq!(report.ratios("hot-room", "embedded"), [1.0, 1.5]);
        assert_eq!(report.ratios("hot-room", "floor"), [1.0, 1.0]);
        assert_eq!(report.targets("hot-room"), ["floor", "embedded"]);
        assert_eq!(report.of("hot-room", "floor").count(), 2);
    }

    #[test]
    fn what_the_machine_could_not_do_is_not_valid() {
        let measured = |generator: f64, foreign: f64| {
            let more = [(cores::GENERATOR, generator), (cores::FOREIGN, foreign)].map(|(name, v)| (name.to_owned(), v));
            Measured::new("hot-room", "floor", 1, Outcome { more: more.into(), ..Outcome::default() }).not_valid
        };
        assert_eq!(measured(95.0, 5.0), None);
        assert!(measured(95.1, 0.0).is_some_and(|why| why.starts_with("core 1 was busy 95 %")));
        assert!(
            measured(99.0, 7.0)
                .is_some_and(|why| why.ends_with("late; something that does not belong to the run took 7 % of core 0"))
        );
    }

    #[test]
    fn remarks_tell_few_rounds_failures_and_doubts() {
        let mut report = report();
        report.measured[1].outcome.verdict.lost = 2;
        report.measured[3].not_valid = Some("why".to_owned());
        let remarks = report.remarks("hot-room");
        assert_eq!(remarks[0], "Only 2 rounds: medians of fewer than 3 say little.");
        assert!(remarks[1].starts_with("embedded, round 1: lost 2,"), "{remarks:?}");
        assert_eq!(remarks[2..], ["embedded, round 2: not valid: why"]);
    }
}
