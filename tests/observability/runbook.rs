//! The runbook: an entry for each alert, and what it tells to look at.

use super::{files, read};
use std::fs;

/// The names of its entries, in their order.
pub(crate) fn entries() -> Vec<String> {
    read("runbook.md").lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect()
}

/// What lines of this kind tell to look at, each with the entry that it is of.
fn told(kind: &str) -> Vec<(String, String)> {
    let text = read("runbook.md");
    let head = format!("- {kind}: `");
    let mut entry = "";
    let mut found = Vec::new();
    for line in text.lines() {
        entry = line.strip_prefix("### ").unwrap_or(entry);
        let what = line.strip_prefix(&head).and_then(|rest| rest.split('`').next());
        found.extend(what.map(|what| (entry.to_owned(), what.to_owned())));
    }
    found
}

/// Its queries, each with the entry that it is of.
pub(crate) fn queries() -> Vec<(String, String)> {
    told("query")
}

#[test]
fn each_log_line_of_the_runbook_is_one_that_a_node_writes() {
    let sources = files("src", ".rs");
    let code: String = sources.iter().map(|path| fs::read_to_string(path).expect("it can be read")).collect();
    let lines = told("log");
    assert!(lines.len() > 30, "the runbook is read");
    let wrong: Vec<_> = lines.iter().filter(|(_, line)| !code.contains(line.as_str())).collect();
    assert!(wrong.is_empty(), "nothing in src says this: {wrong:#?}");
}

#[test]
fn each_entry_says_what_to_look_at_and_what_to_do() {
    let text = read("runbook.md");
    let entries: Vec<&str> = text.split("\n### ").skip(1).collect();
    let is_whole = |entry: &str| {
        let look = entry.find("\nLook at:\n\n- ");
        let act = entry.find("\nDo:\n\n1. ");
        matches!((look, act), (Some(look), Some(act)) if look < act)
    };
    let wrong: Vec<_> =
        entries.iter().filter(|entry| !is_whole(entry)).filter_map(|entry| entry.lines().next()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Entries point to each other by their names.
#[test]
fn links_within_the_runbook_lead_somewhere() {
    let text = read("runbook.md");
    let anchors: Vec<String> = entries().iter().map(|name| name.to_lowercase()).collect();
    let targets = text.split("](#").skip(1).filter_map(|rest| rest.split(')').next());
    let wrong: Vec<_> = targets.filter(|target| !anchors.iter().any(|anchor| anchor == target)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
