//! A Redis for the nodes of a run, on their core; it keeps nothing on disk.

use super::process::{Ending, Launch, Process, on_a_free_port};
use super::tool;
use crate::machine;
use std::path::Path;

/// Starts one; returns its address, like `127.0.0.1:6379`.
///
/// # Errors
/// A sentence: what is missing, or what it said.
pub async fn start(directory: &Path) -> Result<(Process, String), String> {
    let program = tool::find("redis-server")?;
    let started = on_a_free_port(async |port| {
        let number = port.to_string();
        let args = ["--port", &number, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
        let mut redis = Process::start(Launch {
            name: "redis",
            program: program.clone(),
            args: args.map(str::to_owned).to_vec(),
            env: Vec::new(),
            core: machine::SERVERS,
            directory,
            ending: Ending::Kill,
        })?;
        // Its own word, as another's server may answer on the port.
        redis.says("Ready to accept connections").await?;
        Ok((redis, port))
    });
    let (redis, port) = started.await?;
    Ok((redis, format!("127.0.0.1:{port}")))
}
