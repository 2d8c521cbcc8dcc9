//! A whole run: scenarios on targets, in turn, for several rounds. One at a time has the machine. Linux only.
#![cfg(target_os = "linux")]

use crate::machine;
use crate::measure::figures::Outcome;
use crate::measure::steady::{self, Acts};
use crate::measure::{idle, joins, ramp};
use crate::report::{Measured, Report};
use crate::scenario::{Load, Scenario};
use crate::target::programs::Programs;
use crate::target::{Running, Target};
use std::fmt::Display;
use std::time::Duration;
use tokio::task::LocalSet;

/// Between two words that a part still runs.
const MINUTE: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Debug, Clone)]
pub struct Campaign {
    scenarios: Vec<Scenario>,
    targets: Vec<Target>,
    rounds: usize,
}

impl Campaign {
    /// These scenarios, one after another, each on these targets in turn, so often.
    ///
    /// # Errors
    /// A sentence, when something is there twice, cannot work, or leaves nothing to measure.
    pub fn new(scenarios: Vec<Scenario>, targets: Vec<Target>, rounds: usize) -> Result<Self, String> {
        if let Some(target) = twice(targets.iter().map(|target| target.name())) {
            return Err(format!("the target {target} is named twice"));
        }
        if let Some(name) = twice(scenarios.iter().map(|scenario| scenario.name.as_str())) {
            return Err(format!("there are two scenarios {name}: each needs a name of its own"));
        }
        let campaign = Self { scenarios, targets, rounds };
        if campaign.parts().next().is_none() {
            let targets: Vec<&str> = campaign.targets.iter().map(|target| target.name()).collect();
            return Err(format!("there is nothing to measure: no scenario is for {}", targets.join(", ")));
        }
        let joins =
            campaign.parts().find(|part| part.target == Target::Floor && matches!(part.scenario.load, Load::Joins(_)));
        joins.map_or(Ok(()), |part| {
            let name = &part.scenario.name;
            Err(format!(
                "scenario {name}: a floor has nothing to give to those who join: say `targets = [\"embedded\", \"cluster\"]` in it, or run with --targets \
                 embedded,cluster"
            ))
        })?;
        Ok(campaign)
    }

    /// All parts, in the order in which they are measured: a slow minute of the machine meets all targets.
    fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let rounds = self.scenarios.iter().flat_map(|scenario| (1..=self.rounds).map(move |round| (scenario, round)));
        rounds.flat_map(|(scenario, round)| {
            let targets = self.targets.iter().filter(|target| scenario.is_for(target.name()));
            targets.map(move |target| Part { scenario, round, target: *target })
        })
    }

    /// Runs all of it, and adds what it finds to a report. `progress` hears a line before and after each part and each minute of it, `keep` sees the
    /// report whenever something has come to it. A part that fails is in the report with its reason, and the others go on.
    ///
    /// # Errors
    /// A sentence, when a target cannot be started at all; that is tried before anything is measured.
    pub async fn run(
        &self,
        report: &mut Report,
        progress: impl Fn(&str),
        mut keep: impl FnMut(&Report),
    ) -> Result<(), String> {
        machine::open_many_files();
        report.machine = machine::describe();
        report.scenarios.clone_from(&self.scenarios);
        progress(&report.machine);
        let is_used = |target: &Target| self.parts().any(|part| part.target == *target);
        let targets: Vec<Target> = self.targets.iter().copied().filter(is_used).collect();
        let programs = Programs::copy(&targets)?;
        report.facts = programs.facts(&targets);
        report.facts.iter().for_each(|(name, value)| progress(&format!("{name}: {value}")));
        // What cannot be started is better known before an hour of measuring than after it.
        for target in &targets {
            drop(target.start(&programs).await?);
        }
        let count = self.parts().count();
        for (number, part) in self.parts().enumerate() {
            let name = format!("[{}/{count}] {part}", number + 1);
            progress(&format!("{name} …"));
            let tasks = LocalSet::new();
            let measuring = tasks.run_until(part.measure(&programs, &progress));
            let outcome = each_minute(measuring, |minutes| progress(&format!("{name}: {minutes} min …"))).await;
            let outcome = outcome.unwrap_or_else(broken);
            let measured = Measured::new(&part.scenario.name, part.target.name(), part.round, outcome);
            progress(&format!("{name}: {}", in_short(&measured)));
            report.measured.push(measured);
            keep(report);
        }
        Ok(())
    }
}

/// Waits for something, and says each minute how many have passed.
async fn each_minute<T>(what: impl Future<Output = T>, say: impl Fn(u64)) -> T {
    let mut what = std::pin::pin!(what);
    let mut minutes = 0;
    loop {
        match tokio::time::timeout(MINUTE, &mut what).await {
            Ok(done) => return done,
            Err(_) => minutes += 1,
        }
        say(minutes);
    }
}

/// The first that is there twice.
fn twice<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = Vec::new();
    names.find(|name| {
        let is_there = seen.contains(name);
        seen.push(*name);
        is_there
    })
}

/// One scenario on one target in one round.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    scenario: &'a Scenario,
    round: usize,
    target: Target,
}

impl Display for Part<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, round {}, {}", self.scenario.name, self.round, self.target.name())
    }
}

impl Part<'_> {
    /// Starts the target and measures it.
    async fn measure(&self, programs: &Programs, progress: impl Fn(&str)) -> Result<Outcome, String> {
        let mut running = self.target.start(programs).await?;
        let mut probe = running.probe();
        let (rooms, load) = (self.scenario.rooms, self.scenario.load);
        let measured = match load {
            Load::Moves(load) => steady::run(rooms, load, Acts::Moves, &running.ground, &mut probe).await,
            Load::Users(load) => steady::run(rooms, load, Acts::Users, &running.ground, &mut probe).await,
            Load::Cursors(load) => steady::run(rooms, load, Acts::Cursors, &running.ground, &mut probe).await,
            Load::Saturation(load) => ramp::run(rooms, load, &running.ground, &mut probe).await,
            Load::Idle(load) => idle::run(rooms, load, &running.ground, &mut probe).await,
            Load::Joins(load) => joins::run(rooms, load, &mut running, &mut probe).await,
        };
        let mut outcome = measured.map_err(|why| explained(&mut running, why))?;
        if !outcome.verdict.is_good() {
            outcome.verdict.reason = explained(&mut running, outcome.verdict.reason);
        }
        outcome.more.extend(probe.busy(&outcome.used));
        match probe.counted(&outcome.used).await {
            Ok(counted) => outcome.more.extend(counted),
            Err(why) => progress(&format!("{self}: some figures are missing: {why}")),
        }
        Ok(outcome)
    }
}

/// A reason, and which processes have ended, as that may be the reason of the reason.
fn explained(running: &mut Running, why: String) -> String {
    match running.ended() {
        Some(ended) => format!("{why}; {ended}"),
        None => why,
    }
}

/// What is found when nothing could be measured.
fn broken(why: String) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.verdict.broken = 1;
    outcome.verdict.because(|| why);
    outcome
}

fn in_short(measured: &Measured) -> String {
    let outcome = &measured.outcome;
    if outcome.used.is_empty() && outcome.more.is_empty() {
        return outcome.verdict.to_string();
    }
    let cpu = outcome.cpu_per_delivery().map_or_else(String::new, |cpu| format!("{cpu:.2} µs/delivery, "));
    let (p50, p99) = (outcome.delivery.p50, outcome.delivery.p99);
    let more = outcome.more.iter().map(|(name, value)| format!("{name} {value:.2}, "));
    let doubt = measured.not_valid.as_ref().map_or_else(String::new, |why| format!(", NOT VALID: {why}"));
    format!(
        "{:.0} deliveries/s, {cpu}p50 {p50:.2} ms, p99 {p99:.2} ms, {}generator {:.0} %, {}{doubt}",
        outcome.rate(),
        more.collect::<String>(),
        outcome.generator,
        outcome.verdict
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn scenarios(names: &[&str]) -> Vec<Scenario> {
        names.iter().map(|name| Scenario::load(name).expect("it is there")).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn each_minute_is_said() {
        let said = RefCell::new(Vec::new());
        let part = async {
            tokio::time::sleep(MINUTE * 5 / 2).await;
            "done"
        };
        assert_eq!(each_minute(part, |minutes| said.borrow_mut().push(minutes)).await, "done");
        assert_eq!(said.into_inner(), [1, 2]);
    }

    #[test]
    fn targets_take_turns() {
        let campaign = Campaign::new(scenarios(&["hot-room", "joins-5000"]), vec![Target::Floor, Target::Embedded], 2);
        let campaign = campaign.expect("there is something to measure");
        let parts: Vec<String> = campaign.parts().map(|part| part.to_string()).collect();
        assert_eq!(
            parts,
            [
                "hot-room, round 1, floor",
                "hot-room, round 1, embedded",
                "hot-room, round 2, floor",
                "hot-room, round 2, embedded",
                "joins-5000, round 1, embedded",
                "joins-5000, round 2, embedded"
            ]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |names: &[&str], targets: &[Target]| {
            Campaign::new(scenarios(names), targets.to_vec(), 1).expect_err("it makes no sense")
        };
        assert!(refused(&["joins-5000"], &[Target::Floor]).contains("no scenario is for floor"));
        assert!(refused(&[], &Target::ALL).contains("there is nothing to measure"));
        assert!(refused(&["hot-room"], &[Target::Floor, Target::Floor]).contains("target floor is named twice"));
        assert!(refused(&["hot-room", "hot-room"], &Target::ALL).contains("two scenarios hot-room"));
        let mut joins = scenarios(&["joins-5000"]);
        joins[0].targets.clear();
        assert!(Campaign::new(joins.clone(), vec![Target::Embedded], 1).is_ok());
        let error = Campaign::new(joins, Target::ALL.to_vec(), 1).expect_err("the floor has nothing to give");
        assert!(error.contains("scenario joins-5000: a floor has nothing"), "{error}");
    }
}
