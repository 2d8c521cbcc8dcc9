//! A Postgres for the nodes of a run: a fresh cluster in the target's directory, on the generator's core, as its cost is not that of a delivery.
//!
//! With its ordinary settings, so that a commit waits for the disk.

use super::process::{Process, free_port};
use crate::machine;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The user that owns everything.
const OWNER: &str = "owner";

/// Starts one; returns where nodes find its database.
///
/// # Errors
/// A sentence: what is missing, or what it said.
pub async fn start(directory: &Path) -> Result<(Process, String), String> {
    let home = directory.join("postgres");
    std::fs::create_dir(&home).map_err(|e| format!("{}: {e}", home.display()))?;
    // It refuses to run as root, so that it must get through to a directory of its own.
    let account = unprivileged();
    if let Some((user, group)) = account {
        open_up(directory)?;
        chown(&home, Some(user), Some(group)).map_err(|e| format!("{}: {e}", home.display()))?;
    }
    let data = home.join("data").display().to_string();
    let args = ["-D", &data, "-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    let line = line("initdb", &args, account);
    let made = Command::new(&line[0]).args(&line[1..]).current_dir(&home).output();
    let made = made.map_err(|e| {
        format!("initdb cannot be started ({e}): install Postgres (Debian: apt-get install postgresql)")
    })?;
    if !made.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let port = free_port();
    let (number, sockets) = (port.to_string(), home.display().to_string());
    let args =
        ["-D", &data, "-p", &number, "-k", &sockets, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"];
    let mut process =
        Process::start("postgres", &self::line("postgres", &args, account), &[], machine::GENERATOR, &home)?;
    process.says("ready to accept connections").await?;
    Ok((process, format!("postgres://{OWNER}@127.0.0.1:{port}/postgres?sslmode=disable")))
}

fn open_up(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let passable = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(directory, passable).map_err(|e| format!("{}: {e}", directory.display()))
}

/// Where the newest of its programs are: Debian keeps them out of the path.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let path = version.path().join("bin").join(name);
        path.exists().then_some((number, path))
    });
    found.max().map_or_else(|| PathBuf::from(name), |(_, path)| path)
}

/// The user and group that it runs as when we are root.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |args: &[&str]| {
        let output = Command::new("id").args(args).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|user| Some((number(&["-u", user])?, number(&["-g", user])?)))
}

/// A command line, as that user.
fn line(name: &str, args: &[&str], account: Option<(u32, u32)>) -> Vec<String> {
    let mut line = Vec::new();
    if let Some((user, group)) = account {
        line.extend([
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".to_owned(),
        ]);
    }
    line.push(program(name).display().to_string());
    line.extend(args.iter().map(|arg| (*arg).to_owned()));
    line
}
