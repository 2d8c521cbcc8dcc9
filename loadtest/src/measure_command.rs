//! `loadtest run`: measures, prints a table of medians, and writes `report.json` and `report.html`.

use clap::Args;
use loadtest::campaign::Campaign;
use loadtest::report::{Report, growth, page, table};
use loadtest::scenario;
use loadtest::target::Target;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a run that was interrupted.
const INTERRUPTED: u8 = 130;

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Scenarios: names from loadtest/scenarios, or of a folder there, or paths of files; all that lie in loadtest/scenarios itself when none is given
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
        Ok((report, end)) => {
            print(&report);
            match end {
                End::Whole => ExitCode::from(u8::from(!report.is_good())),
                End::Interrupted => ExitCode::from(INTERRUPTED),
            }
        }
        Err(error) => super::failed(&error),
    }
}

/// How a run ended.
enum End {
    Whole,
    Interrupted,
}

async fn measure(flags: Flags) -> Result<(Report, End), String> {
    let scenarios = scenario::find(&flags.scenarios)?;
    let campaign = Campaign::new(scenarios, flags.targets, flags.rounds.into())?;
    let signals = |kind| signal(kind).map_err(|e| format!("signals cannot be heard: {e}"));
    let (mut interrupt, mut terminate) = (signals(SignalKind::interrupt())?, signals(SignalKind::terminate())?);
    // Before an hour of measuring rather than after it.
    std::fs::create_dir_all(&flags.out).map_err(|e| format!("{}: {e}", flags.out.display()))?;
    let json = flags.out.join("report.json");
    let mut report = Report { began: now(), command: command(), ..Report::default() };
    let keep = |report: &Report| {
        // The next part, or the end, tries again.
        if let Err(error) = write_json(&json, report) {
            progress(&error);
        }
    };
    let end = tokio::select! {
        ran = campaign.run(&mut report, progress, keep) => ran.map(|()| End::Whole)?,
        _ = interrupt.recv() => End::Interrupted,
        _ = terminate.recv() => End::Interrupted,
    };
    if matches!(end, End::Interrupted) {
        progress(&format!("interrupted: the report has the {} parts that were measured", report.measured.len()));
    }
    if !report.measured.is_empty() {
        write_json(&json, &report)?;
        let html = flags.out.join("report.html");
        write(&html, &page::page(&report))?;
        progress(&format!("written: {}, {}", json.display(), html.display()));
    }
    Ok((report, end))
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

/// Writes the report beside its place first, so that there is a whole one at any time.
fn write_json(path: &Path, report: &Report) -> Result<(), String> {
    let text = serde_json::to_string_pretty(report).map_err(|e| e.to_string())?;
    let beside = path.with_extension("json.new");
    write(&beside, &text)?;
    std::fs::rename(&beside, path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[expect(clippy::print_stderr, reason = "progress is for whoever waits, not for who reads the result")]
fn progress(line: &str) {
    eprintln!("{line}");
}

#[expect(clippy::print_stdout, reason = "the table is this command's result")]
fn print(report: &Report) {
    for scenario in report.done() {
        println!("\n{}\n\n{}", scenario.title, table::table(report, &scenario.name));
        report.remarks(&scenario.name).iter().for_each(|remark| println!("{remark}"));
    }
    for group in growth::groups(report) {
        for (target, table) in growth::tables(report, group) {
            println!("\n{group}, {target}: CPU of a core and memory of all nodes\n\n{table}");
        }
    }
}
