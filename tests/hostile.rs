//! Hostile load while a hundred honest people work: do they notice? Measured, so it has the machine for itself: `make hostile`.
//!
//! The server has core 0. Honest clients have core 1, and the attackers, a process of their own at a lower priority, take what is left of it. Quiet
//! and hostile times take turns.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "hostile/attack.rs"]
mod attack;
#[path = "hostile/honest.rs"]
mod honest;

use honest::Honest;
use std::process::{Child, Command};
use std::time::Duration;
use support::peers::Node;

/// Rounds of one quiet and one hostile time.
const ROUNDS: usize = 3;
const QUIET: Duration = Duration::from_secs(10);
const HOSTILE: Duration = Duration::from_secs(20);
/// Memory that the server may have at worst, in MiB: 5,000 connections, each with what it sent last, and the people's projects.
const MEMORY_MIB: u64 = 512;

/// What must have been withstood in all rounds, by the node's own count, else nothing was shown.
const WITHSTOOD: &[(&str, u64)] = &[
    ("collab_closes_total{reason=\"malformed\"}", 30_000),
    ("collab_closes_total{reason=\"frame_too_large\"}", 100),
    ("collab_limits_hit_total{limit=\"connections_per_ip\"}", 10_000),
    ("collab_limits_hit_total{limit=\"presence\"}", 100),
];

/// What the attackers' process is told.
const TARGET: &str = "HOSTILE_TARGET";

#[test]
#[ignore = "what `make hostile` starts beside the server"]
fn attackers() {
    let target = std::env::var(TARGET).expect("the address of the server");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(attack::all(&target));
}

fn attackers_of(node: &Node) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new("nice");
    command.args(["-n", "15"]).arg(program).args(["attackers", "--exact", "--ignored", "--nocapture"]);
    command.env(TARGET, node.server.address()).spawn().expect("nice is there")
}

/// The most memory that the server has had, in MiB.
fn peak(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.server.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

fn counted(metrics: &str, what: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
}

fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    values[values.len() / 2]
}

#[expect(clippy::print_stdout, reason = "the figures are the result")]
#[test]
#[ignore = "measures for two minutes: make hostile"]
fn honest_people_do_not_notice_hostile_load() {
    let node = Node::with(|setup| setup.with("COLLAB_LOG", "error"));
    let pinned = Command::new("taskset").args(["-a", "-p", "-c", "0", &node.server.pid().to_string()]).output();
    assert!(pinned.is_ok_and(|output| output.status.success()), "taskset is there");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut honest = Honest::join(&node).await;
        honest.work(Duration::from_secs(2)).await;
        let (mut quiet, mut hostile) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            let alone = honest.work(QUIET).await;
            let mut attackers = attackers_of(&node);
            honest.work(Duration::from_secs(3)).await;
            let beside = honest.work(HOSTILE).await;
            attackers.kill().expect("it is ours to kill");
            attackers.wait().expect("it is ours to wait for");
            println!("round {round}: quiet p95 {:.1?}, hostile p95 {:.1?}, peak {} MiB", alone, beside, peak(&node));
            quiet.push(alone);
            hostile.push(beside);
            honest.work(Duration::from_secs(3)).await;
        }
        let (quiet, hostile) = (median(quiet), median(hostile));
        println!("medians: ack p95 quiet {quiet:.1?}, hostile {hostile:.1?}; peak memory {} MiB", peak(&node));
        honest.are_all_there();
        let (_, metrics) = support::http::get(&node.server.admin, "/metrics").await;
        metrics
            .lines()
            .filter(|line| line.starts_with("collab_limits_hit") && !line.ends_with(" 0"))
            .for_each(|line| println!("{line}"));
        for (what, least) in WITHSTOOD {
            let count = counted(&metrics, what);
            println!("{what}: {count}");
            assert!(count >= *least, "the attack was not what it should be");
        }
        assert!(peak(&node) < MEMORY_MIB, "memory is bounded");
        assert!(hostile <= quiet.mul_f64(1.2), "honest people wait for more than a fifth longer");
    });
}
