//! Makes the stores that the configuration names: in this process, or shared by nodes.

use super::{StartError, access, vigil};
use crate::autosave::Pace;
use crate::config::{Config, DurableConfig, RedisConfig};
use crate::durable::DurableStore;
use crate::durable::dynamodb::{DynamoStore, Patience};
use crate::durable::measured::Measured;
use crate::durable::memory::MemoryStore;
use crate::durable::postgres::PostgresStore;
use crate::durable::sqlite::SqliteStore;
use crate::fanout::Fanout;
use crate::fanout::local::LocalFanout;
use crate::fanout::redis::RedisFanout;
use crate::hot::HotStore;
use crate::hot::memory::MemoryHot;
use crate::hot::redis::{Publish, RedisHot};
use crate::hub::Stores;
use crate::ids::NodeId;
use crate::keyspace::Keyspace;
use crate::link::check::{self, Role};
use crate::link::{Link, memory};
use crate::presence::local::LocalPresence;
use crate::presence::redis::RedisPresence;
use rand::RngExt as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The stores, and what goes with them.
pub(super) struct Made {
    pub(super) stores: Stores,
    /// Redis, for what nodes tell each other besides.
    pub(super) across: Option<(Link, Keyspace)>,
    /// When to save.
    pub(super) pace: Pace,
    /// Whether an ack must wait for the durable store: the hot one dies with this process.
    pub(super) ack_means_saved: bool,
    /// Completes when the stores do not belong together any more, or nobody watches over them.
    pub(super) estranged: JoinHandle<String>,
    /// Keeps other nodes out of the database.
    pub(super) lock: Option<File>,
}

/// Opens everything, and checks that it belongs together.
pub(super) async fn make(config: &Config) -> Result<Made, StartError> {
    match &config.redis {
        Some(redis) => shared(config, redis).await,
        None => embedded(&config.durable).await,
    }
}

async fn embedded(config: &DurableConfig) -> Result<Made, StartError> {
    let lock = match config {
        DurableConfig::File(path) => Some(lock(path)?),
        DurableConfig::Postgres(_) | DurableConfig::Memory | DurableConfig::Table(_) => None,
    };
    let fanout = Arc::new(LocalFanout::default());
    let hot = Arc::new(MemoryHot::new(fanout.clone()));
    let (durable, estranged) = match config {
        DurableConfig::Postgres(target) => {
            let store = PostgresStore::open(target).await.map_err(|error| StartError(error.to_string()))?;
            let alone = store.alone().await.map_err(|error| StartError(error.to_string()))?;
            (measured(store), alone)
        }
        _ => (durable(config).await?, tokio::spawn(std::future::pending())),
    };
    let (presence, isolated) = (Arc::new(LocalPresence), watch::channel(false).1);
    let fanout: Arc<dyn Fanout> = fanout;
    let rights = access::registry(&durable, &fanout);
    let stores = Stores { hot, durable, fanout, presence, rights, isolated };
    Ok(Made { stores, across: None, pace: Pace::AT_ONCE, ack_means_saved: true, estranged, lock })
}

async fn shared(config: &Config, redis: &RedisConfig) -> Result<Made, StartError> {
    let wrong = |error: &dyn std::fmt::Display| StartError(error.to_string());
    let durable = durable(&config.durable).await?;
    let node: NodeId = rand::rng().random();
    let fresh = format!("{:032x}", rand::rng().random::<u128>());
    let deployment = durable.deployment(&fresh).await.map_err(|error| wrong(&error))?;
    let keys = redis.keyspace.clone();
    let link = async |target, role| {
        let link = check::open(target, role).await?;
        let checked = check::check(&link, &keys, role, Some(&deployment)).await?;
        checked.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        tracing::info!(redis = %link.target(), version = checked.version, "connected to Redis");
        Ok::<_, check::CheckError>(link)
    };
    let data = link(&redis.data, Role::Data).await.map_err(|error| wrong(&error))?;
    let routing = match &redis.routing {
        Some(target) => link(target, Role::Routing).await.map_err(|error| wrong(&error))?,
        None => data.clone(),
    };
    let fanout = RedisFanout::start(routing.clone(), keys.clone(), node).await.map_err(|error| wrong(&error))?;
    let publish = if redis.routing.is_some() { Publish::ByNode(fanout.clone()) } else { Publish::ByScript };
    tokio::spawn(memory::watch(data.clone()));
    let guard = check::estranged(data.clone(), keys.clone(), deployment.clone());
    let hot: Arc<dyn HotStore> =
        Arc::new(RedisHot::new(data, keys.clone(), node, publish, redis.expiry).with_echoes(fanout.echoes()));
    let across = Some((routing.clone(), keys.clone()));
    let presence = RedisPresence::start(node, fanout.clone(), routing, keys);
    let (isolated, is_isolated) = watch::channel(false);
    let vigil = tokio::spawn(vigil::watch(node, hot.clone(), durable.clone(), isolated));
    let estranged = tokio::spawn(async move {
        tokio::select! {
            why = guard => why.to_string(),
            _ = vigil => "the watch over Redis has ended, which is a defect of this program".to_owned(),
        }
    });
    let fanout: Arc<dyn Fanout> = fanout;
    let rights = access::registry(&durable, &fanout);
    let stores = Stores { hot, durable, fanout, presence, rights, isolated: is_isolated };
    let pace = Pace { after: config.autosave, ..Pace::SHARED };
    Ok(Made { stores, across, pace, ack_means_saved: false, estranged, lock: None })
}

/// Opens the durable store.
async fn durable(config: &DurableConfig) -> Result<Arc<dyn DurableStore>, StartError> {
    Ok(match config {
        DurableConfig::Table(place) => {
            let store = DynamoStore::open(place, Patience::default()).await;
            measured(store.map_err(|error| StartError(error.to_string()))?)
        }
        DurableConfig::File(path) => measured(SqliteStore::open(path).map_err(|error| StartError(error.to_string()))?),
        DurableConfig::Postgres(target) => {
            measured(PostgresStore::open(target).await.map_err(|error| StartError(error.to_string()))?)
        }
        DurableConfig::Memory => {
            tracing::warn!("everything is kept in memory only and is gone when this process ends");
            measured(MemoryStore::new())
        }
    })
}

fn measured(store: impl DurableStore) -> Arc<dyn DurableStore> {
    Arc::new(Measured::new(Arc::new(store)))
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
