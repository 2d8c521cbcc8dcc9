//! A Postgres for the nodes of a run: a fresh cluster in the target's directory, on the generator's core, as its cost is not that of a delivery.
//!
//! With its ordinary settings, so that a commit waits for the disk.

use super::process::{Ending, Launch, Process, on_a_free_port};
use super::tool;
use crate::machine;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

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
    let account = unprivileged()?;
    if let Some((user, group)) = account {
        open_up(directory)?;
        chown(&home, Some(user), Some(group)).map_err(|e| format!("{}: {e}", home.display()))?;
    }
    let data = home.join("data").display().to_string();
    let args = ["-D", &data, "-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"];
    let (program, args) = line("initdb", &args, account)?;
    let made = tool::command(&program).args(args).current_dir(&home).output();
    let made = made.map_err(|e| format!("initdb cannot be started: {e}"))?;
    if !made.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let started = on_a_free_port(async |port| {
        let (number, sockets) = (port.to_string(), home.display().to_string());
        let listen = ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"];
        let args: Vec<&str> = ["-D", &data, "-p", &number, "-k", &sockets].into_iter().chain(listen).collect();
        let (program, args) = line("postgres", &args, account)?;
        let mut process = Process::start(Launch {
            name: "postgres",
            program,
            args,
            env: Vec::new(),
            core: machine::GENERATOR,
            directory: &home,
            // Its shared memory would stay behind.
            ending: Ending::Interrupt,
        })?;
        process.says("ready to accept connections").await?;
        Ok((process, port))
    });
    let (process, port) = started.await?;
    Ok((process, format!("postgres://{OWNER}@127.0.0.1:{port}/postgres?sslmode=disable")))
}

fn open_up(directory: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let passable = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(directory, passable).map_err(|e| format!("{}: {e}", directory.display()))
}

/// The user and group that it runs as when we are root.
fn unprivileged() -> Result<Option<(u32, u32)>, String> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let id = tool::find("id")?;
    let number = |args: &[&str]| tool::answer(&id, args)?.parse::<u32>().ok();
    let account = ["postgres", "nobody"].iter().find_map(|user| Some((number(&["-u", user])?, number(&["-g", user])?)));
    account.map(Some).ok_or_else(|| {
        "Postgres does not run as root, and there is no user postgres or nobody: add one, or start this as another user".to_owned()
    })
}

/// A program and its arguments, as that user.
fn line(name: &str, args: &[&str], account: Option<(u32, u32)>) -> Result<(PathBuf, Vec<String>), String> {
    let program = tool::find(name)?;
    let args = args.iter().map(|arg| (*arg).to_owned());
    let Some((user, group)) = account else { return Ok((program, args.collect())) };
    let become_it = [format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()];
    let own = become_it.into_iter().chain([program.display().to_string()]);
    Ok((tool::find("setpriv")?, own.chain(args).collect()))
}
