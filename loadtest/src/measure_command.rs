//! `loadtest run`: measures, prints a table of medians, and writes `report.json` and `report.html`.

use clap::Args;
use loadtest::campaign::{self, Campaign};
use loadtest::report::{Report, page, table};
use loadtest::scenario::{self, Scenario};
use loadtest::target::Target;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Scenarios: names from loadtest/scenarios, or paths of files; all of them when none is given
    scenarios: Vec<String>,
    /// How often each is run on each target, in turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    rounds: u8,
    /// What is measured
    #[arg(long, value_delimiter = ',', default_value = "floor,embedded,cluster", value_parser = Target::named)]
    targets: Vec<Target>,
    /// Where report.json and report.html go
    #[arg(long, default_value = "target/loadtest")]
    out: PathBuf,
}

/// Runs; the exit code says whether nothing was lost.
pub(crate) async fn run(flags: Flags) -> ExitCode {
    match measure(flags).await {
        Ok(report) => {
            print(&report);
            ExitCode::from(u8::from(!report.is_good()))
        }
        Err(error) => super::failed(&error),
    }
}

async fn measure(flags: Flags) -> Result<Report, String> {
    let names = if flags.scenarios.is_empty() { scenario::all() } else { flags.scenarios };
    let scenarios: Result<Vec<_>, _> = names.iter().map(|name| Scenario::load(name)).collect();
    // Before an hour of measuring rather than after it.
    std::fs::create_dir_all(&flags.out).map_err(|e| format!("{}: {e}", flags.out.display()))?;
    let campaign = Campaign {
        scenarios: scenarios.map_err(|e| e.to_string())?,
        targets: flags.targets,
        rounds: flags.rounds.into(),
        command: command(),
        began: now(),
    };
    let report = campaign::run(campaign, progress).await?;
    let json = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())?;
    write(&flags.out.join("report.json"), &json)?;
    write(&flags.out.join("report.html"), &page::page(&report))?;
    Ok(report)
}

/// The command line, with the program's name instead of its place.
fn command() -> String {
    std::iter::once("loadtest".to_owned()).chain(std::env::args().skip(1)).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::disallowed_methods, reason = "the date of a report, read once")]
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    progress(&format!("written: {}", path.display()));
    Ok(())
}

#[expect(clippy::print_stderr, reason = "progress is for whoever waits, not for who reads the result")]
fn progress(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the table is this command's result")]
fn print(report: &Report) {
    for scenario in &report.scenarios {
        println!("\n{}\n\n{}", scenario.title, table::table(report, &scenario.name));
    }
    for measured in report.measured.iter().filter(|measured| !measured.outcome.verdict.is_good()) {
        println!("{}, {}, round {}: {}", measured.scenario, measured.target, measured.round, measured.outcome.verdict);
    }
}
