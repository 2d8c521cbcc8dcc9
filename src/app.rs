//! The composition root: everything is made and connected here, and nowhere else.

use crate::admin::{self, Admin};
use crate::autosave::{Autosave, Pace};
use crate::config::{Config, DurableConfig};
use crate::durable::DurableStore;
use crate::durable::memory::MemoryStore;
use crate::durable::sqlite::SqliteStore;
use crate::fanout::local::LocalFanout;
use crate::gateway::{self, Gateway};
use crate::hot::HotStore;
use crate::hot::memory::MemoryHot;
use crate::hub::{Hub, RoomSettings, Stores};
use crate::protocol::limits::Limits;
use crate::session::Timing;
use metrics_exporter_prometheus::PrometheusHandle;
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Time for the hello, counted from the upgrade.
const HELLO: Duration = Duration::from_secs(5);
/// Time for a client to answer our close frame.
const CLOSING: Duration = Duration::from_secs(2);
/// Time for the head of an HTTP request.
const HEAD: Duration = Duration::from_secs(10);
/// Client connections of one node.
const CONNECTIONS: usize = 100_000;
/// Admin connections of one node.
const ADMIN_CONNECTIONS: usize = 64;

/// A running node.
pub struct App {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Where probes and Prometheus connect.
    pub admin_address: SocketAddr,
    hub: Arc<Hub>,
    durable: Arc<dyn DurableStore>,
    stop: watch::Sender<bool>,
    sessions: watch::Sender<()>,
    autosave: JoinHandle<()>,
    grace: Duration,
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
    pub async fn start(config: &Config, metrics: PrometheusHandle) -> Result<Self, StartError> {
        let (durable, lock) = durable(&config.durable)?;
        let fanout = Arc::new(LocalFanout::default());
        let hot: Arc<dyn HotStore> = Arc::new(MemoryHot::new(fanout.clone()));
        let stores = Arc::new(Stores { hot: hot.clone(), durable: durable.clone(), fanout });
        let hub = Hub::new(stores, room_settings(config));
        let autosave = tokio::spawn(Autosave::new(hot, durable.clone(), config.log_retention, Pace::AT_ONCE).run());

        let (stop, stopping) = watch::channel(false);
        let (sessions, _) = watch::channel(());
        let gateway = Gateway {
            hub: hub.clone(),
            stopping: stopping.clone(),
            timing: Timing { hello: HELLO, heartbeat: config.heartbeat, silence: config.silence, closing: CLOSING },
            allowed_origins: config.allowed_origins.clone().into(),
            sessions: sessions.clone(),
        };
        let admin = Admin { durable: durable.clone(), stopping: stopping.clone(), metrics };
        let (listener, address) = bind(config.listen, "COLLAB_LISTEN").await?;
        let (admin_listener, admin_address) = bind(config.admin_listen, "COLLAB_ADMIN_LISTEN").await?;
        let clients = gateway::Limits { head: HEAD, connections: CONNECTIONS };
        let probes = gateway::Limits { head: HEAD, connections: ADMIN_CONNECTIONS };
        tokio::spawn(gateway::serve(listener, gateway::router(gateway), clients, stopping));
        // Probes are answered until the very end: a node that saves is alive.
        let never = watch::channel(false);
        tokio::spawn(async move {
            gateway::serve(admin_listener, admin::router(admin), probes, never.1).await;
            drop(never.0);
        });
        Ok(Self { address, admin_address, hub, durable, stop, sessions, autosave, grace: config.grace, _lock: lock })
    }

    /// Completes when autosave has died, which it never should: then the node must not go on accepting.
    pub async fn failed(&mut self) {
        let ended = (&mut self.autosave).await;
        tracing::error!(?ended, "autosave has ended");
    }

    /// Stops: takes nobody new, tells clients when to come back, saves. Returns whether everything was saved within the grace period.
    pub async fn stop(self) -> bool {
        self.stop.send_replace(true);
        let saved = tokio::time::timeout(self.grace, async {
            self.sessions.closed().await;
            self.hub.drain().await;
            self.durable.close().await;
        });
        saved.await.is_ok()
    }
}

fn room_settings(config: &Config) -> RoomSettings {
    RoomSettings {
        limits: Limits::default(),
        ack_means_saved: true,
        max_sessions: config.max_sessions,
        idle: config.idle,
        heartbeat: config.heartbeat,
        silence: config.silence,
    }
}

/// Opens the durable store, and keeps other nodes out of it.
fn durable(config: &DurableConfig) -> Result<(Arc<dyn DurableStore>, Option<File>), StartError> {
    let (path, lock) = match config {
        DurableConfig::File(path) => (path, lock(path)?),
        DurableConfig::Memory => {
            tracing::warn!("everything is kept in memory only and is gone when this process ends");
            return Ok((Arc::new(MemoryStore::new()), None));
        }
    };
    let store = SqliteStore::open(path).map_err(|error| StartError(error.to_string()))?;
    Ok((Arc::new(store), Some(lock)))
}

/// Makes the database this node's own, by a lock file beside it: two nodes with a hot store each would not hear of each other.
fn lock(database: &Path) -> Result<File, StartError> {
    let elsewhere = "or name another place by COLLAB_DATA_DIR or COLLAB_DURABLE_URL";
    let directory = database.parent().unwrap_or(Path::new("."));
    let cannot = |error: std::io::Error| {
        let directory = directory.display();
        StartError(format!("the data directory {directory} cannot be used: {error}; make it writable, {elsewhere}"))
    };
    std::fs::create_dir_all(directory).map_err(cannot)?;
    let file = File::create(database.with_added_extension("lock")).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::Error(error)) => Err(cannot(error)),
        Err(std::fs::TryLockError::WouldBlock) => {
            let name = database.display();
            Err(StartError(format!("the database {name} is in use by another node; stop that one, {elsewhere}")))
        }
    }
}

async fn bind(address: SocketAddr, name: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let cannot = |error: std::io::Error| {
        StartError(format!("cannot listen on {address}: {error}; choose another address by {name}"))
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}
