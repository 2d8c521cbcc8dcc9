//! The rules, read line by line as they are written here: a rule begins with a dash, and each key has a line. promtool reads them as YAML and must find as
//! many.

use super::{PLACE, files, read};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Where they are.
pub(crate) const FILES: [&str; 2] = ["rules/recording.yml", "rules/alerts.yml"];

/// What stands behind the keys of a rule, those of its labels and annotations included.
#[derive(Debug, Default)]
pub(crate) struct Rule(BTreeMap<String, String>);

impl Rule {
    /// What stands behind a key; nothing when it is not there.
    pub(crate) fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    pub(crate) fn is_alert(&self) -> bool {
        self.0.contains_key("alert")
    }

    pub(crate) fn name(&self) -> &str {
        self.get(if self.is_alert() { "alert" } else { "record" })
    }
}

/// Those of a file.
pub(crate) fn of(file: &str) -> Vec<Rule> {
    let text = read(file);
    let mut rules: Vec<Rule> = Vec::new();
    // The key whose value is the deeper lines that follow, and how deep it is itself.
    let mut block: Option<(&str, usize)> = None;
    for line in text.lines() {
        let code = line.trim_start();
        let depth = line.len() - code.len();
        if code.starts_with("- alert: ") || code.starts_with("- record: ") {
            rules.push(Rule::default());
        }
        let Some(rule) = rules.last_mut() else { continue };
        match block {
            Some((key, outer)) if depth > outer => {
                let value = rule.0.entry(key.to_owned()).or_default();
                value.push_str(code);
                value.push('\n');
            }
            _ => {
                let Some((key, value)) = code.trim_start_matches("- ").split_once(": ") else { continue };
                block = (value == "|").then_some((key, depth));
                if block.is_none() {
                    rule.0.insert(key.to_owned(), value.trim_matches('\'').to_owned());
                }
            }
        }
    }
    rules
}

/// All of them.
pub(crate) fn all() -> Vec<Rule> {
    FILES.iter().flat_map(|file| of(file)).collect()
}

/// Those that call somebody.
pub(crate) fn alerts() -> Vec<Rule> {
    all().into_iter().filter(Rule::is_alert).collect()
}

/// Which alerts the tests of rules expect to fire (`true`), and which not.
pub(crate) fn tested() -> BTreeSet<(String, bool)> {
    let mut found = BTreeSet::new();
    for file in files(&format!("{PLACE}/rules/tests"), ".yml") {
        let text = fs::read_to_string(&file).expect("it can be read");
        let mut alert = "";
        for line in text.lines().map(str::trim_start) {
            alert = line.strip_prefix("- alertname: ").unwrap_or(alert);
            if line.starts_with("exp_alerts:") {
                found.insert((alert.to_owned(), line == "exp_alerts:"));
            }
        }
    }
    found
}
