//! A whole run: scenarios on targets, in turn, for several rounds. One at a time has the machine.

use crate::machine;
use crate::measure::figures::Outcome;
use crate::measure::steady::{self, Acts};
use crate::measure::{idle, joins, ramp};
use crate::report::{Measured, Report};
use crate::scenario::{Load, Scenario};
use crate::target::Target;
use tokio::task::LocalSet;

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Which scenarios, one after another.
    pub scenarios: Vec<Scenario>,
    /// On what, in turn.
    pub targets: Vec<Target>,
    /// How often.
    pub rounds: usize,
    /// The command line, for the report.
    pub command: String,
    /// When it begins, in ms since 1970, for the report.
    pub began: u64,
}

/// Runs all of it. `progress` hears a line before and after each part.
///
/// # Errors
/// A sentence, when something could not be started or a client could not get in.
pub async fn run(campaign: Campaign, progress: impl Fn(&str)) -> Result<Report, String> {
    machine::open_many_files();
    let machine = describe();
    progress(&machine);
    let targets = |scenario: &Scenario| -> Vec<Target> {
        campaign.targets.iter().copied().filter(|target| scenario.is_for(target.name())).collect()
    };
    let parts = campaign.rounds * campaign.scenarios.iter().map(|scenario| targets(scenario).len()).sum::<usize>();
    // What cannot be started is better known before an hour of measuring than after it.
    for target in &campaign.targets {
        drop(target.start().await?);
    }
    let mut measured: Vec<Measured> = Vec::new();
    for scenario in &campaign.scenarios {
        for round in 1..=campaign.rounds {
            for target in targets(scenario) {
                let part =
                    format!("[{}/{parts}] {}, round {round}, {}", measured.len() + 1, scenario.name, target.name());
                progress(&format!("{part} …"));
                let outcome = LocalSet::new().run_until(one(scenario, target)).await;
                let outcome = outcome.map_err(|e| format!("{part}: {e}"))?;
                progress(&format!("{part}: {}", in_short(&outcome)));
                let (scenario, target) = (scenario.name.clone(), target.name().to_owned());
                measured.push(Measured { scenario, target, round, outcome });
            }
        }
    }
    let Campaign { scenarios, command, began, .. } = campaign;
    Ok(Report { began, machine, command, scenarios, measured })
}

/// One scenario on one target that is started for it.
async fn one(scenario: &Scenario, target: Target) -> Result<Outcome, String> {
    let mut running = target.start().await?;
    let mut probe = running.probe();
    let rooms = scenario.rooms;
    match scenario.load {
        Load::Moves(load) => steady::run(rooms, load, Acts::Moves, &running.ground, &mut probe).await,
        Load::Users(load) => steady::run(rooms, load, Acts::Users, &running.ground, &mut probe).await,
        Load::Cursors(load) => steady::run(rooms, load, Acts::Cursors, &running.ground, &mut probe).await,
        Load::Saturation(load) => ramp::run(rooms, load, &running.ground, &mut probe).await,
        Load::Idle(load) => idle::run(rooms, load, &running.ground, &mut probe).await,
        Load::Joins(load) => joins::run(rooms, load, &mut running, &mut probe).await,
    }
}

fn in_short(outcome: &Outcome) -> String {
    let cpu = outcome.cpu_per_delivery().map_or_else(String::new, |cpu| format!("{cpu:.2} µs/delivery, "));
    let (p50, p99) = (outcome.delivery.p50, outcome.delivery.p99);
    let more = outcome.more.iter().map(|(name, value)| format!("{name} {value:.2}, "));
    format!(
        "{:.0} deliveries/s, {cpu}p50 {p50:.2} ms, p99 {p99:.2} ms, {}generator {:.0} %, {}",
        outcome.rate(),
        more.collect::<String>(),
        outcome.generator,
        outcome.verdict
    )
}

/// What the machine is, and whether everything has a core of its own.
fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown CPU", |(_, name)| name.trim());
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_ascii_whitespace().next().unwrap_or("unknown");
    let pinned = machine::pin(machine::SERVERS).and_then(|()| machine::pin(machine::GENERATOR));
    let pinned = match pinned {
        Ok(()) => format!("servers on core {}, generator on core {}", machine::SERVERS, machine::GENERATOR),
        Err(error) => format!("NOT PINNED ({error}): servers and generator share cores, so figures say little"),
    };
    let build = if cfg!(debug_assertions) { ", DEBUG BUILD of the load test: figures say nothing" } else { "" };
    format!("{model}, {cores} cores, load average at the start {load}; {pinned}{build}")
}
