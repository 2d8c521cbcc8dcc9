//! The composition root: everything is made and connected here, and nowhere else.

mod access;
mod setup;
mod stores;
mod tools;
pub(crate) mod vigil;

pub use access::token;
pub use setup::setup;
pub use tools::{Outcome, inspect, verify_projects};

use crate::access::DevelopmentKey;
use crate::admin::health::Health;
use crate::admin::{self, Admin, Inspector, Key, overview};
use crate::autosave::Autosave;
use crate::config::Config;
use crate::durable::DurableStore;
use crate::gateway::{self, Bounds, Crowd, Edge, Gateway, Serves, Trusted};
use crate::hub::{Hub, RoomSettings};
use crate::lifecycle;
use crate::presence::Presence;
use crate::pressure::Pressure;
use crate::protocol::secret::Secret;
use crate::session::Timing;
use crate::telemetry::{Filter, Recorder};
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use stores::Made;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Time for the hello, counted from the upgrade.
const HELLO: Duration = Duration::from_secs(5);
/// Time for a client to answer our close frame.
const CLOSING: Duration = Duration::from_secs(2);
/// Time for the head of an HTTP request.
const HEAD: Duration = Duration::from_secs(10);
/// Admin connections of one node, and how many of them are accepted in a second.
const ADMIN_CONNECTIONS: u32 = 64;

/// A running node.
pub struct App {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where probes and Prometheus connect.
    pub admin_address: SocketAddr,
    /// What tokens are signed with for this node, when it is one for development.
    pub development: Option<DevelopmentKey>,
    hub: Arc<Hub>,
    durable: Arc<dyn DurableStore>,
    presence: Arc<dyn Presence>,
    stop: watch::Sender<Option<Duration>>,
    sessions: watch::Sender<()>,
    autosave: JoinHandle<()>,
    estranged: JoinHandle<String>,
    grace: Duration,
    drain: Duration,
    /// Keeps other nodes out of the database.
    _lock: Option<File>,
}

/// Why a node does not start: a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl App {
    /// Opens the stores, binds the listeners and starts to serve.
    ///
    /// # Errors
    /// [`StartError`] when something cannot be had.
    pub async fn start(config: &Config, metrics: Recorder, filter: Filter) -> Result<Self, StartError> {
        let started = Instant::now();
        let Made { stores, across, pace, ack_means_saved, estranged, lock } = stores::make(config).await?;
        let (hot, durable, presence) = (stores.hot.clone(), stores.durable.clone(), stores.presence.clone());
        let isolated = stores.isolated.clone();
        let door = access::door(config, stores.rights.clone(), across.as_ref())?;
        let quotas = access::quotas(config, across);
        let hub = Hub::new(Arc::new(stores), room_settings(config, ack_means_saved));
        let autosave = tokio::spawn(Autosave::new(hot.clone(), durable.clone(), config.history, pace).run());

        let (stop, stopping) = watch::channel(None);
        let (sessions, _) = watch::channel(());
        let gateway = Gateway {
            hub: hub.clone(),
            access: door.access,
            quotas,
            stopping: stopping.clone(),
            timing: Arc::new(Timing {
                hello: HELLO,
                heartbeat: config.heartbeat,
                silence: config.silence,
                closing: CLOSING,
            }),
            serves: Serves::Clients,
            edge: Arc::new(edge(config)),
            sessions: sessions.clone(),
        };
        let key = Key::new(config.admin_token.as_ref().map(Secret::reveal));
        let operators = gateway::operators(gateway.clone());
        let health = Health {
            is_shared: config.redis.is_some(),
            hot: hot.clone(),
            durable: durable.clone(),
            stopping: stopping.clone(),
            isolated,
            started,
        };
        let (tell, projects) = watch::channel(Vec::new());
        let crowd = gateway.edge.crowd.clone();
        tokio::spawn(overview::keep(hub.clone(), health.clone(), crowd.clone(), tell));
        let inspector = Inspector { hub: hub.clone(), hot };
        let admin = Admin { health, metrics, filter, projects, inspector, key, operators };
        let (listener, address) = bind(config.listen, "COLLAB_LISTEN").await?;
        let (admin_listener, admin_address) = bind(config.admin_listen, "COLLAB_ADMIN_LISTEN").await?;
        let clients = gateway::Limits { head: HEAD, accepts_per_second: config.node_limits.accepts_per_second };
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), clients, crowd, stopping));
        // Probes are answered until the very end: a node that saves is alive.
        let never = watch::channel(None);
        tokio::spawn(async move {
            let probes = gateway::Limits { head: HEAD, accepts_per_second: ADMIN_CONNECTIONS };
            gateway::serve(admin_listener, admin::router(admin), probes, probing(), never.1).await;
            drop(never.0);
        });
        Ok(Self {
            address,
            admin_address,
            development: door.development,
            hub,
            durable,
            presence,
            stop,
            sessions,
            autosave,
            estranged,
            grace: config.grace,
            drain: config.drain,
            _lock: lock,
        })
    }

    /// Completes when autosave has died, which it never should, or when the stores do not belong together any more: then the node must not go on accepting.
    pub async fn failed(&mut self) {
        tokio::select! {
            ended = &mut self.autosave => tracing::error!(?ended, "autosave has ended"),
            why = &mut self.estranged => tracing::error!(?why, "the stores do not belong together any more"),
        }
    }

    /// Stops: takes nobody new, tells its clients one after another to go elsewhere, saves. Returns whether everything was saved within the grace period.
    pub async fn stop(self) -> bool {
        let (clients, within) = (self.sessions.receiver_count(), self.drain.min(self.grace / 2));
        let window = lifecycle::window(clients, within);
        tracing::info!(clients, window_ms = window.as_millis(), "telling clients to go");
        self.stop.send_replace(Some(window));
        let saved = tokio::time::timeout(self.grace, async {
            self.sessions.closed().await;
            self.hub.drain().await;
            self.presence.flush().await;
            self.durable.close().await;
        });
        saved.await.is_ok()
    }
}

fn room_settings(config: &Config, ack_means_saved: bool) -> RoomSettings {
    RoomSettings {
        limits: config.limits.clone(),
        ack_means_saved,
        max_sessions: config.max_sessions,
        idle: config.idle,
        heartbeat: config.heartbeat,
        silence: config.silence,
        pressure: if ack_means_saved { Pressure::EMBEDDED } else { Pressure::SHARED },
    }
}

/// Who may come as a client.
fn edge(config: &Config) -> Edge {
    let limits = &config.node_limits;
    let bounds = Bounds { connections: limits.connections, per_address: limits.connections_per_ip };
    Edge {
        crowd: Crowd::new(bounds, Trusted::new(&config.trusted_proxies)),
        allowed_origins: config.allowed_origins.clone(),
        on_loopback: config.listen.ip().to_canonical().is_loopback(),
    }
}

/// Who may come to look after the node.
fn probing() -> Crowd {
    let bounds = Bounds { connections: ADMIN_CONNECTIONS, per_address: ADMIN_CONNECTIONS };
    Crowd::new(bounds, Trusted::default())
}

async fn bind(address: SocketAddr, name: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let cannot = |error: std::io::Error| {
        StartError(format!("cannot listen on {address}: {error}; choose another address by {name}"))
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}
