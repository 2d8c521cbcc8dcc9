//! The properties of the fuzz targets in ordinary tests: on every file of the committed corpus, so that what was found once stays found, and on mutations
//! of these and of the golden frames.

#[path = "fuzz/inputs.rs"]
mod inputs;
#[expect(unreachable_pub, reason = "the fuzz targets see it as a library")]
#[path = "../fuzz/src/lib.rs"]
mod properties;
#[path = "fuzz/seeds.rs"]
mod seeds;

use proptest::test_runner::{Config, TestRunner};
use std::fs;
use std::path::{Path, PathBuf};

const FUZZ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");
/// A corpus is to be read in no time: so many files, so many bytes.
const FILES: usize = 200;
const BYTES: usize = 300_000;

/// The committed files of a target's corpus.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = Path::new(FUZZ).join("corpus").join(target);
    let entries = fs::read_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

/// The corpus and so many inputs made of it hold.
fn holds(target: &str, cases: u32) {
    let corpus = corpus(target);
    for (path, data) in &corpus {
        let held = std::panic::catch_unwind(|| properties::run(target, data));
        assert!(held.is_ok(), "{} does not hold: see above", path.display());
    }
    let seeds: Vec<_> = corpus.into_iter().map(|(_, data)| data).chain(seeds::of(target)).collect();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let held = runner.run(&inputs::mutated(seeds), |data| {
        properties::run(target, &data);
        Ok(())
    });
    if let Err(error) = held {
        panic!("{error}\nkeep the input as a file in fuzz/corpus/{target}, and name a test after the bug");
    }
}

#[test]
fn batches_are_what_the_naive_model_says() {
    holds("batch", 1_500);
}

#[test]
fn stored_items_are_read_as_they_were_written_or_not_at_all() {
    holds("entry", 3_000);
}

#[test]
fn events_are_read_as_they_were_written_or_not_at_all() {
    holds("event", 5_000);
}

#[test]
fn json_frames_mean_what_their_twins_mean() {
    holds("frame_json", 5_000);
}

#[test]
fn frames_mean_what_their_twins_mean() {
    holds("frame_msgpack", 5_000);
}

#[test]
fn shared_frames_pass_on_what_came() {
    holds("shared_frame", 5_000);
}

#[test]
fn clients_have_the_state_whatever_they_come_with() {
    holds("snapshot", 500);
}

#[test]
fn every_target_has_a_program_and_a_small_corpus() {
    let programs = fs::read_dir(Path::new(FUZZ).join("fuzz_targets")).expect("the programs");
    assert_eq!(programs.count(), properties::TARGETS.len(), "programs and targets are as many");
    let manifest = fs::read_to_string(Path::new(FUZZ).join("Cargo.toml")).expect("the manifest");
    for (target, _) in properties::TARGETS {
        let program = fs::read_to_string(Path::new(FUZZ).join(format!("fuzz_targets/{target}.rs"))).expect("a program");
        assert!(program.contains(&format!("run(\"{target}\", data)")), "{target} runs itself");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target} is in the manifest");
        let sizes: Vec<_> = corpus(target).iter().map(|(_, data)| data.len()).collect();
        assert!((1..=FILES).contains(&sizes.len()), "{target} has {} files", sizes.len());
        assert!(sizes.iter().sum::<usize>() <= BYTES, "{target} has {} bytes", sizes.iter().sum::<usize>());
    }
}

#[test]
#[ignore = "writes files: the seeds as the first corpus of each target, which libFuzzer then makes small"]
fn write_the_seeds() {
    for (target, _) in properties::TARGETS {
        let directory = Path::new(FUZZ).join("corpus").join(target);
        fs::create_dir_all(&directory).expect("writable");
        for (n, seed) in seeds::of(target).iter().enumerate() {
            fs::write(directory.join(format!("seed-{n:02}")), seed).expect("writable");
        }
    }
}
