//! The configuration: from flags and the environment, typed, with defaults, all errors at once.
//!
//! The README's table is made from these flags' names, defaults and first lines; `tests/tidy.rs` holds them equal.

mod auth;
mod check;
mod edge;
mod limits;
mod stop;
mod table;
mod telemetry;
mod tools;
mod warnings;

pub use auth::{AuthArgs, TokenArgs, TokenConfig};
pub use edge::EdgeArgs;
pub use limits::{LimitsArgs, NodeLimits};
pub use stop::StopArgs;
pub use table::{limits_table, table};
pub use telemetry::{LogConfig, LogFormat, TelemetryArgs, TraceConfig};

use crate::access::api_keys::ApiKeys;
use crate::access::keys::KeySource;
use crate::access::token::Expected;
use crate::durable::dynamodb::Place;
use crate::durable::postgres;
use crate::ids::ProjectId;
use crate::keyspace::Keyspace;
use crate::link::Target;
use crate::protocol::limits::Limits;
use crate::protocol::secret::Secret;
use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Realtime collaboration server for canvas objects.
#[derive(Debug, Parser)]
#[command(
    name = "collabcanvas",
    version,
    about = "Realtime collaboration server for canvas objects",
    after_help = "With no configuration at all, `collabcanvas serve` keeps its data in ./data and serves a demo whiteboard: open the address that it prints.",
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a node: the WebSocket, the demo page and the admin endpoints
    Serve(Box<RawConfig>),
    /// Make what the durable store needs, a table or a file, and say what it is; doing it again changes nothing
    Setup(DurableArgs),
    /// Make an access token, signed with the first secret of COLLAB_AUTH_KEYS or with the development key
    Token(TokenArgs),
    /// Show what the durable store has of a project: epoch, tail, watermark, entries, checkpoints; nothing is changed, nodes may run
    Inspect(InspectArgs),
    /// Build the state anew from the log and compare it with the newest checkpoint; exit code 0: no difference, 1: different, 2: could not be read
    Verify(VerifyArgs),
}

/// What `inspect` is asked, as text.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Which project
    project: String,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    durable: DurableArgs,
    /// Redis of the nodes, to ask it for the watermark
    #[arg(long, env = "COLLAB_REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<Secret>,
    /// First part of all names in Redis
    #[arg(long, env = "COLLAB_KEY_PREFIX", default_value = "collab", value_name = "PREFIX")]
    key_prefix: String,
}

/// What `verify` is asked, as text.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Which project
    #[arg(required_unless_present = "all")]
    project: Option<String>,
    /// Every project, one after another
    #[arg(long, conflicts_with = "project")]
    all: bool,
    /// Print a line of JSON for each project
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    durable: DurableArgs,
}

/// What `inspect` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InspectConfig {
    /// Which project.
    pub project: ProjectId,
    /// Whether to print JSON.
    pub json: bool,
    /// Where commits are kept.
    pub durable: DurableConfig,
    /// Where hot state is, when that is to be asked as well.
    pub redis: Option<(Target, Keyspace)>,
}

/// What `verify` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyConfig {
    /// Which project; all of them if none is named.
    pub project: Option<ProjectId>,
    /// Whether to print JSON.
    pub json: bool,
    /// Where commits are kept.
    pub durable: DurableConfig,
}

/// Where commits are kept, as text.
#[derive(Debug, Args)]
pub struct DurableArgs {
    /// Directory for the embedded database
    #[arg(
        long,
        env = "COLLAB_DATA_DIR",
        value_name = "DIRECTORY",
        help = "Directory for the embedded database [default: ./data]"
    )]
    data_dir: Option<String>,
    /// Durable store instead of the one in the data directory: dynamodb://table?region=eu-central-1, postgres://user:password@host/database, sqlite:///absolute/path, or memory: for tests, which keeps nothing after the process
    #[arg(long, env = "COLLAB_DURABLE_URL", hide_env_values = true, value_name = "URL")]
    durable_url: Option<Secret>,
}

/// The configuration as text, before it is checked: every field a flag and an environment variable.
#[derive(Debug, Args)]
pub struct RawConfig {
    /// Address and port for clients; port 0 takes a free one
    #[arg(long, env = "COLLAB_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: String,
    /// Address and port for /livez, /readyz and /metrics; never expose it to clients
    #[arg(long, env = "COLLAB_ADMIN_LISTEN", default_value = "127.0.0.1:9464", value_name = "ADDRESS")]
    admin_listen: String,
    #[command(flatten)]
    durable: DurableArgs,
    #[command(flatten)]
    auth: AuthArgs,
    /// Redis that all nodes share: redis://host:6379, rediss:// with TLS, redis+sentinel://host,host/master or redis+cluster://host,host
    #[arg(long, env = "COLLAB_REDIS_URL", hide_env_values = true, value_name = "URL")]
    redis_url: Option<Secret>,
    /// Another Redis for events and presence; without it the same one does all
    #[arg(long, env = "COLLAB_REDIS_ROUTING_URL", hide_env_values = true, value_name = "URL")]
    redis_routing_url: Option<Secret>,
    /// Seconds that Redis keeps a saved project after its last change
    #[arg(long, env = "COLLAB_HOT_EXPIRY_SECONDS", default_value = "3600", value_name = "SECONDS")]
    hot_expiry_seconds: String,
    /// First part of all names in Redis, so that several deployments can share one
    #[arg(long, env = "COLLAB_KEY_PREFIX", default_value = "collab", value_name = "PREFIX")]
    key_prefix: String,
    /// Origins, besides the server's own, whose pages may connect
    #[arg(
        long,
        env = "COLLAB_ALLOWED_ORIGINS",
        default_value = "",
        value_name = "ORIGINS",
        help = "Origins, besides the server's own, whose pages may connect: a comma-separated list such as https://app.example.com"
    )]
    allowed_origins: String,
    #[command(flatten)]
    edge: EdgeArgs,
    #[command(flatten)]
    limits: LimitsArgs,
    /// Most sessions of one project
    #[arg(long, env = "COLLAB_MAX_SESSIONS", default_value = "5000", value_name = "COUNT")]
    max_sessions: String,
    /// Seconds between two pings to a client
    #[arg(long, env = "COLLAB_HEARTBEAT_SECONDS", default_value = "10", value_name = "SECONDS")]
    heartbeat_seconds: String,
    /// Seconds without a sign of life after which a session ends
    #[arg(long, env = "COLLAB_SILENCE_SECONDS", default_value = "25", value_name = "SECONDS")]
    silence_seconds: String,
    /// Seconds that a project stays open when nobody is there
    #[arg(long, env = "COLLAB_IDLE_SECONDS", default_value = "30", value_name = "SECONDS")]
    idle_seconds: String,
    /// Milliseconds from the first unsaved change of a project to its save; more makes fewer writes, 5000 at most
    #[arg(long, env = "COLLAB_AUTOSAVE_MS", default_value = "400", value_name = "MS")]
    autosave_ms: String,
    /// How long history is kept, such as 30d or 36h: every change for a day, then a state a day
    #[arg(long, env = "COLLAB_HISTORY_RETENTION", default_value = "30d", value_name = "TIME")]
    history_retention: String,
    #[command(flatten)]
    stop: StopArgs,
    #[command(flatten)]
    telemetry: TelemetryArgs,
}

/// Where commits are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DurableConfig {
    /// An SQLite file, which no other node may use at the same time: each would have a hot store of its own.
    File(PathBuf),
    /// A table of DynamoDB, which nodes share.
    Table(Place),
    /// A Postgres database.
    Postgres(Box<postgres::Target>),
    /// This process: nothing outlives it.
    Memory,
}

/// Who is let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthConfig {
    /// The keys of tokens; none on a node for development.
    pub keys: Vec<KeySource>,
    /// What tokens must say besides.
    pub expected: Expected,
    /// The keys of back ends.
    pub api_keys: ApiKeys,
}

/// What nodes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where hot state is.
    pub data: Target,
    /// Where events and presence go, when that is another one.
    pub routing: Option<Target>,
    /// The names of all keys and channels.
    pub keyspace: Keyspace,
    /// How long a saved project is kept after its last change.
    pub expiry: Duration,
}

/// The checked configuration of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// For clients.
    pub listen: SocketAddr,
    /// For probes and Prometheus.
    pub admin_listen: SocketAddr,
    /// Where commits are kept.
    pub durable: DurableConfig,
    /// Who is let in.
    pub auth: AuthConfig,
    /// What nodes share; `None` for a node on its own.
    pub redis: Option<RedisConfig>,
    /// Origins besides the server's own.
    pub allowed_origins: Vec<String>,
    /// Networks of proxies that say for whom they come.
    pub trusted_proxies: Vec<IpNet>,
    /// What opens the admin endpoints that are not for everybody.
    pub admin_token: Option<Secret>,
    /// What clients may send and projects may hold.
    pub limits: Limits,
    /// How many may connect, and how fast they may be.
    pub node_limits: NodeLimits,
    /// Most sessions of one project.
    pub max_sessions: usize,
    /// Between two pings.
    pub heartbeat: Duration,
    /// Without a sign of life.
    pub silence: Duration,
    /// How long a project stays open when nobody is there.
    pub idle: Duration,
    /// From the first unsaved change of a project to its save, when nodes share a hot store.
    pub autosave: Duration,
    /// How long history is kept.
    pub history: Duration,
    /// How long stopping may take.
    pub grace: Duration,
    /// Within which time a stopping node tells its clients to go, at most.
    pub drain: Duration,
    /// What is logged, and how.
    pub log: LogConfig,
    /// Where what happens to ops is told, if it is.
    pub traces: Option<TraceConfig>,
}

/// All that is wrong with a configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot be used:\n{}", .0.iter().map(|e| format!("  - {e}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

#[cfg(test)]
mod tests;
