//! Errors of the link, as the contract sorts them.

use crate::hot::HotError;
use crate::link::{LinkError, Refusal};

/// Sorts an error by what the caller does, and says what to change.
#[expect(clippy::needless_pass_by_value, reason = "it goes into map_err")]
pub(super) fn refused(error: LinkError) -> HotError {
    let advice = match &error {
        LinkError::Unavailable(why) => return HotError::Unavailable(why.clone()),
        LinkError::Refused { kind: Refusal::Oom, .. } => "raise its maxmemory, or wait until autosave has freed some",
        LinkError::Refused { kind: Refusal::ReadOnly, .. } => {
            "the URL must lead to the master, and that must be able to write to its disk and replicas"
        }
        LinkError::Refused { kind: Refusal::Denied, .. } => "give this node's user the rights that the README lists",
        LinkError::Refused { kind: Refusal::Other, .. } => "this is a fault of this program",
    };
    HotError::Refused(format!("{error}; {advice}"))
}
