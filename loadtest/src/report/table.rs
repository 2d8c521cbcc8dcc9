//! The table of medians. Pure.

use super::{Report, median};
use crate::measure::figures::{Outcome, Summary, real};
use std::collections::BTreeSet;
use std::fmt::Write as _;

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
    for store in ["redis", "postgres"] {
        add(&format!("{store} µs/op"), 1, Box::new(move |o| o.cpu_per_op(store)));
    }
    let outcomes = targets.iter().flat_map(|target| report.of(scenario, target));
    for name in outcomes.flat_map(|outcome| outcome.more.keys()).collect::<BTreeSet<_>>() {
        let key = name.clone();
        add(name, 2, Box::new(move |o| o.more.get(&key).copied()));
    }
    add(
        "RSS MiB",
        1,
        Box::new(|o| Some(real(o.used.iter().filter(|used| used.counts).map(|used| used.rss).sum()) / 1_024.0)),
    );
    add("generator %", 0, Box::new(|o| (o.generator > 0.0).then_some(o.generator)));
    let ratios = targets.iter().map(|target| median(report.ratios(scenario, target))).collect();
    columns.insert(2, Column { head: "R".to_owned(), figures: ratios, digits: 2 });
    columns.retain(|column| column.figures.iter().any(Option::is_some));
    columns
}

/// Rows as a table of Markdown, the first being its head.
fn aligned(rows: &[Vec<String>]) -> String {
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
|   target | deliveries/s | µs/delivery |    R | bytes/delivery | arrived % | RSS MiB |
|---------:|-------------:|------------:|-----:|---------------:|----------:|--------:|
|    floor |          500 |        7.50 | 1.00 |           54.0 |     100.0 |     2.0 |
| embedded |          500 |       10.00 | 1.25 |           54.0 |     100.0 |     2.0 |
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
}
