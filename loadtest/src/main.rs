//! `loadtest`: measures what a server costs and how fast it is, and fails when anything is lost.

mod drive;
#[cfg(target_os = "linux")]
mod measure_command;

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::process::ExitCode;

/// Measures CollabCanvas over its real protocol: latency, CPU, memory and losses.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Drive servers that run already, and print percentiles and losses
    Drive(drive::Flags),
    /// Run the yardstick: a relay without any state, which passes each frame on to all others of its path
    Floor {
        /// Address and port; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Start what is to be measured, run scenarios on it and on the floor in turn, and write a report
    #[cfg(target_os = "linux")]
    Run(measure_command::Flags),
    /// Not on this system: it works on Linux only
    #[cfg(not(target_os = "linux"))]
    Run {
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let threads = match &cli.command {
        Command::Drive(_) => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        // The relay is to cost what one thread costs; the generator has a core of its own and shares nothing between threads.
        Command::Floor { .. } | Command::Run { .. } => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        }
    };
    let runtime = match threads {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    match cli.command {
        Command::Drive(flags) => runtime.block_on(drive::run(flags)),
        Command::Floor { listen } => match runtime.block_on(loadtest::floor::run(listen, announce)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&format!("the floor: {error}")),
        },
        #[cfg(not(target_os = "linux"))]
        Command::Run { .. } => {
            failed("`run` works on Linux only: it pins processes to cores and reads what Linux tells of them")
        }
        #[cfg(target_os = "linux")]
        Command::Run(flags) => runtime.block_on(measure_command::run(flags)),
    }
}

#[expect(clippy::print_stdout, reason = "whoever started it waits for this line")]
fn announce(address: SocketAddr) {
    println!("{}{address}", loadtest::floor::READY);
}

#[expect(clippy::print_stderr, reason = "the program's only voice")]
fn failed(error: &str) -> ExitCode {
    eprintln!("loadtest: {error}");
    ExitCode::FAILURE
}
