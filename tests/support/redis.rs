//! A Redis of a test's own, from Debian's package: on a free port, empty, with nothing on disk unless a test wants it.

use super::process::{PORT_TRIES, Process, free_port, soon};
use super::tls::Certs;
use redis::{Connection, FromRedisValue, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Who a test is to its own Redis, whatever else may log in.
const CONTROL: &str = "control";
/// How long Redis may take to answer a test.
const ANSWER: Duration = Duration::from_secs(5);

/// How a Redis is started.
#[derive(Debug, Clone, Default)]
pub struct Conf {
    lines: Vec<String>,
    password: Option<String>,
    ca: Option<String>,
    cluster: bool,
}

impl Conf {
    /// With a line of its configuration, such as `appendonly yes`.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// With a log of all writes: what it holds is there after a restart.
    pub fn with_data_kept(self) -> Self {
        self.line("appendonly yes").line("appendfsync always")
    }

    /// Clients must log in with this.
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.line(format!("requirepass {password}"))
    }

    /// With further users, each in the language of ACL, such as `ana on >secret ~collab:* +get`.
    pub fn with_acl(self, users: &[&str]) -> Self {
        users.iter().fold(self, |conf, user| conf.line(format!("user {user}")))
    }

    /// Encrypted only.
    pub fn with_tls(mut self, certs: &Certs) -> Self {
        self.ca = Some(certs.ca());
        self.line(format!("tls-cert-file {}", certs.certificate()))
            .line(format!("tls-key-file {}", certs.key()))
            .line(format!("tls-ca-cert-file {}", certs.ca()))
            .line("tls-auth-clients no")
    }

    /// A copy of another one, which takes no writes.
    pub fn replica_of(self, other: &Redis) -> Self {
        self.line(format!("replicaof 127.0.0.1 {}", other.port))
            .line(format!("masteruser {CONTROL}"))
            .line(format!("masterauth {CONTROL}"))
    }

    /// With no more than so many bytes, and what it does then.
    pub fn maxmemory(self, bytes: u64, policy: &str) -> Self {
        self.line(format!("maxmemory {bytes}")).line(format!("maxmemory-policy {policy}"))
    }

    /// A node of a Cluster.
    pub fn in_cluster(mut self) -> Self {
        self.cluster = true;
        self.line("cluster-enabled yes").line("cluster-node-timeout 2000")
    }

    fn text(&self, port: u16) -> String {
        let (plain, encrypted) = if self.ca.is_some() { (0, port) } else { (port, 0) };
        let mut text = format!(
            "port {plain}\ntls-port {encrypted}\nbind 127.0.0.1\nunixsocket redis.sock\ndaemonize no\nsave \"\"\n\
             appendonly no\nrepl-diskless-sync-delay 0\nuser {CONTROL} on >{CONTROL} ~* &* +@all\n"
        );
        if self.cluster {
            let _ = writeln!(text, "cluster-port {}", free_port());
        }
        self.lines.iter().for_each(|line| text += &format!("{line}\n"));
        text
    }
}

/// A running Redis.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    port: u16,
    conf: Conf,
    directory: tempfile::TempDir,
}

impl Redis {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with(Conf::default()).await
    }

    /// Starts one with a configuration.
    pub async fn with(conf: Conf) -> Self {
        let mut directory = tempfile::tempdir().expect("a temporary directory");
        for _ in 0..PORT_TRIES {
            let port = free_port();
            let file = directory.path().join("redis.conf");
            std::fs::write(file, conf.text(port)).expect("its configuration can be written");
            let process = launch(directory.path());
            let mut redis = Self { process, port, conf: conf.clone(), directory };
            if redis.answers().await {
                return redis;
            }
            let said = redis.process.said();
            assert!(said.contains("already in use"), "Redis does not start:\n{said}");
            directory = redis.directory;
        }
        panic!("no port is free for Redis")
    }

    /// Waits until it answers; false when it has ended.
    async fn answers(&mut self) -> bool {
        let mut there = true;
        soon("an answer of Redis", || {
            there = self.process.runs();
            !there || self.try_cli(&["PING"]).is_ok()
        })
        .await;
        there
    }

    /// Where nodes find it, with the password if it has one.
    pub fn url(&self) -> String {
        let login = self.conf.password.as_ref().map(|password| format!(":{password}@"));
        self.url_with(&login.unwrap_or_default())
    }

    /// Where a user finds it.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        self.url_with(&format!("{user}:{password}@"))
    }

    fn url_with(&self, login: &str) -> String {
        match &self.conf.ca {
            Some(ca) => format!("rediss://{login}127.0.0.1:{}?ca={ca}", self.port),
            None => format!("redis://{login}127.0.0.1:{}", self.port),
        }
    }

    /// The port for clients.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port for clients.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Kills it as the kernel would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Kills it if it runs, and starts it again on the same port: with what it held if it keeps its data, else empty.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = launch(self.directory.path());
        assert!(self.answers().await, "Redis does not come back:\n{}", self.process.said());
    }

    /// The same, without its data in any case.
    pub async fn restart_empty(&mut self) {
        self.kill();
        // They are there only when something was kept.
        let _ = std::fs::remove_dir_all(self.directory.path().join("appendonlydir"));
        let _ = std::fs::remove_file(self.directory.path().join("dump.rdb"));
        self.restart().await;
    }

    /// Makes it hang: connections stay, nothing is answered.
    pub fn stop(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on.
    pub fn cont(&self) {
        self.process.signal("CONT");
    }

    /// A connection on which everything is permitted, past any password, encryption or fault.
    pub fn control(&self) -> Result<Connection, String> {
        let socket = self.directory.path().join("redis.sock");
        let url = format!("redis+unix://{}?user={CONTROL}&pass={CONTROL}", socket.display());
        connect(&url)
    }

    /// Runs a command, as redis-cli would, and returns its answer: lists as lines, nil as nothing.
    pub fn cli(&self, command: &[&str]) -> String {
        self.try_cli(command).unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    /// The same; the error's text when there is one.
    pub fn try_cli(&self, command: &[&str]) -> Result<String, String> {
        ask(&mut self.control()?, command).map(|value| text(&value))
    }

    /// Runs a command and returns its answer as what it is.
    pub fn query<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let value = self.control().and_then(|mut connection| ask(&mut connection, command));
        let value = value.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        T::from_redis_value(value).expect("the answer is of this type")
    }

    /// All keys that match.
    pub fn keys(&self, pattern: &str) -> Vec<String> {
        let mut keys: Vec<String> = self.query(&["KEYS", pattern]);
        keys.sort();
        keys
    }

    /// A section of INFO.
    pub fn info(&self, section: &str) -> BTreeMap<String, String> {
        let text = self.cli(&["INFO", section]);
        let fields = text.lines().filter_map(|line| line.trim_end().split_once(':'));
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Processor time that it has used so far.
    pub fn cpu(&self) -> Duration {
        let info = self.info("cpu");
        let of = |name: &str| info.get(name).and_then(|text| text.parse().ok()).unwrap_or(0.0);
        Duration::from_secs_f64(of("used_cpu_user") + of("used_cpu_sys"))
    }

    /// Whether it takes writes.
    pub fn is_master(&self) -> bool {
        self.try_cli(&["ROLE"]).is_ok_and(|role| role.starts_with("master"))
    }

    /// Waits until it, a replica, has all that its master has.
    pub async fn synced(&self) {
        let up = || self.info("replication").get("master_link_status").is_some_and(|status| status == "up");
        soon("the link to the master", up).await;
    }
}

fn launch(directory: &Path) -> Process {
    Process::start("redis-server", &["redis.conf"], directory)
}

/// Opens a connection with bounded waits.
pub fn connect(url: &str) -> Result<Connection, String> {
    let client = redis::Client::open(url).map_err(|e| e.to_string())?;
    let connection = client.get_connection_with_timeout(ANSWER).map_err(|e| e.to_string())?;
    connection.set_read_timeout(Some(ANSWER)).map_err(|e| e.to_string())?;
    Ok(connection)
}

/// Runs a command.
pub fn ask(connection: &mut Connection, command: &[&str]) -> Result<Value, String> {
    let (name, args) = command.split_first().ok_or("a command has a name")?;
    redis::cmd(name).arg(args).query(connection).map_err(|error| error.to_string())
}

/// An answer as redis-cli prints it into a pipe.
pub fn text(value: &Value) -> String {
    let lines = |values: &[Value]| values.iter().map(text).collect::<Vec<_>>().join("\n");
    match value {
        Value::Nil => String::new(),
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Okay => "OK".to_owned(),
        Value::Array(values) | Value::Set(values) => lines(values),
        other => format!("{other:?}"),
    }
}
