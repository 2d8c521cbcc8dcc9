//! Where Postgres is: the URL of a setting, parsed.
//!
//! Owns what a URL may say. Never connects and never repeats a part of the URL in an error: a password with an unescaped `/` or `@` would
//! turn up in what looks like a host.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// How long opening a connection to one address may take, unless the URL says otherwise.
const CONNECT: Duration = Duration::from_secs(5);
/// Silence after which the system asks whether the server is still there, and between two such questions.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3));
/// Unanswered questions, or time for what was sent to arrive, after which a connection is dead.
const UNANSWERED: (u32, Duration) = (3, Duration::from_secs(15));
/// Options of the URL that are the client library's business.
const PASSED: [&str; 6] =
    ["application_name", "channel_binding", "connect_timeout", "host", "load_balance_hosts", "user"];

const ENCODE: &str = "special characters of user and password must be percent-encoded (@ as %40, / as %2F, : as %3A, ? as %3F, # as %23)";
const SHAPE: &str =
    "it must be postgres://user:password@host:5432/database, with more hosts after commas if there are standby servers";

/// A URL that cannot be used: a sentence that says what to write, without a word of the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(&'static str);

/// Encryption, in the words of `sslmode`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// `disable`: none.
    Off,
    /// `prefer`: if the server offers it; who the server is is not checked.
    Prefer,
    /// `require`: always; who the server is is not checked.
    Require,
    /// `verify-full`: always; the certificate must be the host's and signed by the system's authorities, or by those in this file.
    Verify(Option<PathBuf>),
}

/// A parsed URL. Neither its `Debug` nor its `Display` shows a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

impl Target {
    /// Whether a URL is for Postgres at all.
    #[must_use]
    pub fn is_meant(url: &str) -> bool {
        ["postgres://", "postgresql://"].iter().any(|scheme| url.trim().starts_with(scheme))
    }

    /// Parses `postgres://user[:password]@host[:port][,host[:port]]/database[?option=value&…]`. Options: `sslmode` (`disable`, `prefer`,
    /// `require`, `verify-full`), `sslrootcert`, and some of the client library's. A directory with a Unix socket is `?host=/path`.
    ///
    /// # Errors
    /// [`UrlError`], which says what to write.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let (_, rest) = url.trim().split_once("://").filter(|_| Self::is_meant(url)).ok_or(UrlError(SHAPE))?;
        if rest.contains('#') {
            return Err(UrlError(ENCODE));
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').ok_or(UrlError(SHAPE))?;
        let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
        let of_host = |c: char| c.is_ascii_alphanumeric() || "-._:,[]%".contains(c);
        if authority.matches('@').count() > 1 || !hosts.chars().all(of_host) || database.contains(['/', '@', ':']) {
            return Err(UrlError(ENCODE));
        }
        let (passed, mode, roots) = options(query)?;
        let config = Config::from_str(&format!("postgres://{place}?{passed}")).map_err(|_| UrlError(SHAPE))?;
        Self { config, tls: tls(mode, roots)? }.checked()
    }

    /// Refuses what is missing, and fills in what the URL does not say.
    fn checked(mut self) -> Result<Self, UrlError> {
        let config = &mut self.config;
        if config.get_hosts().is_empty() || config.get_user().is_none() || config.get_dbname().is_none() {
            return Err(UrlError(SHAPE));
        }
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            // As libpq does: nobody listens on a Unix socket.
            self.tls = Tls::Off;
        }
        config.ssl_mode(match self.tls {
            Tls::Off => SslMode::Disable,
            Tls::Prefer => SslMode::Prefer,
            Tls::Require | Tls::Verify(_) => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("collabcanvas");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.keepalives_idle(KEEPALIVE.0).keepalives_interval(KEEPALIVE.1).keepalives_retries(UNANSWERED.0);
        config.tcp_user_timeout(UNANSWERED.1);
        Ok(self)
    }

    /// The database's name.
    pub(super) fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// Whether every host is this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.config.get_hosts().iter().all(|host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            Host::Unix(_) => true,
        })
    }

    /// Whether who answers must show that it is the server.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        matches!(self.tls, Tls::Verify(_))
    }

    /// Who we are to the server.
    pub(super) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.config.get_ports();
        let server = |(n, host): (usize, &Host)| match host {
            Host::Tcp(name) => format!("{name}:{}", ports.get(n).or(ports.first()).copied().unwrap_or(5432)),
            Host::Unix(directory) => directory.display().to_string(),
        };
        let servers: Vec<_> = self.config.get_hosts().iter().enumerate().map(server).collect();
        write!(f, "Postgres at {}, database {:?}", servers.join(","), self.database())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}, {:?}", self.tls)
    }
}

/// The options that the client library gets, `sslmode` and `sslrootcert`.
fn options(query: &str) -> Result<(String, &str, Option<PathBuf>), UrlError> {
    let (mut passed, mut mode, mut roots) = (Vec::new(), "prefer", None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "sslmode" => mode = value,
            "sslrootcert" if !value.is_empty() => roots = Some(decoded(value)?.into()),
            _ if PASSED.contains(&name) && !value.is_empty() => passed.push(pair),
            _ => {
                return Err(UrlError(
                    "the options are sslmode, sslrootcert, application_name, channel_binding, connect_timeout, host, load_balance_hosts and user; a ? in a password must be written as %3F",
                ));
            }
        }
    }
    Ok((passed.join("&"), mode, roots))
}

fn tls(mode: &str, roots: Option<PathBuf>) -> Result<Tls, UrlError> {
    match (mode, roots) {
        ("verify-full", roots) => Ok(Tls::Verify(roots)),
        (_, Some(_)) => Err(UrlError("sslrootcert needs sslmode=verify-full: otherwise no certificate is checked")),
        ("disable", None) => Ok(Tls::Off),
        ("prefer", None) => Ok(Tls::Prefer),
        ("require", None) => Ok(Tls::Require),
        _ => Err(UrlError("sslmode must be disable, prefer, require or verify-full")),
    }
}

/// Undoes percent-encoding, by the client library's own rule.
fn decoded(value: &str) -> Result<String, UrlError> {
    let parsed = Config::from_str(&format!("postgres://h?application_name={value}"));
    let decoded = parsed.ok().and_then(|config| config.get_application_name().map(str::to_owned));
    decoded.ok_or(UrlError("a % must be followed by two hexadecimal digits: a percent sign itself is written as %25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_how() {
        let target = Target::parse("postgresql://me:p%40ss@a:1,b/canvas?sslmode=verify-full&sslrootcert=%2Fca.pem")
            .expect("valid");
        assert_eq!(target.to_string(), "Postgres at a:1,b:5432, database \"canvas\"");
        assert_eq!((target.user(), target.config.get_password()), ("me", Some(&b"p@ss"[..])));
        assert_eq!(target.tls, Tls::Verify(Some("/ca.pem".into())));
        let socket = Target::parse("postgres:///canvas?host=/run/pg&user=me&sslmode=require").expect("valid");
        assert_eq!((socket.to_string().as_str(), socket.tls), ("Postgres at /run/pg, database \"canvas\"", Tls::Off));
        for (mode, tls) in [("disable", Tls::Off), ("prefer", Tls::Prefer), ("require", Tls::Require)] {
            assert_eq!(Target::parse(&format!("postgres://u@h/d?sslmode={mode}")).expect("valid").tls, tls);
        }
        assert_eq!(Target::parse("postgres://u@h/d").expect("valid").tls, Tls::Prefer);
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_repeating_it() {
        for url in [
            "mysql://u:c4n4ry@h/d",
            "postgres://u:c4n4ry@h",
            "postgres://h/d",
            "postgres://u:c4n4ry@/d",
            "postgres://u:c4n4ry/x@h/d",
            "postgres://u:1/c4n4ry@h/d",
            "postgres://u:c4n4ry@x@h/d",
            "postgres://u:1?c4n4ry@h/d",
            "postgres://u:c4n4ry#@h/d",
            "postgres://u:c4n4ry@h:0x/d",
            "postgres://u:c4n4ry@h/d?sslmode=verify-ca",
            "postgres://u:c4n4ry@h/d?sslmode=require&sslrootcert=/ca",
            "postgres://u:c4n4ry@h/d?options=-c",
        ] {
            let error = Target::parse(url).expect_err(url).to_string();
            assert!(!error.contains("c4n4ry"), "{url}: {error}");
        }
        let target = Target::parse("postgres://u:c4n4ry@h/d").expect("valid");
        assert!(!format!("{target} {target:?}").contains("c4n4ry"));
    }
}
