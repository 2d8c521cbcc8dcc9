//! The `collabcanvas` program: reads the configuration, runs a node, stops it; sets up what nodes need; looks at what is stored.

use clap::Parser as _;
use collabcanvas::app::{self, App, Outcome};
use collabcanvas::config::{Cli, Command, Config, DurableArgs, InspectArgs, TokenArgs, VerifyArgs};
use collabcanvas::lifecycle::StopSignals;
use collabcanvas::telemetry::{self, Filter};
use std::process::ExitCode;

/// Threads that read whole projects for a moment leave their memory to others afterwards.
#[cfg(unix)]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let raw = match Cli::parse().command {
        Command::Serve(raw) => raw,
        Command::Setup(durable) => return setup(&durable).await,
        Command::Token(args) => return token(&args),
        Command::Inspect(args) => return inspect(&args).await,
        Command::Verify(args) => return verify(&args).await,
    };
    let config = match raw.check() {
        Ok(config) => config,
        Err(errors) => return fail(&errors),
    };
    let filter = telemetry::log(&config.log);
    config.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    match serve(&config, filter).await {
        Ok(code) => code,
        Err(error) => fail(&*error),
    }
}

async fn serve(config: &Config, filter: Filter) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let metrics = telemetry::record()?;
    tokio::spawn(telemetry::keep_up(metrics.clone()));
    if let Some(traces) = &config.traces {
        telemetry::otlp::start(traces)?;
    }
    let mut app = App::start(config, metrics, filter).await?;
    let mut signals = StopSignals::listen()?;
    announce(&app);
    tokio::select! {
        signal = signals.next() => tracing::info!(signal, "stopping"),
        () = app.failed() => return Ok(ExitCode::FAILURE),
    }
    // A second signal is at once.
    tokio::select! {
        saved = app.stop() => {
            telemetry::otlp::finish().await;
            if !saved {
                tracing::error!("not everything could be saved in time; clients keep what is not saved and send it again");
            }
            Ok(if saved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        signal = signals.next() => {
            tracing::warn!(signal, "stopping at once");
            Ok(ExitCode::FAILURE)
        }
    }
}

#[expect(clippy::print_stdout, reason = "what was done is this program's result")]
async fn setup(durable: &DurableArgs) -> ExitCode {
    let config = match durable.check() {
        Ok(config) => config,
        Err(errors) => return fail(&errors),
    };
    match app::setup(&config, &mut |step| println!("{step}")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stdout, reason = "the token is this program's result")]
fn token(args: &TokenArgs) -> ExitCode {
    let config = match args.check() {
        Ok(config) => config,
        Err(errors) => return fail(&errors),
    };
    match app::token(&config) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error),
    }
}

#[expect(clippy::print_stdout, reason = "what was found is this program's result")]
async fn inspect(args: &InspectArgs) -> ExitCode {
    let config = match args.check() {
        Ok(config) => config,
        Err(errors) => return unreadable(&errors),
    };
    match app::inspect(&config).await {
        Ok((text, readable)) => {
            println!("{}", text.trim_end());
            if readable { ExitCode::SUCCESS } else { ExitCode::from(Outcome::Unreadable as u8) }
        }
        Err(error) => unreadable(&error),
    }
}

#[expect(clippy::print_stdout, reason = "what was found is this program's result")]
async fn verify(args: &VerifyArgs) -> ExitCode {
    let config = match args.check() {
        Ok(config) => config,
        Err(errors) => return unreadable(&errors),
    };
    match app::verify_projects(&config, &mut |line| println!("{line}")).await {
        Ok(outcome) => ExitCode::from(outcome as u8),
        Err(error) => unreadable(&error),
    }
}

/// Nothing could be looked at: not the code that says "different".
fn unreadable(error: &impl std::fmt::Display) -> ExitCode {
    fail(error);
    ExitCode::from(Outcome::Unreadable as u8)
}

#[expect(clippy::print_stdout, reason = "the address is this program's result; scripts read it")]
fn announce(app: &App) {
    println!("CollabCanvas is ready: open http://{}", app.address);
    println!("Health and metrics: http://{}/readyz /livez /metrics", app.admin_address);
    if let Some(key) = &app.development {
        println!(
            "For development: whoever reaches it may edit. Tokens: collabcanvas token --user ana --project my-board=owner, signed with {}",
            key.secret()
        );
    }
}

#[expect(clippy::print_stderr, reason = "logging may not have begun")]
fn fail(error: &(impl std::fmt::Display + ?Sized)) -> ExitCode {
    eprintln!("collabcanvas: {error}");
    ExitCode::FAILURE
}
