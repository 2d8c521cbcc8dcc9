//! What the operating system says of this process, under the names that Prometheus has for that.
//!
//! Read from Linux's `/proc` (proc(5)); elsewhere all of it stays 0. The library for this has macOS' in it, and with that a second version of what we
//! have.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use std::fs;

/// What `/proc` counts processor time in, on every Linux: a hundredth of a second.
const TICKS: u64 = 100;

const GAUGES: &[(&str, Unit, &str)] = &[
    ("process_resident_memory_bytes", Unit::Bytes, "Resident memory"),
    ("process_open_fds", Unit::Count, "Open file descriptors"),
    ("process_max_fds", Unit::Count, "File descriptors that may be open"),
    ("process_threads", Unit::Count, "Threads"),
    ("process_start_time_seconds", Unit::Seconds, "When the process began, since 1970"),
];

/// Reads it anew.
#[expect(clippy::cast_precision_loss, reason = "seconds, bytes and counts of one process are far below 2^53")]
pub fn read() {
    let Some((cpu, began)) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(times) else { return };
    counter!("process_cpu_seconds_total").absolute(cpu / TICKS);
    let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let status = text("/proc/self/status");
    let limits = text("/proc/self/limits");
    let booted = number(&text("/proc/stat"), "btime").unwrap_or(0);
    let values = [
        number(&status, "VmRSS:").map(|kib| kib * 1_024),
        fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as u64),
        number(&limits, "Max open files"),
        number(&status, "Threads:"),
        Some(booted + began / TICKS),
    ];
    for ((name, ..), value) in GAUGES.iter().zip(values) {
        gauge!(*name).set(value.unwrap_or(0) as f64);
    }
}

/// Processor time, in user and system, and when the process began after the machine did, in ticks. The name before them may hold anything.
fn times(stat: &str) -> Option<(u64, u64)> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let field = |n: usize| fields.get(n - 3)?.parse::<u64>().ok();
    Some((field(14)? + field(15)?, field(22)?))
}

/// The first number behind a word at the beginning of a line.
fn number(text: &str, word: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Names them and makes them appear.
pub(super) fn describe() {
    describe_counter!(
        "process_cpu_seconds_total",
        Unit::Seconds,
        "Processor time, in user and system, in whole seconds"
    );
    counter!("process_cpu_seconds_total").absolute(0);
    for (name, unit, text) in GAUGES {
        describe_gauge!(*name, *unit, *text);
        gauge!(*name).set(0.0);
    }
    read();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_hides_nothing() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 9 0 12345 1 2 3";
        assert_eq!(times(stat), Some((300, 12_345)));
        assert_eq!(times("7 (a) S 1"), None);
        assert_eq!(times(""), None);
    }

    #[test]
    fn numbers_stand_behind_their_words() {
        assert_eq!(number("VmPeak:\t 9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"), Some(1_234));
        assert_eq!(
            number("Max open files            1024                 4096                 files\n", "Max open files"),
            Some(1_024)
        );
        assert_eq!(number("Max open files            unlimited  unlimited  files\n", "Max open files"), None);
    }
}
