//! The way to DynamoDB: region, credentials, connections.
//!
//! Owns what must be there before the first request. Called when a store is opened and by setup.

use super::place::Place;
use super::retry::Patience;
use crate::durable::DurableError;
use aws_config::BehaviorVersion;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{ProvideCredentials as _, Region};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use std::error::Error as _;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(1);
/// How long credentials may take: on a machine of AWS its metadata service is asked, elsewhere that is waited for in vain.
const CREDENTIALS: Duration = Duration::from_secs(10);

/// Why a store in DynamoDB cannot be opened: a sentence that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);

impl OpenError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<&DurableError> for OpenError {
    fn from(error: &DurableError) -> Self {
        match error {
            DurableError::Unavailable(why) => Self(why.clone()),
            other => Self(other.to_string()),
        }
    }
}

/// A failed first look: a table with other keys is somebody else's.
pub(super) fn not_ours(place: &Place, error: &DurableError) -> OpenError {
    let error = OpenError::from(error);
    if error.0.contains("does not match the schema") || error.0.contains("key element") {
        return OpenError(format!(
            "{place} has other keys than ours: it was not made by `collabcanvas setup`; name another table in COLLAB_DURABLE_URL"
        ));
    }
    error
}

/// A client for a place, its credentials found. It tries nothing again by itself: `retry` does, and knows what may be asked twice.
pub(super) async fn client(place: &Place, patience: Patience) -> Result<Client, OpenError> {
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT.min(patience.attempt));
    let timeouts = timeouts.operation_timeout(patience.attempt).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    loader = loader.retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    if let Some(region) = &place.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &place.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        let why = "no region is named: add ?region=REGION to COLLAB_DURABLE_URL, or set AWS_REGION";
        return Err(OpenError(format!("{place} cannot be reached: {why}")));
    }
    let credentials = async {
        let provider = config.credentials_provider().ok_or_else(|| "there are none".to_owned())?;
        let found = tokio::time::timeout(CREDENTIALS, provider.provide_credentials()).await;
        let found = found.map_err(|_| format!("none were found within {CREDENTIALS:?}"))?;
        found.map_err(|error| error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")))
    };
    if let Err(why) = credentials.await {
        let ways =
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile, or give the machine or task a role";
        return Err(OpenError(format!("{place} cannot be used without AWS credentials ({why}): {ways}")));
    }
    Ok(Client::new(&config))
}
