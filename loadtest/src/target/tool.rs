//! Programs of the system: where they are, and how any program is started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Programs of the system, each with its package in Debian.
const PACKAGES: [(&str, &str); 7] = [
    ("haproxy", "haproxy"),
    ("id", "coreutils"),
    ("initdb", "postgresql"),
    ("postgres", "postgresql"),
    ("redis-server", "redis-server"),
    ("setpriv", "util-linux"),
    ("sh", "dash"),
];
/// Where Debian has servers that are not in everybody's path.
const ALSO: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];
/// Where Debian has Postgres, by version.
const POSTGRES: &str = "/usr/lib/postgresql";

/// Where a program of the system is.
///
/// # Errors
/// What to install when it is nowhere.
pub fn find(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(ALSO.map(PathBuf::from));
    let mut files = newest_of_postgres(name).into_iter().chain(folders.map(|folder| folder.join(name)));
    files.find(|file| file.is_file()).ok_or_else(|| {
        let package = PACKAGES.iter().find(|(program, _)| *program == name).map_or(name, |(_, package)| package);
        format!("{name} is missing: install it (Debian: apt-get install {package}) and try again")
    })
}

/// The newest of a program of Postgres, where Debian keeps several.
fn newest_of_postgres(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir(POSTGRES).into_iter().flatten().flatten();
    let found = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        Some((number, version.path().join("bin").join(name)))
    });
    found.filter(|(_, path)| path.is_file()).max().map(|(_, path)| path)
}

/// A command that gets none of the caller's settings of a node or its runtime, and none of the signals that the caller's terminal sends. What it prints is for
/// files and messages, so without colours.
#[must_use]
pub fn command(program: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").process_group(0).stdin(Stdio::null());
    command
}

/// Whether a variable of the environment changes how a node works.
fn is_setting(name: &OsStr) -> bool {
    ["COLLAB_", "TOKIO_"].iter().any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
}

/// What a program prints, without the white space around it; `None` when it cannot be started or fails.
#[must_use]
pub fn answer(program: &Path, args: &[&str]) -> Option<String> {
    let output = command(program).args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_its_package() {
        assert!(find("sh").is_ok_and(|path| path.is_absolute()));
        let error = find("no-such-program").expect_err("there is none");
        assert_eq!(
            error,
            "no-such-program is missing: install it (Debian: apt-get install no-such-program) and try again"
        );
    }

    #[test]
    fn settings_of_the_caller_are_not_handed_on() {
        assert!(is_setting(OsStr::new("COLLAB_MAX_SESSIONS")) && is_setting(OsStr::new("TOKIO_WORKER_THREADS")));
        assert!(!is_setting(OsStr::new("PATH")) && !is_setting(OsStr::new("MY_COLLAB_BIN")));
    }

    #[test]
    fn an_answer_is_what_a_program_prints() {
        let sh = find("sh").expect("a shell");
        assert_eq!(answer(&sh, &["-c", "echo ' yes '"]).as_deref(), Some("yes"));
        assert_eq!(answer(&sh, &["-c", "echo no; exit 1"]), None);
    }
}
