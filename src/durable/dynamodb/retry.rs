//! Requests that are tried again, with waits that nodes do not share and an end.
//!
//! Owns how long a request may take. Never decides what became of one whose answer is missing: whoever asks must be able to ask twice.
//! Called by everything here that sends.

use super::place::Place;
use super::trouble::{Kind, Trouble};
use crate::durable::DurableError;
use crate::metrics;
use rand::RngExt as _;
use std::time::Duration;
use tokio::time::Instant;

/// The longest first wait.
const FIRST: Duration = Duration::from_millis(25);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(1);

/// How long a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// One attempt. DynamoDB answers in 10 ms; a page of a megabyte over a slow line takes longer.
    pub attempt: Duration,
    /// All attempts together; after it, none is begun.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { attempt: Duration::from_millis(2_500), total: Duration::from_secs(8) }
    }
}

/// The attempts of one request.
pub(super) struct Attempts<'a> {
    place: &'a Place,
    what: &'a str,
    until: Instant,
    total: Duration,
    most: Duration,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(place: &'a Place, what: &'a str, patience: Patience) -> Self {
        Self { place, what, until: Instant::now() + patience.total, total: patience.total, most: FIRST }
    }

    /// A part of what was asked has been done: patience begins anew.
    pub(super) fn progress(&mut self) {
        self.until = Instant::now() + self.total;
    }

    /// Waits before the next attempt, for a random part of a time that doubles.
    ///
    /// # Errors
    /// When there must be none: it is of no use, or patience is over.
    pub(super) async fn pause(&mut self, trouble: &Trouble) -> Result<(), DurableError> {
        metrics::durable::error(trouble.kind.name());
        let wait = self.most.mul_f64(rand::rng().random());
        if !trouble.kind.passes() || Instant::now() + wait >= self.until {
            return Err(DurableError::Unavailable(trouble.sentence(self.what, self.place)));
        }
        tracing::debug!(what = self.what, kind = trouble.kind.name(), ?wait, "a request to DynamoDB is tried again");
        tokio::time::sleep(wait).await;
        self.most = (self.most * 2).min(LONGEST);
        Ok(())
    }
}

/// Calls until it succeeds or [`Attempts::pause`] says no. `call` is told whether an attempt before it may have been carried out.
pub(super) async fn retry<T, F>(
    place: &Place,
    what: &str,
    patience: Patience,
    mut call: impl FnMut(bool) -> F,
) -> Result<T, DurableError>
where
    F: Future<Output = Result<T, Trouble>>,
{
    let mut attempts = Attempts::new(place, what, patience);
    let mut doubtful = false;
    loop {
        match call(doubtful).await {
            Ok(done) => return Ok(done),
            Err(trouble) => {
                doubtful |= trouble.kind == Kind::Unknown;
                attempts.pause(&trouble).await?;
            }
        }
    }
}
