//! `loadtest drive`: drives servers that run already and prints percentiles and losses; fails when anything is lost.

use clap::{Args, ValueEnum};
use collabcanvas::protocol::Encoding;
use loadtest::load::{self, Plan, Report};
use std::process::ExitCode;
use std::time::Duration;
use tokio_tungstenite::tungstenite::http::Uri;

/// The longest drive, in seconds: a day.
const SECONDS: u64 = 86_400;

/// What to drive, and how.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// The server; give several times to spread each project's clients over several nodes
    #[arg(long, default_value = "ws://127.0.0.1:8080", value_parser = url)]
    url: Vec<String>,
    /// Number of projects that the clients are spread over
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    projects: u32,
    /// Number of clients in all
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    clients: u32,
    /// Ops per second and client
    #[arg(long, default_value_t = 5.0, value_parser = rate)]
    rate: f64,
    /// How long ops are sent
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=SECONDS))]
    seconds: u64,
    /// Rectangles in each project
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    objects: u32,
    /// Where a node tells its metrics, like 127.0.0.1:9464, to count what saving costs; give it for each node
    #[arg(long)]
    metrics: Vec<String>,
    /// How messages are written
    #[arg(long, value_enum, default_value_t = Written::Msgpack)]
    encoding: Written,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    Msgpack,
    Json,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it must be a number".to_owned())?;
    if (0.001..=10_000.0).contains(&rate) { Ok(rate) } else { Err("it must be from 0.001 to 10000".to_owned()) }
}

fn url(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|e| format!("it must be like ws://127.0.0.1:8080 ({e})"))?;
    match (uri.scheme_str(), uri.host()) {
        (Some("ws"), Some(host)) if !host.is_empty() => Ok(text.to_owned()),
        (Some("wss"), _) => {
            Err("it must begin with ws://: there is no TLS here, so drive the server itself".to_owned())
        }
        _ => Err("it must be like ws://127.0.0.1:8080".to_owned()),
    }
}

/// Drives; the exit code says whether nothing was lost.
pub(crate) async fn run(flags: Flags) -> ExitCode {
    let plan = Plan {
        urls: flags.url,
        projects: flags.projects.min(flags.clients) as usize,
        clients: flags.clients as usize,
        rate: flags.rate,
        time: Duration::from_secs(flags.seconds),
        encoding: match flags.encoding {
            Written::Msgpack => Encoding::MessagePack,
            Written::Json => Encoding::Json,
        },
        objects: flags.objects as usize,
        metrics: flags.metrics,
    };
    match load::run(plan, progress).await {
        Ok(report) => {
            print(&report);
            ExitCode::from(u8::from(!report.losses.is_none()))
        }
        Err(error) => super::failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "progress is for whoever waits, not for who reads the result")]
fn progress(time: Duration, sent: u64, delivered: u64) {
    eprintln!("{:>4} s: {sent} ops sent, {delivered} deliveries", time.as_secs());
}

#[expect(clippy::print_stdout, reason = "the report is this program's result")]
#[expect(clippy::cast_precision_loss, reason = "rates are read by people")]
fn print(report: &Report) {
    let per_second = |count: u64| count as f64 / report.took.as_secs_f64();
    let deliveries = report.deliveries.len() as u64;
    println!("batch to ack      {} ({})", report.acks, report.acks.len());
    println!("send to delivery  {} ({deliveries})", report.deliveries);
    println!("send to durable   {} ({})", report.saves, report.saves.len());
    println!(
        "ops               {:.0}/s ({} in {:.1} s)",
        per_second(report.sent),
        report.sent,
        report.took.as_secs_f64()
    );
    println!("deliveries        {:.0}/s", per_second(deliveries));
    println!("bytes/delivery    {:.1}", report.received as f64 / deliveries.max(1) as f64);
    println!("reconnects        {}", report.reconnects);
    if let Some(cost) = &report.cost {
        println!("saving            {cost}");
    }
    println!("losses            {}", report.losses);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_reached_is_an_address() {
        for good in ["ws://127.0.0.1:8080", "ws://node.example", "ws://[::1]:8080/"] {
            assert_eq!(url(good).as_deref(), Ok(good));
        }
        for bad in ["http://127.0.0.1:8080", "127.0.0.1:8080", "localhost", "ws://", "ws:// x", ""] {
            assert!(url(bad).is_err_and(|why| why.contains("ws://127.0.0.1:8080")), "{bad}");
        }
        assert!(url("wss://node.example").is_err_and(|why| why.contains("no TLS")));
    }
}
