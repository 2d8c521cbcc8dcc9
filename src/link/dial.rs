//! Opens single connections: login, encryption, and who is the master.
//!
//! Every connection speaks RESP3, has nodelay set and answers within [`RESPONSE`], and its server was asked for its role: an address of a
//! managed Redis may lead to a replica for a while after a failover, and sentinels may not know better yet.

use super::error::{LinkError, Refusal};
use super::url::{Layout, Login, Server, Target};
use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, FromRedisValue, IntoConnectionInfo as _,
    ProtocolVersion, RedisConnectionInfo, TlsCertificates, Value,
};
use std::fmt::Display;
use std::time::Duration;

/// Time for an answer. When it is over the command may still have run.
pub const RESPONSE: Duration = Duration::from_secs(1);
/// Time to connect, log in and ask for the role; also the time for a sentinel.
pub(super) const CONNECT: Duration = Duration::from_secs(2);

/// What a server says that it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Role {
    Master,
    Other(String),
}

/// Asks a server for its role.
pub(super) async fn role(connection: &mut MultiplexedConnection) -> redis::RedisResult<Role> {
    let answer: Vec<Value> = redis::cmd("ROLE").query_async(connection).await?;
    let name = answer.into_iter().next().map(String::from_redis_value).transpose()?;
    Ok(match name.as_deref() {
        Some("master") => Role::Master,
        other => Role::Other(other.unwrap_or_default().to_owned()),
    })
}

impl Target {
    /// Where the master is, or the server of the URL. Asks the sentinels, one after the other.
    pub(super) async fn master(&self) -> Result<Server, LinkError> {
        let Layout::Sentinel { master, login } = &self.layout else {
            return self.servers.first().cloned().ok_or_else(|| LinkError::unavailable("no server is known"));
        };
        let mut last = LinkError::unavailable("no sentinel is known");
        for sentinel in &self.servers {
            let ask = async {
                let mut connection = self.connect(sentinel, login, 0, None).await?;
                let ask = Cmd::new().arg("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master).to_owned();
                let answer: redis::RedisResult<Option<(String, u16)>> = ask.query_async(&mut connection).await;
                answer.map_err(|e| LinkError::sorted(&e, self))
            };
            match tokio::time::timeout(CONNECT, ask).await {
                Ok(Ok(Some((host, port)))) => return Ok(Server { host, port }),
                Ok(Ok(None)) => {
                    last = LinkError::Unavailable(format!("sentinel {sentinel} knows no master named {master:?}"));
                }
                Ok(Err(error)) => last = error.at(format_args!("sentinel {sentinel}")),
                Err(_) => last = LinkError::Unavailable(format!("sentinel {sentinel} does not answer")),
            }
        }
        Err(last)
    }

    /// Connects to a server that must be a master.
    pub(super) async fn dial(
        &self,
        server: &Server,
        push: impl AsyncPushSender,
    ) -> Result<MultiplexedConnection, LinkError> {
        let mut connection = self.dial_any(server, push).await?;
        match role(&mut connection).await {
            Ok(Role::Master) => Ok(connection),
            Ok(Role::Other(role)) => {
                let message = format!("it is no master but a {role}");
                Err(LinkError::Refused { kind: Refusal::ReadOnly, message }.at(server))
            }
            Err(error) => Err(LinkError::sorted(&error, self).at(server)),
        }
    }

    /// Connects to a server.
    pub(super) async fn dial_any(
        &self,
        server: &Server,
        push: impl AsyncPushSender,
    ) -> Result<MultiplexedConnection, LinkError> {
        let open = self.connect(server, &self.login, self.database, Some(Box::new(push)));
        match tokio::time::timeout(CONNECT, open).await {
            Ok(opened) => opened.map_err(|e| e.at(server)),
            Err(_) => Err(LinkError::Unavailable(format!("{server}: no answer within {} s", CONNECT.as_secs()))),
        }
    }

    async fn connect(
        &self,
        server: &Server,
        login: &Login,
        database: i64,
        push: Option<Box<dyn AsyncPushSender>>,
    ) -> Result<MultiplexedConnection, LinkError> {
        let info = self.info(server, login, database)?;
        let client = match self.certificates()? {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        };
        let mut config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT)).set_response_timeout(Some(RESPONSE));
        if let Some(push) = push {
            config = config.set_push_sender(move |info| push.send(info));
        }
        let opened = match client {
            Ok(client) => client.get_multiplexed_async_connection_with_config(&config).await,
            Err(error) => Err(error),
        };
        opened.map_err(|e| LinkError::sorted(&e, self))
    }

    /// What the client library wants to know.
    pub(super) fn info(&self, server: &Server, login: &Login, database: i64) -> Result<ConnectionInfo, LinkError> {
        let (host, port) = (server.host.clone(), server.port);
        let address = match self.tls {
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            None => ConnectionAddr::Tcp(host, port),
        };
        let mut settings = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name()
            .set_db(database);
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(&password.0);
        }
        let info = address.into_connection_info().map_err(|e| LinkError::sorted(&e, self))?;
        Ok(info.set_tcp_settings(tcp()).set_redis_settings(settings))
    }

    /// The certificates to trust, when they are not the system's. Also makes encryption ready.
    pub(super) fn certificates(&self) -> Result<Option<TlsCertificates>, LinkError> {
        let Some(tls) = &self.tls else { return Ok(None) };
        // Fails when someone else was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Some(path) = &tls.ca else { return Ok(None) };
        let pem = std::fs::read(path).map_err(|e| LinkError::Refused {
            kind: Refusal::Other,
            message: format!("the certificates in {} cannot be read: {e}", path.display()),
        })?;
        Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(pem) }))
    }
}

/// Small commands must not wait for more.
pub(super) fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

impl LinkError {
    /// Says where it happened.
    fn at(self, server: impl Display) -> Self {
        match self {
            Self::Unavailable(text) => Self::Unavailable(format!("{server}: {text}")),
            Self::Refused { kind, message } => Self::Refused { kind, message: format!("{server}: {message}") },
        }
    }
}
