//! One version of each dependency, but for those that others bring.

use super::{ROOT, read};
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn one_version_of_each_dependency() {
    /// Several versions that others bring and that we cannot join, each with the reason.
    const TWICE: &[(&str, &str)] = &[
        ("base64", "tokio-postgres is ahead of the others"),
        ("block-buffer", "comes with digest"),
        ("const-oid", "comes with digest"),
        ("cpufeatures", "comes with sha1 and sha2"),
        ("crypto-common", "comes with digest"),
        ("digest", "the AWS SDK is still on 0.10"),
        ("fallible-iterator", "tokio-postgres and rusqlite each pin their own"),
        ("foldhash", "comes with hashbrown"),
        ("getrandom", "metrics-util is still on rand 0.9"),
        ("hashbrown", "dashmap, metrics-util, rusqlite and indexmap each pin their own"),
        ("r-efi", "comes with getrandom; not built here"),
        ("rand", "metrics-util is still on 0.9"),
        ("rand_core", "comes with rand"),
        ("sha1", "the AWS SDK is still on 0.10"),
        ("syn", "derive macros move to 3 one by one; build time only"),
        ("wasi", "comes with getrandom; not built here"),
        ("windows-sys", "comes with ring; not built here"),
    ];
    let lock = read(&Path::new(ROOT).join("Cargo.lock"));
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for name in lock.lines().filter_map(|line| line.strip_prefix("name = \"")) {
        *versions.entry(name.trim_end_matches('"')).or_default() += 1;
    }
    let twice: Vec<_> = versions.iter().filter(|(name, n)| **n > 1 && !TWICE.iter().any(|(t, _)| t == *name)).collect();
    assert!(twice.is_empty(), "dependencies in several versions (cargo tree -d): {twice:?}");
}
