//! The table of medians. Pure.

use super::{Measured, Report, median};
use crate::measure::figures::{Outcome, Summary, real};
use crate::target::cores;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Figures that stand at the end, beside that of the generator.
const OF_CORES: [&str; 3] = [cores::SERVERS, cores::GENERATOR, cores::FOREIGN];

/// What an outcome has of a column.
type Figure = Box<dyn Fn(&Outcome) -> Option<f64>>;

/// A table's column: its head, and what each target has of it.
struct Column {
    head: String,
    figures: Vec<Option<f64>>,
    digits: usize,
}

/// A scenario's lines, medians of its rounds, as text for a terminal and for Markdown.
#[must_use]
pub fn table(report: &Report, scenario: &str) -> String {
    let columns = columns(report, scenario);
    let heads = columns.iter().map(|column| column.head.clone());
    let mut rows: Vec<Vec<String>> = vec![std::iter::once("target".to_owned()).chain(heads).collect()];
    for (n, target) in report.targets(scenario).into_iter().enumerate() {
        let figures = columns.iter().map(|column| {
            column.figures[n].map_or_else(|| "–".to_owned(), |figure| format!("{figure:.*}", column.digits))
        });
        rows.push(std::iter::once(target.to_owned()).chain(figures).collect());
    }
    aligned(&rows)
}

/// The columns in which any target has a figure.
fn columns(report: &Report, scenario: &str) -> Vec<Column> {
    let targets = report.targets(scenario);
    let of = |figure: &Figure| {
        targets.iter().map(|target| median(report.of(scenario, target).filter_map(figure))).collect::<Vec<_>>()
    };
    let mut columns: Vec<Column> = Vec::new();
    let mut add = |head: &str, digits, figure: Figure| {
        columns.push(Column { head: head.to_owned(), figures: of(&figure), digits });
    };
    add("deliveries/s", 0, Box::new(|o| (o.deliveries > 0).then(|| o.rate())));
    add("µs/delivery", 2, Box::new(Outcome::cpu_per_delivery));
    // Of the others the tail tells more than the middle, and a line has an end.
    for (n, (name, _)) in Outcome::default().times().into_iter().enumerate() {
        for (p, (percentile, _)) in Summary::default().percentiles().into_iter().enumerate() {
            if n > 0 && p == 0 {
                continue;
            }
            let head = if n == 0 { format!("{percentile} ms") } else { format!("{name} {percentile} ms") };
            add(&head, 2, Box::new(move |o| (o.times()[n].1.count > 0).then(|| o.times()[n].1.percentiles()[p].1)));
        }
    }
    add("bytes/delivery", 1, Box::new(Outcome::bytes_per_delivery));
    add("arrived %", 1, Box::new(|o| (o.deliveries > 0).then_some(100.0 * o.share)));
    for other in ["haproxy", "redis", "postgres"] {
        add(&format!("{other} µs/op"), 1, Box::new(move |o| o.cpu_per_op(other)));
    }
    let outcomes = targets.iter().flat_map(|target| report.of(scenario, target));
    let names: BTreeSet<&String> = outcomes.flat_map(|outcome| outcome.more.keys()).collect();
    for name in names.into_iter().filter(|name| !OF_CORES.contains(&name.as_str())) {
        let key = name.clone();
        add(name, 2, Box::new(move |o| o.more.get(&key).copied()));
    }
    add("RSS MiB", 1, Box::new(memory));
    add("generator %", 0, Box::new(|o| (o.generator > 0.0).then_some(o.generator)));
    for name in OF_CORES {
        add(name, 0, Box::new(|o| o.more.get(name).copied()));
    }
    let ratios: Vec<Vec<f64>> = targets.iter().map(|target| report.ratios(scenario, target)).collect();
    let of_ratios = |head: &str, of: fn(Vec<f64>) -> Option<f64>| Column {
        head: head.to_owned(),
        figures: ratios.iter().cloned().map(of).collect(),
        digits: 2,
    };
    let least = of_ratios("R min", |ratios| ratios.into_iter().min_by(f64::total_cmp));
    let most = of_ratios("R max", |ratios| ratios.into_iter().max_by(f64::total_cmp));
    columns.splice(2..2, [of_ratios("R", median), least, most]);
    columns.extend(counts(report, scenario));
    columns.retain(|column| column.figures.iter().any(Option::is_some));
    columns
}

/// How many rounds there were, and how many of them failed or are not valid.
fn counts(report: &Report, scenario: &str) -> [Column; 3] {
    let column = |head: &str, counts: fn(&Measured) -> bool| {
        let count = |target| report.rounds(scenario, target).filter(|measured| counts(measured)).count();
        let figures = report.targets(scenario).into_iter().map(|target| {
            let count = count(target);
            (count > 0).then(|| real(count as u64))
        });
        Column { head: head.to_owned(), figures: figures.collect(), digits: 0 }
    };
    [
        column("rounds", |_| true),
        column("failed", |measured| !measured.outcome.verdict.is_good()),
        column("not valid", |measured| measured.not_valid.is_some()),
    ]
}

/// Memory of all that counts, in MiB; `None` when nothing was measured.
pub(super) fn memory(outcome: &Outcome) -> Option<f64> {
    let kib = outcome.used.iter().filter(|used| used.counts).map(|used| used.rss).sum();
    (!outcome.used.is_empty()).then(|| real(kib) / 1_024.0)
}

/// Rows as a table of Markdown, the first being its head.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let pad = " ".repeat(width - cell.chars().count());
            let _ = write!(out, "| {pad}{cell} ");
        }
        out.push_str("|\n");
        if n == 0 {
            widths.iter().for_each(|width| out.push_str(&format!("|{}:", "-".repeat(width + 1))));
            out.push_str("|\n");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_stand_beside_each_other() {
        let expected = "\
|   target | deliveries/s | µs/delivery |    R | R min | R max | bytes/delivery | arrived % | RSS MiB | rounds |
|---------:|-------------:|------------:|-----:|------:|------:|---------------:|----------:|--------:|-------:|
|    floor |          500 |        7.50 | 1.00 |  1.00 |  1.00 |           54.0 |     100.0 |     2.0 |      2 |
| embedded |          500 |       10.00 | 1.25 |  1.00 |  1.50 |           54.0 |     100.0 |     2.0 |      2 |
";
        assert_eq!(table(&super::super::tests::report(), "hot-room"), expected);
    }

    #[test]
    fn what_only_one_has_is_a_dash_for_the_others() {
        let mut report = super::super::tests::report();
        report.measured[1].outcome.more.insert("join p50 ms".to_owned(), 2.5);
        let table = table(&report, "hot-room");
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].contains("join p50 ms") && lines[2].contains('–') && lines[3].contains("2.50"), "{table}");
    }

    #[test]
    fn a_part_that_measured_nothing_shifts_no_median() {
        let mut report = super::super::tests::report();
        let mut broken = Outcome::default();
        broken.verdict.broken = 1;
        report.measured[3] = Measured::new("hot-room", "embedded", 2, broken);
        report.measured[1].not_valid = Some("why".to_owned());
        let table = table(&report, "hot-room");
        let last = table.lines().last().unwrap_or_default().replace(' ', "");
        assert!(last.ends_with("|2.0|2|1|1|") && last.starts_with("|embedded|500|5.00|1.00|"), "{table}");
    }
}
