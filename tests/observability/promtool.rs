//! Prometheus's own checker.

use super::{PLACE, ROOT};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs it in the place of rules and board, and returns what it says.
///
/// # Panics
/// When it is not installed, and when it finds something wrong.
pub(crate) fn run(args: &[&str], input: &str) -> String {
    let child = Command::new("promtool")
        .args(args)
        .current_dir(Path::new(ROOT).join(PLACE))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap_or_else(|error| {
        panic!("promtool cannot be started ({error}): install it (Debian: apt-get install prometheus) and try again")
    });
    // Dropped at once: it reads to the end.
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it takes its input");
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "promtool {} says:\n{said}", args.join(" "));
    said
}
