//! Why a request did not do what it was asked, sorted by what to do about it.
//!
//! Owns the sorting and the sentences. Never waits and never retries; that is `retry`.

use super::place::Place;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use std::error::Error;

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Refused for now, nothing was done.
    Throttled,
    /// It may have been done or not: no answer, or one that says nothing.
    Unknown,
    /// There is no such table.
    Missing,
    /// These credentials may not, or are none.
    Denied,
    /// DynamoDB will never do it.
    Refused,
}

impl Kind {
    /// Its label in metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Unknown => "unknown",
            Self::Missing => "missing",
            Self::Denied => "denied",
            Self::Refused => "refused",
        }
    }

    /// Whether the same request may succeed in a moment.
    pub(super) fn passes(self) -> bool {
        matches!(self, Self::Throttled | Self::Unknown)
    }
}

/// A failure.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// What DynamoDB, or the way to it, says.
    why: String,
}

impl Trouble {
    pub(super) fn new(kind: Kind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into() }
    }

    /// Sorts an error of the SDK.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let SdkError::ServiceError(answer) = error else {
            let kind = match error {
                // Not even sent, and no time will mend it.
                SdkError::ConstructionFailure(_) => Kind::Refused,
                _ => Kind::Unknown,
            };
            return Self::new(kind, chain(error));
        };
        let code = answer.err().code().unwrap_or("no code");
        let message = answer.err().message().unwrap_or("no message");
        Self::new(kind(code, answer.raw().status().as_u16()), format!("{code}: {message}"))
    }

    /// A sentence for people: what went wrong at which place, and what to do.
    pub(super) fn sentence(&self, what: &str, place: &Place) -> String {
        let why = &self.why;
        match self.kind {
            Kind::Throttled => format!("{what}: {place} is throttled ({why}); raise its capacity if this goes on"),
            Kind::Unknown => format!("{what}: {place} does not answer ({why})"),
            Kind::Missing => format!(
                "{place} does not exist ({why}): make it with `collabcanvas setup`, or correct table, region and endpoint in COLLAB_DURABLE_URL"
            ),
            Kind::Denied => format!(
                "{what}: {place} cannot be used with these AWS credentials ({why}): check them, the region, and that they allow dynamodb:GetItem, PutItem, DeleteItem, Query and BatchWriteItem on it"
            ),
            Kind::Refused => format!("{what}: {place} refuses it for good ({why})"),
        }
    }
}

fn kind(code: &str, status: u16) -> Kind {
    match code {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "ThrottledException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TransactionInProgressException"
        | "TransactionConflictException" => Kind::Throttled,
        "ResourceNotFoundException" => Kind::Missing,
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "OptInRequired" => Kind::Denied,
        _ if status >= 500 => Kind::Unknown,
        _ => Kind::Refused,
    }
}

/// An error with its causes, without the debugging text that the SDK adds.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    if text.is_empty() { DisplayErrorContext(error).to_string() } else { text }
}
