//! What happened, line by line: printed when somebody wants to read it, and always digested, so that two runs of a seed can be compared.

use std::fmt::Arguments;
use xxhash_rust::xxh3::Xxh3;

/// The trace of one run.
pub(super) struct Trace {
    print: bool,
    digest: Xxh3,
    line: String,
}

impl Trace {
    pub(super) fn new(print: bool) -> Self {
        Self { print, digest: Xxh3::new(), line: String::new() }
    }

    /// Adds a line; `at_ms` is in ms since the world began.
    #[expect(clippy::print_stdout, reason = "somebody has asked to read it")]
    pub(super) fn say(&mut self, at_ms: u128, what: Arguments<'_>) {
        use std::fmt::Write as _;
        self.line.clear();
        write!(self.line, "{at_ms:>7} {what}").expect("text takes everything");
        self.digest.update(self.line.as_bytes());
        if self.print {
            println!("{}", self.line);
        }
    }

    /// A number that two runs share if they are the same, line for line.
    pub(super) fn digest(&self) -> u64 {
        self.digest.digest()
    }
}
