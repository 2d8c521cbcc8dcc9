//! Where Redis is: the URL of a setting, parsed.
//!
//! Owns the shapes of the URL. Never connects and never repeats a part of the URL in an error: a password with an unescaped `/` or `@`
//! would turn up in what looks like a host.

mod safety;

use std::fmt;
use std::path::PathBuf;

/// A URL that cannot be used: a sentence that says what to write, without a word of the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl UrlError {
    fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Something that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A name and port to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Who we are to a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
}

/// How the servers of a URL stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// One server.
    Single,
    /// The servers of the URL are sentinels, which know where the master of this name is.
    Sentinel { master: String, login: Login },
    /// The servers of the URL are some nodes of a Cluster.
    Cluster,
}

/// Encryption.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tls {
    /// A file with the certificates to trust instead of the system's.
    pub(super) ca: Option<PathBuf>,
}

/// A parsed URL. Neither its `Debug` nor its `Display` shows a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(super) servers: Vec<Server>,
    pub(super) layout: Layout,
    pub(super) login: Login,
    pub(super) tls: Option<Tls>,
    pub(super) database: i64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers.iter().map(ToString::to_string).collect();
        match &self.layout {
            Layout::Single => write!(f, "Redis at {}", servers.join(",")),
            Layout::Sentinel { master, .. } => write!(f, "Redis {master:?} known to sentinels {}", servers.join(",")),
            Layout::Cluster => write!(f, "Redis Cluster at {}", servers.join(",")),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        Self::parse(url)
    }
}

/// What the options after the `?` say.
#[derive(Default)]
struct Options {
    ca: Option<PathBuf>,
    sentinel: Login,
}

impl Target {
    /// Parses `redis://[[user]:password@]host[:port][/database]`, `redis+sentinel://…host:port,host:port/master-name[/database]` or
    /// `redis+cluster://…host:port,host:port`; with `rediss` in place of `redis` encrypted. Options: `ca`, `sentinel_user`,
    /// `sentinel_password`. Special characters in user, password and options are percent-encoded.
    ///
    /// # Errors
    /// [`UrlError`], which says what to write.
    pub fn parse(url: &str) -> Result<Self, UrlError> {
        let schemes = "it must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://";
        let (scheme, rest) = url.trim().split_once("://").ok_or_else(|| UrlError::new(schemes))?;
        let (base, layout) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match base {
            "redis" => None,
            "rediss" => Some(Tls::default()),
            _ => return Err(UrlError::new(schemes)),
        };
        if rest.contains('#') {
            return Err(UrlError::new(
                "a # in a password must be written as %23, and nothing may follow a # otherwise",
            ));
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (login_of(login)?, hosts),
            None => (Login::default(), authority),
        };
        let options = options(query)?;
        let default_port = if layout == "sentinel" { 26_379 } else { 6_379 };
        let servers = hosts.split(',').map(|host| server(host, default_port)).collect::<Result<Vec<_>, _>>()?;
        let (layout, database) = match layout {
            "" if !scheme.ends_with('+') => (Layout::Single, path),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(UrlError::new(
                        "after the sentinels it must name the master, such as redis+sentinel://a:26379,b:26379/mymaster",
                    ));
                }
                (Layout::Sentinel { master: decoded(master)?, login: options.sentinel.clone() }, database)
            }
            "cluster" => (Layout::Cluster, path),
            _ => return Err(UrlError::new(schemes)),
        };
        let target = Self { servers, layout, login, tls, database: database_of(database)? };
        target.checked(options)
    }

    /// Refuses what does not go together.
    fn checked(mut self, options: Options) -> Result<Self, UrlError> {
        let sentinel = matches!(self.layout, Layout::Sentinel { .. });
        match &mut self.tls {
            Some(tls) => tls.ca = options.ca,
            None if options.ca.is_some() => {
                return Err(UrlError::new("the option ca needs an encrypted connection: begin with rediss"));
            }
            None => {}
        }
        if !sentinel && options.sentinel != Login::default() {
            return Err(UrlError::new("the options sentinel_user and sentinel_password need redis+sentinel://"));
        }
        if self.layout == Layout::Single && self.servers.len() > 1 {
            return Err(UrlError::new("several servers need redis+sentinel:// or redis+cluster://"));
        }
        if self.layout == Layout::Cluster && self.database != 0 {
            return Err(UrlError::new("a Cluster has no database but 0: end after the last port"));
        }
        for login in [&self.login, &options.sentinel] {
            if login.user.is_some() && login.password.is_none() {
                return Err(UrlError::new("a user needs a password (user:password@, or :password@ without a user)"));
            }
        }
        Ok(self)
    }

    /// Takes our passwords out of a text: a server that does not know a command repeats its arguments in its answer.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let sentinel = match &self.layout {
            Layout::Sentinel { login, .. } => login.password.as_ref(),
            _ => None,
        };
        for secret in [self.login.password.as_ref(), sentinel].into_iter().flatten().filter(|s| !s.0.is_empty()) {
            text = text.replace(&secret.0, "***");
        }
        text
    }
}

fn login_of(text: &str) -> Result<Login, UrlError> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    Ok(Login {
        user: if user.is_empty() { None } else { Some(decoded(user)?) },
        password: password.map(decoded).transpose()?.map(Secret),
    })
}

fn server(text: &str, default_port: u16) -> Result<Server, UrlError> {
    let wrong = || {
        UrlError::new(
            "each server must be host or host:port, with special characters of a password percent-encoded (@ as %40, / as %2F, : as %3A)",
        )
    };
    let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(wrong)).transpose()? {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if host.is_empty() || !host.chars().all(good) {
        return Err(wrong());
    }
    let port = port.map(|port| port.parse().ok().filter(|p| *p != 0).ok_or_else(wrong)).transpose()?;
    Ok(Server { host: host.to_owned(), port: port.unwrap_or(default_port) })
}

fn database_of(text: &str) -> Result<i64, UrlError> {
    match text {
        "" => Ok(0),
        digits if digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(digits.parse().unwrap_or(0)),
        _ => Err(UrlError::new("the database, after the last /, must be a small number")),
    }
}

fn options(query: &str) -> Result<Options, UrlError> {
    let mut options = Options::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value)?;
        match name {
            "ca" if !value.is_empty() => options.ca = Some(value.into()),
            "sentinel_user" => options.sentinel.user = Some(value),
            "sentinel_password" => options.sentinel.password = Some(Secret(value)),
            _ => {
                return Err(UrlError::new(
                    "the options are ca=/path/of/a/file.pem, sentinel_user and sentinel_password; a ? in a password must be written as %3F",
                ));
            }
        }
    }
    Ok(options)
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Result<String, UrlError> {
    let wrong =
        || UrlError::new("a % must be followed by two hexadecimal digits: a percent sign itself is written as %25");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong()) };
        bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
