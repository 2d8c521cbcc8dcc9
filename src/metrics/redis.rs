//! How Redis does.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

const CLASSES: [&str; 5] = ["unavailable", "oom", "readonly", "denied", "other"];

/// What all masters together say of their memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Memory {
    /// Bytes in use.
    pub used: u64,
    /// Bytes that they may use; 0: as many as there are.
    pub limit: u64,
    /// Keys that they have removed because they were full.
    pub evicted: u64,
}

/// A connection was made anew.
pub fn reconnected() {
    counter!("collab_redis_reconnects_total").increment(1);
}

/// A call, or an attempt to connect, failed.
pub fn error(class: &'static str) {
    debug_assert!(CLASSES.contains(&class), "{class} is declared");
    counter!("collab_redis_errors_total", "class" => class).increment(1);
}

/// A command, a pipeline or a script was answered.
pub fn answered(took: Duration) {
    kept_histogram!("collab_redis_command_seconds").record(took);
}

/// What its memory is now.
pub fn memory(memory: Memory) {
    #[expect(clippy::cast_precision_loss, reason = "bytes of memory are far below 2^53")]
    let [used, limit] = [memory.used, memory.limit].map(|bytes| bytes as f64);
    gauge!("collab_redis_memory_bytes").set(used);
    gauge!("collab_redis_memory_limit_bytes").set(limit);
    counter!("collab_redis_evicted_keys_total").absolute(memory.evicted);
}

/// Names them and makes them appear, at zero.
pub(super) fn describe() {
    describe_counter!(
        "collab_redis_errors_total",
        Unit::Count,
        "Calls to Redis and attempts to connect that failed, by class"
    );
    CLASSES.into_iter().for_each(|class| counter!("collab_redis_errors_total", "class" => class).absolute(0));
    for (name, text) in [
        ("collab_redis_reconnects_total", "Connections to Redis made anew, of commands and of subscriptions"),
        ("collab_redis_evicted_keys_total", "Keys that Redis has removed because it was full, since it started"),
    ] {
        describe_counter!(name, Unit::Count, text);
        counter!(name).absolute(0);
    }
    for (name, text) in [
        ("collab_redis_memory_bytes", "Memory that Redis uses, of all masters together"),
        ("collab_redis_memory_limit_bytes", "Memory that Redis may use, of all masters together; 0: no limit is set"),
    ] {
        describe_gauge!(name, Unit::Bytes, text);
        gauge!(name).set(0.0);
    }
    describe_histogram!(
        "collab_redis_command_seconds",
        Unit::Seconds,
        "Time that Redis took for a command, a pipeline or a script"
    );
    let _ = histogram!("collab_redis_command_seconds");
}
