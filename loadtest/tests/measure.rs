//! The program for real: the floor and a tiny scenario, and a node when its program is beside ours.

use std::path::Path;
use std::process::Command;

const TINY: &str = "title = \"Tiny\"\nabout = \"Two seconds.\"\n[rooms]\ncount = 2\nclients = 4\nsenders = 2\nobjects = 10\n\
                    [load]\nkind = \"moves\"\nrate = 20.0\nwarmup = 0.5\nseconds = 2.0\n";

fn run(targets: &str) -> (String, serde_json::Value, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let scenario = directory.path().join("tiny.toml");
    std::fs::write(&scenario, TINY).expect("it can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", &scenario.display().to_string(), "--rounds", "1", "--targets", targets, "--out"])
        .arg(directory.path())
        .output()
        .expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("it was written");
    let report = serde_json::from_str(&read("report.json")).expect("it is JSON");
    (String::from_utf8_lossy(&output.stdout).into_owned(), report, read("report.html"))
}

fn is_sound(measured: &serde_json::Value) {
    let outcome = &measured["outcome"];
    let (sent, deliveries) =
        (outcome["sent"].as_u64().expect("a count"), outcome["deliveries"].as_u64().expect("a count"));
    // 4 senders of 20 a second for 2 s; at the edges of the time that counts some are under way.
    assert!((150..=170).contains(&sent), "{sent} were sent");
    assert!((sent * 3).abs_diff(deliveries) < 30, "{deliveries} deliveries of {sent}");
    assert!(outcome["delivery"]["count"].as_u64() >= Some(sent * 3 - 30), "{}", outcome["delivery"]["count"]);
    assert!(outcome["delivery"]["p50"].as_f64() > Some(0.0));
    assert_eq!(outcome["verdict"]["reason"], "");
    assert!(outcome["used"][0]["samples"].as_array().is_some_and(|samples| samples.len() >= 4));
}

#[test]
fn the_floor_passes_everything_on() {
    let (table, report, page) = run("floor");
    assert!(table.contains(" floor |") && page.contains("<svg"), "{table}");
    is_sound(&report["measured"][0]);
}

#[test]
fn a_node_is_compared_with_the_floor() {
    let beside = Path::new(env!("CARGO_BIN_EXE_loadtest")).with_file_name("collabcanvas");
    if !beside.exists() && std::env::var_os("COLLAB_BIN").is_none() {
        // `cargo test -p loadtest` builds no node; `cargo test --workspace` does.
        return;
    }
    let (table, report, _) = run("floor,embedded");
    let measured = report["measured"].as_array().expect("a list");
    assert_eq!(measured.len(), 2, "{table}");
    measured.iter().for_each(is_sound);
    assert!(table.contains(" embedded |"), "{table}");
}

#[test]
fn what_cannot_be_run_is_said() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(["run", "no-such"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("scenario no-such") && said.contains("hot-room"), "{said}");
}
