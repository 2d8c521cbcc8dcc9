//! What a node tells of itself besides its metrics: log lines, and what happened to ops.

use super::check::Errors;
use clap::Args;
use hyper::Uri;

/// What is told, as text.
#[derive(Debug, Args)]
pub struct TelemetryArgs {
    /// What is logged: error, warn, info, debug, trace, or a filter such as collabcanvas=debug
    #[arg(long, env = "COLLAB_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// How it is logged: text for people, json for machines
    #[arg(long, env = "COLLAB_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: String,
    /// Collector that gets traces of ops as OTLP over HTTP, such as http://localhost:4318; without one there are none
    #[arg(long, env = "COLLAB_OTLP_URL", value_name = "URL")]
    otlp_url: Option<String>,
    /// Part of the ops that are traced, from 0 to 1; all nodes choose the same ones
    #[arg(long, env = "COLLAB_TRACE_RATIO", default_value = "0.01", value_name = "RATIO")]
    trace_ratio: String,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// The filter.
    pub filter: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where traces go, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceConfig {
    /// The collector's address for traces.
    pub url: String,
    /// How many of a million ops are traced.
    pub per_million: u32,
}

impl TelemetryArgs {
    /// What is logged.
    pub(super) fn log(&self, errors: &mut Errors) -> LogConfig {
        let format = match self.log_format.as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            other => {
                errors.add(format_args!("COLLAB_LOG_FORMAT={other:?}: it must be text or json"));
                LogFormat::Text
            }
        };
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log) {
            errors.add(format_args!("COLLAB_LOG={:?}: {error}", self.log));
        }
        LogConfig { filter: self.log.clone(), format }
    }

    /// Where traces go.
    pub(super) fn traces(&self, errors: &mut Errors) -> Option<TraceConfig> {
        let ratio = self.trace_ratio.trim().parse().ok().filter(|ratio: &f64| (0.0..=1.0).contains(ratio));
        if ratio.is_none() {
            errors.add(format_args!("COLLAB_TRACE_RATIO={:?}: it must be a number from 0 to 1", self.trace_ratio));
        }
        let text = self.otlp_url.as_ref()?;
        let url = text.parse().ok().filter(|url: &Uri| matches!(url.scheme_str(), Some("http" | "https")));
        let Some(url) = url.filter(|url| url.host().is_some() && url.query().is_none()) else {
            errors.add(format_args!(
                "COLLAB_OTLP_URL={text:?}: it must be the address of a collector, such as http://localhost:4318"
            ));
            return None;
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 1")]
        let per_million = (ratio? * 1e6).round() as u32;
        Some(TraceConfig { url: for_traces(&url.to_string()), per_million })
    }
}

/// The address for traces: that of a collector as a whole has the standard path behind it.
fn for_traces(url: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with("/v1/traces") { url.to_owned() } else { format!("{url}/v1/traces") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(otlp_url: Option<&str>, trace_ratio: &str) -> TelemetryArgs {
        let (log, log_format) = ("info".to_owned(), "json".to_owned());
        TelemetryArgs { log, log_format, otlp_url: otlp_url.map(str::to_owned), trace_ratio: trace_ratio.to_owned() }
    }

    #[test]
    fn traces_go_to_the_collector_that_is_named() {
        let mut errors = Errors::default();
        let read = |args: &TelemetryArgs, errors: &mut Errors| args.traces(errors);
        assert_eq!(read(&args(None, "1"), &mut errors), None);
        for url in ["http://localhost:4318", "http://localhost:4318/", "http://localhost:4318/v1/traces"] {
            let wanted = TraceConfig { url: "http://localhost:4318/v1/traces".to_owned(), per_million: 10_000 };
            assert_eq!(read(&args(Some(url), "0.01"), &mut errors), Some(wanted));
        }
        assert!(errors.0.is_empty());
        for (url, ratio) in
            [(None, "2"), (None, "-1"), (None, "NaN"), (Some("localhost:4318"), "1"), (Some("ftp://a"), "1")]
        {
            let mut errors = Errors::default();
            assert_eq!(read(&args(url, ratio), &mut errors), None);
            assert_eq!(errors.0.len(), 1, "{url:?} {ratio}");
        }
    }
}
