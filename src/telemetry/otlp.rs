//! The way of traces to their collector: OTLP over HTTP, in batches, beside everything else. What cannot be sent is lost, and said once.

use crate::config::TraceConfig;
use crate::outbound;
use crate::trace;
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanProcessor as _};
use rand::RngExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// Time for an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
const BYTES: usize = 64 << 10;
/// For how long the last spans are sent when the program ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Begins to send traces.
///
/// # Errors
/// A sentence.
pub fn start(config: &TraceConfig) -> Result<(), String> {
    let sender = Sender {
        client: outbound::client()?,
        runtime: Handle::current(),
        url: config.url.clone(),
        fails: AtomicBool::new(false),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(sender)
        .with_endpoint(&config.url)
        .with_timeout(ANSWER)
        .build()
        .map_err(|error| format!("traces cannot be sent to {}: {error}", config.url))?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    let instance = format!("{:016x}", rand::rng().random::<u64>());
    let about =
        [KeyValue::new("service.version", env!("CARGO_PKG_VERSION")), KeyValue::new("service.instance.id", instance)];
    processor
        .set_resource(&Resource::builder().with_service_name(env!("CARGO_PKG_NAME")).with_attributes(about).build());
    trace::install(processor, config.per_million);
    Ok(())
}

/// Sends what is left.
pub async fn finish() {
    // It waits for a thread, which waits for the network.
    let _ = tokio::task::spawn_blocking(|| trace::finish(FAREWELL)).await;
}

/// Sends batches: asked by a thread of its own, and done by the runtime.
#[derive(Debug)]
struct Sender {
    client: outbound::Client<Full<Bytes>>,
    runtime: Handle,
    url: String,
    /// The last batch was not taken, which has been said.
    fails: AtomicBool,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let sending = self.runtime.spawn(async move { timeout(ANSWER, send(&client, request)).await });
        let answer = match sending.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("no answer in time".into()),
            Err(error) => Err(error.into()),
        };
        let trouble = match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("the answer was {}", answer.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed = self.fails.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(error) if !failed => tracing::warn!(url = self.url, error, "traces are not taken, and lost meanwhile"),
            None if failed => tracing::info!(url = self.url, "traces are taken again"),
            _ => {}
        }
        answer
    }
}

async fn send(client: &outbound::Client<Full<Bytes>>, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, BYTES).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}
