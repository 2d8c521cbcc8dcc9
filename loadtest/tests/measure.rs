//! The program for real: the floor and tiny scenarios, and a node; and a relay that loses something.

use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::measure::crowd::Ground;
use loadtest::measure::figures::Outcome;
use loadtest::measure::place::Dialect;
use loadtest::measure::steady::{self, Acts};
use loadtest::scenario::{Rooms, Steady};
use loadtest::target::probe::Probe;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::task::LocalSet;
use tokio_tungstenite::tungstenite::Message;

const ROOMS: &str =
    "title = \"Tiny\"\nabout = \"Two seconds.\"\n[rooms]\ncount = 2\nclients = 4\nsenders = 2\nobjects = 10\n[load]\n";
const MOVES: &str = "kind = \"moves\"\nrate = 20.0\nwarmup = 0.5\nseconds = 2.0\n";
const USERS: &str = "kind = \"users\"\nrate = 20.0\nwarmup = 0.5\nseconds = 2.0\n";
const JOINS: &str = "kind = \"joins\"\none_by_one = 3\nat_once = 4\nreconnecting = 5\nmissed = 10\ncold = 2\n";
/// Moves that are due in the two seconds: 4 senders, 20 a second.
const DUE: u64 = 160;

/// The server's program: the one that `COLLAB_BIN` names, or the one beside ours. `cargo test --workspace` builds it; `cargo test -p loadtest` does not, so
/// it is built here when it is not there.
fn node() -> PathBuf {
    if let Some(named) = std::env::var_os("COLLAB_BIN") {
        return PathBuf::from(named);
    }
    let beside = Path::new(env!("CARGO_BIN_EXE_loadtest")).with_file_name("collabcanvas");
    if !beside.exists() {
        let profile = beside.parent().and_then(Path::file_name).expect("a profile's folder").to_string_lossy();
        let profile = if profile == "debug" { "dev" } else { &profile };
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "collabcanvas", "--bin", "collabcanvas", "--profile", profile]);
        assert!(cargo.status().expect("cargo can be started").success(), "the node cannot be built");
    }
    assert!(beside.exists(), "{} was not built: name the node in COLLAB_BIN", beside.display());
    beside
}

/// Runs tiny scenarios with these loads: the table, the report, the page.
fn run(targets: &str, loads: &[&str]) -> (String, serde_json::Value, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.arg("run");
    for (number, load) in loads.iter().enumerate() {
        let scenario = directory.path().join(format!("tiny-{number}.toml"));
        std::fs::write(&scenario, format!("{ROOMS}{load}")).expect("it can be written");
        command.arg(scenario);
    }
    if targets != "floor" {
        command.env("COLLAB_BIN", node());
    }
    command.args(["--rounds", "1", "--targets", targets, "--out"]).arg(directory.path());
    let output = command.output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
    let read = |name: &str| std::fs::read_to_string(directory.path().join(name)).expect("it was written");
    let report = serde_json::from_str(&read("report.json")).expect("it is JSON");
    (String::from_utf8_lossy(&output.stdout).into_owned(), report, read("report.html"))
}

fn is_sound(measured: &serde_json::Value) {
    let outcome = &measured["outcome"];
    // What was due while it counted has been sent and has arrived, each at three others, when the run is over; when it was sent is up to the machine.
    assert_eq!(outcome["delivery"]["count"].as_u64(), Some(DUE * 3));
    assert!(outcome["sent"].as_u64() > Some(0) && outcome["deliveries"].as_u64() > Some(0));
    assert!(outcome["delivery"]["p50"].as_f64() > Some(0.0));
    assert_eq!(outcome["verdict"]["reason"], "");
    assert!(outcome["used"][0]["samples"].as_array().is_some_and(|samples| samples.len() >= 4));
}

#[test]
fn the_floor_passes_everything_on() {
    let (table, report, page) = run("floor", &[MOVES]);
    assert!(table.contains(" floor |") && page.contains("<svg"), "{table}");
    is_sound(&report["measured"][0]);
}

#[test]
fn a_node_is_compared_with_the_floor() {
    let (table, report, _) = run("floor,embedded", &[MOVES]);
    let measured = report["measured"].as_array().expect("a list");
    assert_eq!(measured.len(), 2, "{table}");
    measured.iter().for_each(is_sound);
    let (ack, saved) = (&measured[1]["outcome"]["ack"]["count"], &measured[1]["outcome"]["saved"]["count"]);
    assert_eq!((ack.as_u64(), saved.as_u64()), (Some(DUE), Some(DUE)));
    assert!(table.contains(" embedded |"), "{table}");
}

#[test]
fn clients_come_through_a_balancer_to_both_nodes() {
    let (table, report, _) = run("balanced", &[MOVES]);
    is_sound(&report["measured"][0]);
    let used = report["measured"][0]["outcome"]["used"].as_array().expect("a list");
    let names: Vec<_> = used.iter().filter_map(|process| process["name"].as_str()).collect();
    assert_eq!(names, ["node 1", "node 2", "haproxy", "redis", "postgres"], "{table}");
    assert!(report["facts"]["haproxy"].as_str().is_some_and(|version| version.contains("HAProxy")), "{report}");
    // Commits went from node to node: both had clients.
    assert!(report["measured"][0]["outcome"]["more"]["publish → receipt p95 ms"].as_f64() > Some(0.0), "{table}");
}

#[test]
fn who_comes_to_a_node_gets_everything() {
    let (table, report, _) = run("embedded", &[USERS, JOINS]);
    let more = |n: usize, name: &str| report["measured"][n]["outcome"]["more"][name].as_f64();
    assert!(more(0, "visit p50 ms") > Some(0.0), "{table}");
    for name in ["join p50 ms", "at once p50 ms", "reconnect all ms", "cold p50 ms"] {
        assert!(more(1, name) > Some(0.0), "{name}: {table}");
    }
    assert_eq!(more(1, "reconnect by snapshot"), Some(0.0), "ten moves are no reason for one");
    let checked = report["measured"][1]["outcome"]["verdict"]["checked"].as_str().expect("a sentence");
    assert!(checked.contains("of 14 joins, 2 of them the first after a restart"), "{checked}");
}

#[test]
fn what_cannot_be_run_is_said() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(["run", "no-such"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("scenario no-such") && said.contains("hot-room"), "{said}");
}

/// Those who are there, and how many messages have come.
type There = Rc<RefCell<(Vec<UnboundedSender<Message>>, usize)>>;

/// A relay like the floor, for one room, which passes on all but every message whose number `drops` says.
async fn relay(listener: TcpListener, drops: fn(usize) -> bool) {
    let there = There::default();
    while let Ok((stream, _)) = listener.accept().await {
        let there = there.clone();
        tokio::task::spawn_local(async move {
            let socket = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
            let (mut out, mut heard) = socket.split();
            let (queue, mut waiting) = mpsc::unbounded_channel::<Message>();
            let own = there.borrow().0.len();
            there.borrow_mut().0.push(queue);
            tokio::task::spawn_local(async move {
                while let Some(message) = waiting.recv().await {
                    // Who has gone misses nothing.
                    let _ = out.send(message).await;
                }
            });
            while let Some(Ok(message @ Message::Binary(_))) = heard.next().await {
                there.borrow_mut().1 += 1;
                let (all, number) = &*there.borrow();
                for (_, other) in all.iter().enumerate().filter(|(n, _)| *n != own && !drops(*number)) {
                    let _ = other.send(message.clone());
                }
            }
        });
    }
}

/// What a run on such a relay finds: 2 of 4 clients send for 1.1 s, 100 times a second.
async fn measured(acts: Acts, drops: fn(usize) -> bool) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("it listens"));
    let serving = tokio::task::spawn_local(relay(listener, drops));
    let rooms = Rooms { count: 1, clients: 4, senders: 2, objects: 1 };
    let load = Steady { rate: 100.0, warmup: 0.1, seconds: 1.0, hands: false };
    let ground = Ground { urls: vec![url], dialect: Dialect::Floor };
    let outcome = steady::run(rooms, load, acts, &ground, &mut Probe::default()).await.expect("it runs");
    serving.abort();
    outcome
}

#[tokio::test]
async fn a_relay_that_drops_every_hundredth_message_fails() {
    let never = |_: usize| false;
    let hundredth = |number: usize| number.is_multiple_of(100);
    let all = async {
        tokio::join!(measured(Acts::Moves, never), measured(Acts::Moves, hundredth), measured(Acts::Cursors, hundredth))
    };
    let (good, moves, cursors) = LocalSet::new().run_until(all).await;
    assert!(good.verdict.is_good() && good.delivery.count == 600, "{}", good.verdict);
    // Of 220 messages the 100th and the 200th, each at three others.
    for bad in [moves, cursors] {
        assert!(!bad.verdict.is_good() && bad.verdict.lost == 6, "{}", bad.verdict);
    }
}
