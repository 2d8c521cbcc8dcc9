//! How long a node takes to stop.

use super::check::Errors;
use clap::Args;
use std::time::Duration;

/// How a node stops, as text.
#[derive(Debug, Args)]
pub struct StopArgs {
    /// Seconds that a stopping node takes at most to save and to say goodbye
    #[arg(long, env = "COLLAB_GRACE_SECONDS", default_value = "20", value_name = "SECONDS")]
    grace_seconds: String,
    /// Seconds over which a stopping node sends its clients elsewhere, 200 in a second if it can, and half of COLLAB_GRACE_SECONDS at most
    #[arg(long, env = "COLLAB_DRAIN_SECONDS", default_value = "10", value_name = "SECONDS")]
    drain_seconds: String,
}

impl StopArgs {
    /// How long stopping may take.
    pub(super) fn grace(&self, errors: &mut Errors) -> Duration {
        errors.seconds("COLLAB_GRACE_SECONDS", &self.grace_seconds, 1, 600)
    }

    /// Within which time clients are told.
    pub(super) fn drain(&self, errors: &mut Errors) -> Duration {
        errors.seconds("COLLAB_DRAIN_SECONDS", &self.drain_seconds, 0, 300)
    }
}
