//! The report as a page that needs nothing but itself. Pure.

use super::plot::{Axis, Line, escaped, plot};
use super::{Report, growth, table};
use crate::measure::figures::{Outcome, Sample, Summary, real};
use crate::scenario::Scenario;
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}\
                     pre{overflow-x:auto;background:#f6f6f4;padding:.8em;font-size:12.5px}\
                     figure{display:inline-block;margin:.5em 1em .5em 0;width:460px;max-width:100%}figcaption{font-size:13px}\
                     svg text{font:11px system-ui,sans-serif;fill:#555}.grid{stroke:#e3e3e0}.bad{color:#b00020}";

/// Writes it.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>CollabCanvas load test</title><style>{STYLE}</style>\n<h1>CollabCanvas load test</h1>\n<p>{}</p><pre>{}</pre>\n",
        escaped(&report.machine),
        escaped(&report.command),
    );
    let facts = report.facts.iter().map(|(name, value)| format!("{}: {}", escaped(name), escaped(value)));
    let _ = writeln!(out, "<p>{}</p>", facts.collect::<Vec<_>>().join("<br>"));
    out.push_str(
        "<p>Tables have the medians of all rounds; R is the CPU per delivery in units of the floor's in the same round, R min and R max are the least and \
         the greatest of any round. Plots are of the last round.</p>\n",
    );
    for group in growth::groups(report) {
        let _ = writeln!(out, "<h2>{}: CPU of a core and memory of all nodes</h2>", escaped(group));
        for (target, table) in growth::tables(report, group) {
            let _ = writeln!(out, "<p>{}</p>\n<pre>{}</pre>", escaped(target), escaped(&table));
        }
    }
    report.done().for_each(|scenario| section(&mut out, report, scenario));
    out.push_str("</html>\n");
    out
}

fn section(out: &mut String, report: &Report, scenario: &Scenario) {
    let (title, about) = (escaped(&scenario.title), escaped(&scenario.about));
    let table = escaped(&table::table(report, &scenario.name));
    let _ = write!(out, "<h2>{title}</h2>\n<p>{about}</p>\n<pre>{table}</pre>\n");
    for remark in report.remarks(&scenario.name) {
        let _ = writeln!(out, "<p class=\"bad\">{}</p>", escaped(&remark));
    }
    let last: Vec<(&str, &Outcome)> = report
        .targets(&scenario.name)
        .into_iter()
        .filter_map(|target| Some((target, report.of(&scenario.name, target).last()?)))
        .collect();
    // Those that cross nodes are in the table; their plots would look like those of all.
    for (index, name) in [(0, "Delivery"), (2, "Ack"), (3, "Saved")] {
        let times =
            last.iter().enumerate().map(|(colour, (target, outcome))| (colour, *target, outcome.times()[index].1));
        let there: Vec<_> = times.filter(|(_, _, summary)| summary.count > 0).collect();
        if !there.is_empty() {
            out.push_str(&distribution(name, &there));
            out.push_str(&over_time(name, &there));
        }
    }
    out.push_str(&processes("CPU, % of a core", &last, |sample| sample.cpu));
    out.push_str(&processes("Memory (RSS), MiB", &last, |sample| real(sample.rss) / 1_024.0));
    for (target, outcome) in last.iter().filter(|(_, outcome)| !outcome.verdict.checked.is_empty()) {
        let _ = writeln!(out, "<p>Checked on {}: {}.</p>", escaped(target), escaped(&outcome.verdict.checked));
    }
}

/// Nines: 0 for a half, 1 for 90 %, 2 for 99 %.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).max(1e-5).log10()
}

fn distribution(name: &str, summaries: &[(usize, &str, &Summary)]) -> String {
    let marks = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999];
    let x = Axis {
        marks: marks.iter().map(|q| (nines(*q), format!("{}", q * 100.0))).collect(),
        ..Axis::linear("of them, %")
    };
    let lines = summaries.iter().map(|(colour, target, summary)| Line {
        name: (*target).to_owned(),
        colour: *colour,
        dashed: false,
        points: summary.distribution.iter().map(|(quantile, ms)| (nines(*quantile), *ms)).collect(),
    });
    plot(&x, &Axis::logarithmic(&format!("{name}: at most so many ms")), &lines.collect::<Vec<_>>())
}

fn over_time(name: &str, summaries: &[(usize, &str, &Summary)]) -> String {
    let lines = summaries.iter().flat_map(|(colour, target, summary)| {
        ["p50", "p99"].map(|quantile| Line {
            name: format!("{target} {quantile}"),
            colour: *colour,
            dashed: quantile == "p99",
            points: summary.over_time.iter().map(|p| (p.at, if quantile == "p50" { p.p50 } else { p.p99 })).collect(),
        })
    });
    plot(&Axis::linear("s"), &Axis::logarithmic(&format!("{name} over time, ms")), &lines.collect::<Vec<_>>())
}

fn processes(title: &str, outcomes: &[(&str, &Outcome)], value: impl Fn(&Sample) -> f64) -> String {
    let used = outcomes.iter().flat_map(|(target, outcome)| outcome.used.iter().map(move |used| (*target, used)));
    let lines = used.enumerate().map(|(colour, (target, used))| Line {
        colour,
        dashed: !used.counts,
        name: if used.name == target { used.name.clone() } else { format!("{target}: {}", used.name) },
        points: used.samples.iter().map(|sample| (sample.at, value(sample))).collect(),
    });
    plot(&Axis::linear("s"), &Axis::linear(title), &lines.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::figures::Point;

    #[test]
    fn a_page_needs_nothing_but_itself() {
        let mut report = super::super::tests::report();
        report.measured[1].outcome.verdict.lost = 2;
        report.measured[0].not_valid = Some("core 1 was busy".to_owned());
        report.scenarios[0].group = Some("Cost growth".to_owned());
        report.measured[3].outcome.delivery = Summary {
            count: 1,
            distribution: vec![(0.0, 0.1), (1.0, 2.0)],
            over_time: vec![Point { at: 1.0, p50: 0.2, p95: 0.3, p99: 0.4, max: 2.0 }],
            ..Summary::default()
        };
        let page = page(&report);
        assert!(page.contains("Hot room") && page.contains("Delivery over time") && page.contains("lost 2"), "{page}");
        assert!(page.contains("floor, round 1: not valid: core 1 was busy") && page.contains("kernel: 6.1"), "{page}");
        assert!(page.contains("Cost growth: CPU") && page.contains("| connections |"), "{page}");
        for outside in ["http:", "https:", "<script", "<link", "@import", "NaN"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
