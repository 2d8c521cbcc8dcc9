//! From text to a checked configuration: every error is found, not only the first.

use super::{Config, ConfigErrors, DurableArgs, DurableConfig, RawConfig, RedisConfig};
use crate::durable::dynamodb::Place;
use crate::durable::postgres;
use crate::keyspace::Keyspace;
use crate::link::Target;
use crate::protocol::secret::Secret;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Collects errors while values are parsed.
#[derive(Default)]
pub(super) struct Errors(pub(super) Vec<String>);

impl Errors {
    fn parse<T: FromStr>(&mut self, name: &str, text: &str, wants: &str) -> Option<T> {
        let parsed = text.trim().parse().ok();
        if parsed.is_none() {
            self.add(format_args!("{name}={text:?}: {wants}"));
        }
        parsed
    }

    /// A number of units from `least` to `most`.
    fn number(&mut self, name: &str, text: &str, least: u64, most: u64, unit: &str) -> u64 {
        let wants = format!("it must be a whole number of {unit} from {least} to {most}");
        let parsed = self.parse(name, text, &wants).unwrap_or(least);
        if !(least..=most).contains(&parsed) {
            self.add(format_args!("{name}={text:?}: {wants}"));
        }
        parsed
    }

    pub(super) fn seconds(&mut self, name: &str, text: &str, least: u64, most: u64) -> Duration {
        Duration::from_secs(self.number(name, text, least, most, "seconds"))
    }

    /// A time such as `30d` or `36h`, of one day to ten years.
    fn days_or_hours(&mut self, name: &str, text: &str) -> Duration {
        let day = Duration::from_secs(24 * 3_600);
        let parse = |number: &str, unit: Duration| unit.checked_mul(number.parse().ok()?);
        let trimmed = text.trim();
        let time = match (trimmed.strip_suffix('d'), trimmed.strip_suffix('h')) {
            (Some(days), _) => parse(days, day),
            (_, Some(hours)) => parse(hours, day / 24),
            _ => None,
        };
        time.filter(|time| (day..=3_650 * day).contains(time)).unwrap_or_else(|| {
            self.add(format_args!(
                "{name}={text:?}: it must be a number of days or hours from 24h to 3650d, such as 30d or 36h"
            ));
            day
        })
    }

    /// Where Redis is. The text may hold a password and is not repeated.
    pub(super) fn url(&mut self, name: &str, text: Option<&Secret>) -> Option<Target> {
        let parsed = Target::parse(text?.reveal());
        parsed.map_err(|error| self.add(format_args!("{name}: {error}"))).ok()
    }

    /// The names in Redis.
    pub(super) fn keyspace(&mut self, prefix: &str) -> Keyspace {
        Keyspace::new(prefix).unwrap_or_else(|error| {
            self.add(format_args!("COLLAB_KEY_PREFIX={prefix:?}: {error}"));
            Keyspace::default()
        })
    }

    pub(super) fn add(&mut self, error: impl Display) {
        self.0.push(error.to_string());
    }
}

impl RawConfig {
    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigErrors`] with all that is wrong, a sentence each.
    pub fn check(&self) -> Result<Config, ConfigErrors> {
        let mut errors = Errors::default();
        let address = "it must be an address and a port, such as 127.0.0.1:8080";
        let listen: Option<SocketAddr> = errors.parse("COLLAB_LISTEN", &self.listen, address);
        let admin: Option<SocketAddr> = errors.parse("COLLAB_ADMIN_LISTEN", &self.admin_listen, address);
        if let (Some(a), Some(b)) = (listen, admin)
            && a == b
            && a.port() != 0
        {
            errors.add("COLLAB_LISTEN and COLLAB_ADMIN_LISTEN must differ: clients must not reach the admin endpoints");
        }
        let auth = self.auth.read(&mut errors);
        if let Some(listen) = listen
            && !listen.ip().is_loopback()
            && auth.keys.is_empty()
        {
            errors.add(format_args!(
                "COLLAB_LISTEN={listen} needs COLLAB_AUTH_KEYS: without keys everybody who reaches the port may edit, which is for development on 127.0.0.1 alone"
            ));
        }
        let heartbeat = errors.seconds("COLLAB_HEARTBEAT_SECONDS", &self.heartbeat_seconds, 1, 300);
        let silence = errors.seconds("COLLAB_SILENCE_SECONDS", &self.silence_seconds, 2, 30);
        if silence <= heartbeat {
            errors.add("COLLAB_SILENCE_SECONDS must be longer than COLLAB_HEARTBEAT_SECONDS, else every session ends before it is asked");
        }
        let autosave = errors.number("COLLAB_AUTOSAVE_MS", &self.autosave_ms, 0, 5_000, "milliseconds");
        let max_sessions = errors.number("COLLAB_MAX_SESSIONS", &self.max_sessions, 1, 100_000, "sessions");
        let (limits, node_limits) = self.limits.read(&mut errors);
        let config = Config {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            admin_listen: admin.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            durable: self.durable.read(&mut errors),
            auth,
            redis: self.redis(&mut errors),
            allowed_origins: origins(&self.allowed_origins, &mut errors),
            trusted_proxies: self.edge.trusted_proxies(&mut errors),
            admin_token: self.edge.admin_token(&mut errors),
            limits,
            node_limits,
            max_sessions: usize::try_from(max_sessions).unwrap_or(usize::MAX),
            heartbeat,
            silence,
            idle: errors.seconds("COLLAB_IDLE_SECONDS", &self.idle_seconds, 0, 86_400),
            autosave: Duration::from_millis(autosave),
            history: errors.days_or_hours("COLLAB_HISTORY_RETENTION", &self.history_retention),
            grace: self.stop.grace(&mut errors),
            drain: self.stop.drain(&mut errors),
            log: self.telemetry.log(&mut errors),
            traces: self.telemetry.traces(&mut errors),
        };
        if errors.0.is_empty() { Ok(config) } else { Err(ConfigErrors(errors.0)) }
    }

    /// What nodes share.
    fn redis(&self, errors: &mut Errors) -> Option<RedisConfig> {
        let data = errors.url("COLLAB_REDIS_URL", self.redis_url.as_ref());
        let routing = errors.url("COLLAB_REDIS_ROUTING_URL", self.redis_routing_url.as_ref());
        let keyspace = errors.keyspace(&self.key_prefix);
        let expiry = errors.seconds("COLLAB_HOT_EXPIRY_SECONDS", &self.hot_expiry_seconds, 1, 30 * 86_400);
        match (&self.redis_url, self.durable.durable_url.as_ref().map(Secret::reveal)) {
            (None, _) if self.redis_routing_url.is_some() => {
                errors.add("COLLAB_REDIS_ROUTING_URL needs COLLAB_REDIS_URL: nodes that share events must share the state too");
            }
            (None, Some(url)) if url.starts_with("dynamodb:") => errors.add(
                "COLLAB_DURABLE_URL=dynamodb: needs COLLAB_REDIS_URL: nothing keeps another node from the same table, and without Redis two nodes do not hear of each other",
            ),
            (Some(_), None) => errors.add(
                "COLLAB_REDIS_URL needs COLLAB_DURABLE_URL: with a database of its own every node would have a truth of its own",
            ),
            (Some(_), Some("memory:")) => {
                errors.add("COLLAB_REDIS_URL and COLLAB_DURABLE_URL=memory: exclude each other: other nodes do not see this one's memory");
            }
            _ => {}
        }
        Some(RedisConfig { data: data?, routing, keyspace, expiry })
    }
}

impl DurableArgs {
    /// Checks where commits are kept, by itself.
    ///
    /// # Errors
    /// [`ConfigErrors`], a sentence each.
    pub fn check(&self) -> Result<DurableConfig, ConfigErrors> {
        let mut errors = Errors::default();
        let durable = self.read(&mut errors);
        if errors.0.is_empty() { Ok(durable) } else { Err(ConfigErrors(errors.0)) }
    }

    pub(super) fn read(&self, errors: &mut Errors) -> DurableConfig {
        let Some(url) = self.durable_url.as_ref().map(Secret::reveal) else {
            let directory = Path::new(self.data_dir.as_deref().unwrap_or("./data"));
            return DurableConfig::File(directory.join("collabcanvas.db"));
        };
        if self.data_dir.is_some() {
            errors.add("COLLAB_DATA_DIR and COLLAB_DURABLE_URL exclude each other: with a durable URL nothing is kept in the data directory");
        }
        if url.starts_with("dynamodb:") {
            let place = Place::parse(url).map_err(|why| errors.add(format_args!("COLLAB_DURABLE_URL: {why}")));
            return place.map_or(DurableConfig::Memory, DurableConfig::Table);
        }
        if postgres::Target::is_meant(url) {
            return match postgres::Target::parse(url) {
                Ok(target) => DurableConfig::Postgres(Box::new(target)),
                Err(error) => {
                    errors.add(format_args!("COLLAB_DURABLE_URL: {error}"));
                    DurableConfig::Memory
                }
            };
        }
        let file = url.strip_prefix("sqlite://").filter(|path| path.starts_with('/') && !path.ends_with('/'));
        match file {
            Some(path) => DurableConfig::File(path.into()),
            None => {
                if url != "memory:" {
                    // Not repeated: whatever it is may hold a password.
                    errors.add("COLLAB_DURABLE_URL: it must be dynamodb://table, sqlite:///absolute/path/of/a/file, postgres://user:password@host/database or memory:");
                }
                DurableConfig::Memory
            }
        }
    }
}

/// Exact origins: scheme, host and port, nothing after.
fn origins(list: &str, errors: &mut Errors) -> Vec<String> {
    let mut origins = Vec::new();
    for origin in list.split(',').map(str::trim).filter(|o| !o.is_empty()) {
        let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        if host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', '?', '#'])) {
            origins.push(origin.to_ascii_lowercase());
        } else {
            errors.add(format_args!("COLLAB_ALLOWED_ORIGINS: {origin:?} must be an exact origin such as https://app.example.com, without a path or wildcard"));
        }
    }
    origins
}
