//! A Postgres of a test's own: a fresh cluster in a temporary directory, on a free port and a Unix socket.
//!
//! `fsync` is off unless a test asks for it: these tests kill processes, not machines, and what a process has written the kernel keeps.

use super::process::{PATIENCE, PORT_TRIES, Process, free_port, missing};
use super::tls::Certs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The user who owns everything, and the password over TCP. Over the Unix socket nobody is asked.
pub const OWNER: &str = "owner";
/// See [`OWNER`].
pub const PASSWORD: &str = "s3same";

/// How a server is set up.
#[derive(Debug, Clone, Default)]
pub struct Conf {
    lines: Vec<String>,
}

impl Conf {
    /// With a line of its configuration file.
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Commits wait for the disk.
    pub fn with_fsync(self) -> Self {
        self.line("fsync = on")
    }
}

/// A running Postgres.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    directory: tempfile::TempDir,
}

impl Postgres {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with(Conf::default()).await
    }

    /// Starts one with more in its configuration.
    pub async fn with(conf: Conf) -> Self {
        let mut directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("password"), PASSWORD).expect("it can be written");
        own(directory.path());
        initdb(directory.path());
        let base = format!(
            "unix_socket_directories = '{}'\nlisten_addresses = '127.0.0.1'\nfsync = off\nshared_buffers = 32MB\n\
             max_connections = 200\nlog_min_messages = warning\n",
            directory.path().display()
        );
        let file = directory.path().join("data/postgresql.auto.conf");
        std::fs::write(file, base + &conf.lines.join("\n") + "\n").expect("its configuration can be written");
        for _ in 0..PORT_TRIES {
            let port = free_port();
            let process = launch(directory.path(), port);
            let mut postgres = Self { process, port, directory };
            if postgres.answers().await {
                return postgres;
            }
            let said = postgres.process.said();
            assert!(said.contains("already in use"), "Postgres does not start:\n{said}");
            directory = postgres.directory;
        }
        panic!("no port is free for Postgres")
    }

    /// Waits until it answers; false when it has ended.
    async fn answers(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        loop {
            if !self.process.runs() {
                return false;
            }
            if self.control("postgres").await.is_ok() {
                return true;
            }
            assert!(Instant::now() < until, "Postgres does not answer:\n{}", self.process.said());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Where nodes find a database.
    pub fn url(&self, database: &str) -> String {
        self.url_as(OWNER, PASSWORD, database)
    }

    /// Where a user finds a database.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The port for clients.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes a database that holds nothing.
    pub async fn database(&self, name: &str) {
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\"")).await;
    }

    /// A connection on which everything is permitted.
    pub async fn control(&self, database: &str) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.directory.path()).port(self.port).user(OWNER).dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Runs statements, and returns the first column of what they answer.
    pub async fn sql(&self, database: &str, text: &str) -> Vec<String> {
        let client = self.control(database).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let answers = client.simple_query(text).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let first = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        };
        answers.iter().filter_map(first).collect()
    }

    /// Kills it as the kernel would. Its children end by themselves when they see it.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Kills it if it runs, and starts it again on the same port.
    pub async fn restart(&mut self) {
        self.kill();
        let until = Instant::now() + PATIENCE;
        loop {
            self.process = launch(self.directory.path(), self.port);
            if self.answers().await {
                return;
            }
            // The children of the one that was killed are not gone yet.
            let said = self.process.said();
            assert!(Instant::now() < until, "Postgres does not come back:\n{said}");
        }
    }

    /// Lets it offer TLS with these certificates from now on.
    pub async fn with_tls(&self, certs: &Certs) {
        let data = self.directory.path().join("data");
        for (from, to) in [(certs.certificate(), "server.crt"), (certs.key(), "server.key")] {
            std::fs::copy(from, data.join(to)).expect("it can be copied");
            std::fs::set_permissions(data.join(to), std::fs::Permissions::from_mode(0o600)).expect("it is ours");
            own(&data.join(to));
        }
        self.sql("postgres", "ALTER SYSTEM SET ssl = on").await;
        self.sql("postgres", "SELECT pg_reload_conf()").await;
        let client = self.control("postgres").await.expect("it answers");
        super::process::until("TLS", PATIENCE, async || {
            let rows = client.query("SHOW ssl", &[]).await.expect("it answers");
            rows[0].get::<_, &str>(0) == "on"
        })
        .await;
    }
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

/// The user and group that it runs as when we are root, which it refuses.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |args: &[&str]| {
        let output = Command::new("id").args(args).output().expect("id can be run");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|user| Some((number(&["-u", user])?, number(&["-g", user])?)))
}

fn own(path: &Path) {
    if let Some((user, group)) = unprivileged() {
        chown(path, Some(user), Some(group)).expect("root may give files away");
    }
}

/// A command line, as that user.
fn line(name: &str, args: &[&str]) -> Vec<String> {
    let mut line = Vec::new();
    if let Some((user, group)) = unprivileged() {
        line = vec![
            "setpriv".to_owned(),
            format!("--reuid={user}"),
            format!("--regid={group}"),
            "--clear-groups".to_owned(),
        ];
    }
    line.push(program(name).display().to_string());
    line.extend(args.iter().map(|arg| (*arg).to_owned()));
    line
}

fn initdb(directory: &Path) {
    let args = [
        "-D",
        "data",
        "-U",
        OWNER,
        "--pwfile=password",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ];
    let line = line("initdb", &args);
    let made = Command::new(&line[0]).args(&line[1..]).current_dir(directory).output();
    let made = made.unwrap_or_else(|error| panic!("{}", missing("postgresql", &error)));
    assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
}

fn launch(directory: &Path, port: u16) -> Process {
    let line = line("postgres", &["-D", "data", "-p", &port.to_string()]);
    Process::start_as("postgresql", &line, directory)
}
