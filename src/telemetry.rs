//! Logging and the recorder of metrics, set up once by `main`.

use crate::config::LogFormat;
use crate::metrics::{SECONDS, describe};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How often what was recorded is put into its buckets. Until then each sample of a histogram takes memory, whether anybody scrapes or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is never logged, whatever the filter says: these show each message that comes, and with it the token of a hello.
const SILENT: [&str; 3] = ["tungstenite=off", "tungstenite::protocol=off", "tungstenite::protocol::frame=off"];

/// Starts logging to standard error. `filter` has been checked by the configuration.
pub fn log(filter: &str, format: LogFormat) {
    let silent = SILENT.map(|directive| directive.parse().expect("a directive"));
    let filter = silent.into_iter().fold(EnvFilter::try_new(filter).unwrap_or_default(), EnvFilter::add_directive);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_target(false).init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// Installs the recorder of metrics and makes every metric appear.
///
/// # Errors
/// A sentence when this process has a recorder already.
pub fn record() -> Result<PrometheusHandle, String> {
    let builder = PrometheusBuilder::new().set_buckets(SECONDS).map_err(|e| e.to_string())?;
    let handle = builder.install_recorder().map_err(|e| e.to_string())?;
    describe();
    Ok(handle)
}

/// Keeps the recorder small, for ever.
pub async fn keep_up(metrics: PrometheusHandle) {
    let mut due = tokio::time::interval(UPKEEP);
    loop {
        due.tick().await;
        metrics.run_upkeep();
    }
}
