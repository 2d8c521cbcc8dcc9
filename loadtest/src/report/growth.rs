//! The table of a group of scenarios: what nodes take, by connections and projects. Pure.

use super::{Report, median, table};
use crate::measure::figures::Outcome;
use crate::scenario::Scenario;
use std::collections::BTreeSet;

/// Marks a cell of which some round failed or is not valid.
const MARK: &str = " *";

/// The groups of a report's scenarios, in the order in which they came.
#[must_use]
pub fn groups(report: &Report) -> Vec<&str> {
    let mut groups: Vec<&str> = Vec::new();
    for group in report.done().filter_map(|scenario| scenario.group.as_deref()) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

/// The targets of a group, each with its table, as text for a terminal and for Markdown: a row for each number of connections, a column for each number of
/// projects, in each cell CPU in percent of a core and memory, the medians of the rounds.
#[must_use]
pub fn tables<'a>(report: &'a Report, group: &str) -> Vec<(&'a str, String)> {
    let scenarios: Vec<&Scenario> = report.done().filter(|s| s.group.as_deref() == Some(group)).collect();
    let mut targets: Vec<&str> = Vec::new();
    for target in scenarios.iter().flat_map(|scenario| report.targets(&scenario.name)) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets.into_iter().map(|target| (target, of(report, &scenarios, target))).collect()
}

fn of(report: &Report, scenarios: &[&Scenario], target: &str) -> String {
    let connections = |scenario: &Scenario| scenario.rooms.count * scenario.rooms.clients;
    let columns: BTreeSet<usize> = scenarios.iter().map(|scenario| scenario.rooms.count).collect();
    let rows: BTreeSet<usize> = scenarios.iter().map(|scenario| connections(scenario)).collect();
    let head =
        columns.iter().map(|count| if *count == 1 { "1 project".to_owned() } else { format!("{count} projects") });
    let mut cells: Vec<Vec<String>> = vec![std::iter::once("connections".to_owned()).chain(head).collect()];
    for row in rows {
        let line = columns.iter().map(|column| {
            let here = scenarios.iter().find(|s| connections(s) == row && s.rooms.count == *column);
            here.and_then(|scenario| cell(report, &scenario.name, target)).unwrap_or_else(|| "–".to_owned())
        });
        cells.push(std::iter::once(row.to_string()).chain(line).collect());
    }
    let mut text = table::aligned(&cells);
    if text.contains(MARK) {
        text.push_str("\n* Some round failed or is not valid: the scenario's own table says which.\n");
    }
    text
}

/// What a scenario takes on a target; `None` when it was not measured.
fn cell(report: &Report, scenario: &str, target: &str) -> Option<String> {
    let is_doubtful = report.rounds(scenario, target).any(|m| !m.outcome.verdict.is_good() || m.not_valid.is_some());
    let mark = if is_doubtful { MARK } else { "" };
    let cpu = median(report.of(scenario, target).filter_map(cpu));
    let memory = median(report.of(scenario, target).filter_map(table::memory));
    match cpu.zip(memory) {
        Some((cpu, memory)) => Some(format!("{cpu:.1} % {memory:.0} MiB{mark}")),
        None => report.rounds(scenario, target).next().map(|_| format!("failed{mark}")),
    }
}

/// CPU of all that counts, in percent of a core.
fn cpu(outcome: &Outcome) -> Option<f64> {
    let micros: f64 = outcome.used.iter().filter(|used| used.counts).map(|used| used.cpu).sum();
    (outcome.seconds > 0.0 && !outcome.used.is_empty()).then(|| micros / outcome.seconds / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Measured;

    #[test]
    fn cells_lie_by_connections_and_projects() {
        let mut report = super::super::tests::report();
        let outcome = report.measured[1].outcome.clone();
        report.scenarios.clear();
        report.measured.clear();
        assert!(groups(&report).is_empty());
        let like = Scenario::load("hot-room").expect("it is there");
        for (count, clients, is_good) in [(1, 100, true), (10, 10, false), (1, 1_000, true)] {
            let mut scenario =
                Scenario { name: format!("{clients}-in-{count}"), group: Some("Growth".to_owned()), ..like.clone() };
            (scenario.rooms.count, scenario.rooms.clients) = (count, clients);
            let outcome = if is_good { outcome.clone() } else { Outcome::default() };
            let mut measured = Measured::new(&scenario.name, "embedded", 1, outcome);
            measured.outcome.verdict.broken = u64::from(!is_good);
            report.scenarios.push(scenario);
            report.measured.push(measured);
        }
        assert_eq!(groups(&report), ["Growth"]);
        let expected = "\
| connections |   1 project | 10 projects |
|------------:|------------:|------------:|
|         100 | 0.2 % 2 MiB |    failed * |
|        1000 | 0.2 % 2 MiB |           – |

* Some round failed or is not valid: the scenario's own table says which.
";
        assert_eq!(tables(&report, "Growth"), [("embedded", expected.to_owned())]);
    }
}
