//! The two programs that are measured, as copies: whoever builds anew during a run does not change what it measures.

use super::{Target, tool};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The variable that names the node's program.
const NAMED: &str = "COLLAB_BIN";

/// The copies; they are gone when this is dropped.
#[derive(Debug)]
pub struct Programs {
    directory: tempfile::TempDir,
    node: Option<PathBuf>,
}

impl Programs {
    /// Copies what these targets need.
    ///
    /// # Errors
    /// A sentence: what is missing, and what to do.
    pub fn copy(targets: &[Target]) -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|e| format!("no temporary directory: {e}"))?;
        // What runs, even if another build is in its place by now.
        copy(Path::new("/proc/self/exe"), &directory.path().join("loadtest"))?;
        let mut node = None;
        if targets.iter().any(|target| *target != Target::Floor) {
            let copied = directory.path().join("collabcanvas");
            copy(&program()?, &copied)?;
            node = Some(copied);
        }
        Ok(Self { directory, node })
    }

    /// This program, to be run as the floor.
    #[must_use]
    pub fn floor(&self) -> PathBuf {
        self.directory.path().join("loadtest")
    }

    /// The server.
    ///
    /// # Errors
    /// When it was not to be copied.
    pub fn node(&self) -> Result<PathBuf, String> {
        self.node.clone().ok_or_else(|| "no target was said to need a node".to_owned())
    }

    /// What is measured with what, for the report: name, version.
    #[must_use]
    pub fn facts(&self, targets: &[Target]) -> BTreeMap<String, String> {
        let said = |name: &str, flag: &str| tool::answer(&tool::find(name).ok()?, &[flag]);
        let version = |name: &str| said(name, "--version");
        let is_shared = targets.iter().any(|target| target.is_shared());
        let is_balanced = targets.contains(&Target::Balanced);
        let facts = [
            ("loadtest", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("collabcanvas", self.node.as_deref().and_then(|node| tool::answer(node, &["--version"]))),
            (NAMED, std::env::var(NAMED).ok()),
            ("commit of the working directory", commit()),
            // Its first line: the others are advice.
            ("haproxy", is_balanced.then(|| said("haproxy", "-v")?.lines().next().map(str::to_owned)).flatten()),
            ("redis", is_shared.then(|| version("redis-server")).flatten()),
            ("postgres", is_shared.then(|| version("postgres")).flatten()),
            ("kernel", fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned())),
        ];
        facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// What is checked out in the working directory, and whether it was changed since; `None` when nothing is.
fn commit() -> Option<String> {
    let git = tool::find("git").ok()?;
    let commit = tool::answer(&git, &["rev-parse", "HEAD"])?;
    let changed = tool::answer(&git, &["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}, with changes that are not committed") })
}

/// The server's program: the one that `COLLAB_BIN` names, or the one beside ours.
fn program() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(NAMED) {
        return existing(Path::new(&named));
    }
    let beside = std::env::current_exe().map_err(|e| e.to_string())?.with_file_name("collabcanvas");
    if beside.is_file() {
        return Ok(beside);
    }
    Err(format!("there is no {}: build it (cargo build --release --workspace) or name it in {NAMED}", beside.display()))
}

/// The absolute path of a program that is named.
fn existing(named: &Path) -> Result<PathBuf, String> {
    let path = std::path::absolute(named).map_err(|e| format!("{NAMED}={}: {e}", named.display()))?;
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{NAMED} names {}, which is no file: name the server's program, or build it", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copied = fs::copy(from, to);
    copied.map_err(|e| format!("{} cannot be copied to {}: {e}", from.display(), to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_must_be_there() {
        let found = existing(Path::new("Cargo.toml")).expect("tests run where it is");
        assert!(found.is_absolute(), "{}", found.display());
        let error = existing(Path::new("no/such/program")).expect_err("there is none");
        assert!(error.contains("COLLAB_BIN names") && error.contains("/no/such/program, which is no file"), "{error}");
    }

    #[test]
    fn a_copy_of_the_floor_stands_alone() {
        let programs = Programs::copy(&[Target::Floor]).expect("it can be copied");
        assert!(programs.floor().is_file());
        assert!(programs.node().is_err());
        let facts = programs.facts(&[Target::Floor]);
        assert!(facts.contains_key("kernel") && !facts.contains_key("redis"), "{facts:?}");
    }
}
