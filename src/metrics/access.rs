//! Who was not let in.

use metrics::{Unit, counter, describe_counter};

/// Why, by the fixed words of `PROTOCOL.md` §2.
pub const REASONS: &[&str] = &[
    "token_needed",
    "token_malformed",
    "token_signature",
    "token_key",
    "token_expired",
    "token_early",
    "token_audience",
    "token_issuer",
    "token_user",
    "token_revoked",
    "ticket_used",
    "link_invalid",
    "link_expired",
    "password_needed",
    "password_wrong",
    "password_later",
    "forbidden",
    "deleted",
    "rate_limited",
    "unavailable",
];

/// Names it and makes it appear, at zero.
pub(super) fn describe() {
    describe_counter!(
        "collab_auth_failures_total",
        Unit::Count,
        "Sessions and requests that were not let in, or sent away because their access ended, by reason"
    );
    for reason in REASONS {
        counter!("collab_auth_failures_total", "reason" => *reason).absolute(0);
    }
}

/// Somebody is not let in, or not any more.
pub fn denied(reason: &'static str) {
    debug_assert!(REASONS.contains(&reason), "{reason} is declared");
    counter!("collab_auth_failures_total", "reason" => reason).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_in_the_protocol() {
        let page = include_str!("../protocol/PROTOCOL.md");
        for reason in REASONS {
            assert!(page.contains(&format!("`{reason}`")), "PROTOCOL.md §2 lacks {reason}");
        }
    }
}
