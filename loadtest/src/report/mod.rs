//! What a whole run has found: outcomes of scenarios, targets and rounds; as a table, as JSON, as a page.

pub mod page;
pub mod plot;
pub mod table;

use crate::measure::figures::Outcome;
use crate::scenario::{Load, Scenario};
use serde::Serialize;

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
}

/// All of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// When it began, in ms since 1970.
    pub began: u64,
    /// What the machine is, and whether everything had its core.
    pub machine: String,
    /// The command line.
    pub command: String,
    /// What was done.
    pub scenarios: Vec<Scenario>,
    /// What came of it.
    pub measured: Vec<Measured>,
}

impl Report {
    /// The outcomes of one scenario on one target, round by round.
    pub fn of<'a>(&'a self, scenario: &'a str, target: &'a str) -> impl Iterator<Item = &'a Outcome> {
        let here = move |measured: &&Measured| measured.scenario == scenario && measured.target == target;
        self.measured.iter().filter(here).map(|measured| &measured.outcome)
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
        let rounds = self.measured.iter().filter(|m| m.scenario == scenario && m.target == target).map(|m| m.round);
        rounds.filter_map(|round| Some(of(target, round)? / of("floor", round)?)).filter(|r| r.is_finite()).collect()
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
        let measured = |target: &str, round, cpu| Measured {
            scenario: "hot-room".to_owned(),
            target: target.to_owned(),
            round,
            outcome: outcome(cpu),
        };
        Report {
            began: 1_790_000_000_000,
            machine: "a test".to_owned(),
            command: "loadtest run hot-room".to_owned(),
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
}
