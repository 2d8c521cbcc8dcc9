//! The board: what its panels ask for, and how they lie.

use super::read;
use serde_json::Value;
use std::collections::BTreeSet;

/// What Grafana would put in the place of its variables; longer names first.
const VARIABLES: [(&str, &str); 3] = [("$__rate_interval", "5m"), ("$__range", "1h"), ("$instance", ".*")];

fn board() -> Value {
    serde_json::from_str(&read("grafana/dashboards/collabcanvas.json")).expect("the board is JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// All panels, rows included and those that lie in folded ones.
fn panels() -> Vec<Value> {
    let board = board();
    list(&board, "panels").iter().flat_map(|panel| [panel].into_iter().chain(list(panel, "panels"))).cloned().collect()
}

/// Its queries as Prometheus gets them, each with the title of its panel or mark.
pub(crate) fn queries() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for panel in panels() {
        let queries = list(&panel, "targets").iter().map(|target| text(target, "expr").to_owned());
        found.extend(queries.map(|query| (text(&panel, "title").to_owned(), query)));
    }
    let marks = list(&board()["annotations"], "list").to_vec();
    found.extend(marks.iter().map(|mark| (text(mark, "name").to_owned(), text(mark, "expr").to_owned())));
    for (title, query) in &mut found {
        *query = VARIABLES.iter().fold(query.clone(), |query, (name, value)| query.replace(name, value));
        assert!(!query.is_empty() && !query.contains('$'), "{title}: {query}");
    }
    assert!(found.len() > 50, "the board is read");
    found
}

#[test]
fn each_panel_has_a_title_a_unit_and_something_to_show() {
    let mut ids = BTreeSet::new();
    for panel in panels() {
        let title = text(&panel, "title");
        assert!(!title.is_empty(), "{panel}");
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{title}: another panel has its id");
        if text(&panel, "type") != "row" {
            assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title} has no unit");
            assert!(!text(&panel, "description").is_empty(), "{title} does not say what it shows");
            assert!(!list(&panel, "targets").is_empty(), "{title} asks for nothing");
            assert_eq!(text(&panel["datasource"], "uid"), "${datasource}", "{title} is bound to one Prometheus");
        }
    }
}

/// Every field of the grid that a panel covers.
fn covers(panel: &Value) -> Vec<(u64, u64)> {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a number"));
    assert!(w > 0 && h > 0 && x + w <= 24, "{} is not within the 24 columns", text(panel, "title"));
    (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))).collect()
}

#[test]
fn no_panel_covers_another() {
    let mut taken = BTreeSet::new();
    for panel in list(&board(), "panels") {
        for field in covers(panel) {
            assert!(taken.insert(field), "{} lies on another panel at {field:?}", text(panel, "title"));
        }
    }
}
