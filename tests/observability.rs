//! What whoever is called at night works with: rules, board and runbook fit each other and the metrics of a real node, and promtool takes all of it.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "observability/board.rs"]
mod board;
#[path = "observability/promql.rs"]
mod promql;
#[path = "observability/promtool.rs"]
mod promtool;
#[path = "observability/rules.rs"]
mod rules;
#[path = "observability/runbook.rs"]
mod runbook;

use rules::Rule;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use support::http;
use support::peers::Node;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Everything is in here, below the root.
const PLACE: &str = "infra/observability";

/// A file of the place.
fn read(name: &str) -> String {
    let path = Path::new(ROOT).join(PLACE).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{PLACE}/{name}: {error}"))
}

/// All files below a directory of the repository whose names end so.
fn files(directory: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(ROOT).join(directory)];
    while let Some(at) = open.pop() {
        let entries = fs::read_dir(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display()));
        for path in entries.map(|entry| entry.expect("it can be read").path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

/// What a node exports that has just started: everything there is, at zero.
async fn exported() -> String {
    let node = Node::start();
    let (status, text) = http::get(&node.server.admin, "/metrics").await;
    assert_eq!(status, 200, "{text}");
    text
}

/// The names that can be asked for.
fn names(exported: &str) -> BTreeSet<String> {
    let types = exported.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let of = |(name, kind): (&str, &str)| match kind {
        "histogram" => ["_bucket", "_sum", "_count"].iter().map(|part| format!("{name}{part}")).collect(),
        _ => vec![name.to_owned()],
    };
    types.flat_map(of).collect()
}

/// Every query that there is, and where it stands.
fn queries() -> Vec<(String, String)> {
    let rules = rules::all().into_iter().map(|rule| (format!("the rule {}", rule.name()), rule.get("expr").to_owned()));
    let board = board::queries().into_iter().map(|(panel, query)| (format!("the panel {panel:?}"), query));
    let runbook = runbook::queries().into_iter().map(|(entry, query)| (format!("the entry {entry}"), query));
    rules.chain(board).chain(runbook).collect()
}

#[tokio::test]
async fn each_metric_is_well_formed() {
    let said = promtool::run(&["check", "metrics"], &exported().await);
    assert!(said.trim().is_empty(), "{said}");
}

#[tokio::test]
async fn only_what_a_node_exports_is_asked_for() {
    let exported = exported().await;
    let mut known = names(&exported);
    // Prometheus says it of each target.
    known.insert("up".to_owned());
    known.extend(rules::all().iter().filter(|rule| !rule.is_alert()).map(|rule| rule.name().to_owned()));
    let mut wrong = Vec::new();
    for (place, query) in queries() {
        let unknown = promql::metrics(&query).into_iter().filter(|name| !known.contains(name));
        wrong.extend(unknown.map(|name| format!("{place} asks for {name}")));
    }
    assert!(wrong.is_empty(), "no node exports these, and no rule records them:\n{}", wrong.join("\n"));
}

/// An alert on a label that never comes is silent for ever.
#[tokio::test]
async fn only_labels_that_a_node_exports_are_asked_for() {
    let exported = exported().await;
    let mut wrong = Vec::new();
    for (place, query) in queries() {
        for [metric, label, value] in promql::labels(&query) {
            // These two come from Prometheus.
            let is_ours = !["job", "instance"].contains(&label.as_str());
            let is_there = |line: &str| line.starts_with(&metric) && line.contains(&format!("{label}=\"{value}\""));
            if is_ours && !exported.lines().any(is_there) {
                wrong.push(format!("{place} asks for {metric}{{{label}=\"{value}\"}}"));
            }
        }
    }
    assert!(wrong.is_empty(), "no node exports these:\n{}", wrong.join("\n"));
}

#[test]
fn each_query_of_board_and_runbook_parses() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("queries.yml");
    let mut text = "groups:\n  - name: queries\n    rules:\n".to_owned();
    let queries = board::queries().into_iter().chain(runbook::queries());
    for (n, (_, query)) in queries.enumerate() {
        // A string of JSON is one of YAML.
        text += &format!("      - record: query:{n}\n        expr: {}\n", serde_json::Value::from(query));
    }
    fs::write(&file, text).expect("it can be written");
    promtool::run(&["check", "rules", &file.to_string_lossy()], "");
}

#[test]
fn promtool_takes_the_configuration() {
    promtool::run(&["check", "config", "prometheus.yml"], "");
}

#[test]
fn promtool_takes_the_rules_and_finds_as_many() {
    for file in rules::FILES {
        let said = promtool::run(&["check", "rules", file], "");
        let count = rules::of(file).len();
        assert!(said.contains(&format!("SUCCESS: {count} rules found")), "{file} has {count} rules for us:\n{said}");
    }
}

#[test]
fn faults_fire_alerts_and_harmless_things_do_not() {
    let mut line = vec!["test", "rules"];
    let tests = files(&format!("{PLACE}/rules/tests"), ".yml");
    let tests: Vec<String> = tests.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    line.extend(tests.iter().map(String::as_str));
    promtool::run(&line, "");
}

#[test]
fn each_alert_is_tested_both_ways() {
    let tested = rules::tested();
    let ways = |name: &str| [true, false].map(|fires| tested.contains(&(name.to_owned(), fires)));
    let lacks: Vec<_> =
        rules::alerts().iter().map(|rule| rule.name().to_owned()).filter(|name| ways(name) != [true, true]).collect();
    assert!(lacks.is_empty(), "these need a test that fires them and one that does not: {lacks:?}");
}

#[test]
fn each_alert_has_an_entry_in_the_runbook() {
    let alerts: Vec<String> = rules::alerts().iter().map(|rule| rule.name().to_owned()).collect();
    assert!(alerts.len() > 40, "the rules are read");
    assert_eq!(alerts, runbook::entries(), "alerts, and the runbook's headings: the same names in the same order");
}

#[test]
fn each_alert_says_what_it_is_and_where_to_read_on() {
    let sound = |rule: &Rule| {
        let page = format!("/{PLACE}/runbook.md#{}", rule.name().to_lowercase());
        let told = ["summary", "description"].iter().all(|key| !rule.get(key).is_empty());
        told && ["page", "ticket"].contains(&rule.get("severity")) && rule.get("runbook_url").ends_with(&page)
    };
    let wrong: Vec<_> = rules::alerts().into_iter().filter(|rule| !sound(rule)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
