//! Logging, the recorder of metrics and the way of traces, set up once by `main`.

pub mod otlp;

use crate::config::{LogConfig, LogFormat};
use crate::metrics::ops::BATCHES;
use crate::metrics::{SECONDS, describe};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How often what was recorded is put into its buckets. Until then each sample of a histogram takes memory, whether anybody scrapes or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// What is never logged, whatever the filter says: these show each message that comes, and with it the token of a hello.
const SILENT: [&str; 3] = ["tungstenite=off", "tungstenite::protocol=off", "tungstenite::protocol::frame=off"];

/// What renders the metrics.
pub type Recorder = PrometheusHandle;

/// What is logged, which may be changed while the program runs.
#[derive(Clone)]
pub struct Filter {
    text: Arc<Mutex<String>>,
    reload: Arc<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
}

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Filter").field(&self.get()).finish()
    }
}

impl Filter {
    fn new(text: &str, reload: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { text: Arc::new(Mutex::new(text.to_owned())), reload: Arc::new(reload) }
    }

    /// What it is now.
    #[must_use]
    pub fn get(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes another one.
    ///
    /// # Errors
    /// A sentence; the old one holds.
    pub fn set(&self, text: &str) -> Result<(), String> {
        let mut now = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let filter = EnvFilter::builder().parse(text).map_err(|error| {
            format!("send error, warn, info, debug, trace, or a filter such as collabcanvas=debug: {error}")
        })?;
        (self.reload)(never(filter))?;
        text.clone_into(&mut now);
        Ok(())
    }
}

/// Silences what is never logged.
fn never(filter: EnvFilter) -> EnvFilter {
    let silent = SILENT.map(|directive| directive.parse().expect("a directive"));
    silent.into_iter().fold(filter, EnvFilter::add_directive)
}

/// Starts logging to standard error. `filter` has been checked by the configuration.
#[must_use]
pub fn log(LogConfig { filter, format }: &LogConfig) -> Filter {
    let first = never(EnvFilter::try_new(filter).unwrap_or_default());
    let builder = tracing_subscriber::fmt().with_env_filter(first).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let builder = builder.with_target(false).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            Filter::new(filter, move |filter| handle.reload(filter).map_err(|error| error.to_string()))
        }
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            Filter::new(filter, move |filter| handle.reload(filter).map_err(|error| error.to_string()))
        }
    }
}

/// Installs the recorder of metrics and makes every metric appear.
///
/// # Errors
/// A sentence when this process has a recorder already.
pub fn record() -> Result<Recorder, String> {
    let builder = PrometheusBuilder::new()
        .set_buckets(SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Full("collab_call_batches".to_owned()), BATCHES));
    let handle = builder.and_then(PrometheusBuilder::install_recorder).map_err(|e| e.to_string())?;
    describe();
    Ok(handle)
}

/// Keeps the recorder small, for ever.
pub async fn keep_up(metrics: Recorder) {
    let mut due = tokio::time::interval(UPKEEP);
    loop {
        due.tick().await;
        metrics.run_upkeep();
    }
}
