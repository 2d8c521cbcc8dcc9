//! What the durable database costs, and how often it fails.

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use std::time::Duration;

/// Counters without labels, and what they count.
const COUNTERS: &[(&str, &str)] = &[
    ("collab_durable_write_units_total", "Write units that DynamoDB has counted"),
    ("collab_durable_read_units_total", "Read units that DynamoDB has counted"),
    ("collab_durable_conflicts_total", "Writes to the durable database that found another item in their place"),
];

/// Names them and makes them appear, at zero.
pub(super) fn describe() {
    for (name, text) in COUNTERS {
        describe_counter!(*name, Unit::Count, *text);
        counter!(*name).absolute(0);
    }
    describe_histogram!(
        "collab_durable_seconds",
        Unit::Seconds,
        "Time that the durable store took for what it was asked, with all that was tried again"
    );
    let _ = histogram!("collab_durable_seconds");
    describe_counter!(
        "collab_durable_errors_total",
        Unit::Count,
        "Requests to the durable database that failed, attempts that were repeated included, by class"
    );
    for class in ["throttled", "unknown", "missing", "denied", "refused"] {
        counter!("collab_durable_errors_total", "class" => class).absolute(0);
    }
}

/// The durable store was asked for something, and has answered.
pub fn answered(took: Duration) {
    histogram!("collab_durable_seconds").record(took);
}

/// So many write units were consumed.
pub fn write_units(units: u64) {
    counter!("collab_durable_write_units_total").increment(units);
}

/// So many read units were consumed.
pub fn read_units(units: u64) {
    counter!("collab_durable_read_units_total").increment(units);
}

/// Another item was in an item's place.
pub fn conflict() {
    counter!("collab_durable_conflicts_total").increment(1);
}

/// A request failed.
pub fn error(class: &'static str) {
    counter!("collab_durable_errors_total", "class" => class).increment(1);
}
