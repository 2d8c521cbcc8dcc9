//! Keeps one connection alive: opens it, hears that it broke, opens the next.
//!
//! One task per link, so that there is never more than one attempt at a time. It ends when the last [`super::Link`] is gone.

use super::dial::{CONNECT, RESPONSE, tcp};
use super::error::LinkError;
use super::url::{Layout, Target};
use super::wire::{Socket, Wire};
use crate::backoff::Backoff;
use crate::metrics;
use redis::cluster::ClusterClientBuilder;
use redis::{ProtocolVersion, PushInfo, PushKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Times that the client library tries a command of a Cluster again: after MOVED, or with a new connection.
const CLUSTER_RETRIES: u32 = 3;
/// Waits between those, in milliseconds.
const CLUSTER_WAIT: (u64, u64) = (20, 200);

/// What the keeper and the links share.
pub(super) struct Kept {
    pub(super) target: Target,
    /// Rises with each new connection; in a Cluster also when one of a shard breaks, which is then replaced out of sight.
    pub(super) lives: AtomicU64,
}

/// Opens a connection, or all of a Cluster.
pub(super) async fn open(kept: &Arc<Kept>) -> Result<Wire, LinkError> {
    let broken = Arc::new(Notify::new());
    let target = &kept.target;
    let socket = if target.layout == Layout::Cluster {
        Socket::Cluster(open_cluster(kept).await?)
    } else {
        let server = target.master().await?;
        let told = broken.clone();
        let push = move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                told.notify_one();
            }
            Ok::<(), std::convert::Infallible>(())
        };
        Socket::Single(target.dial(&server, push).await?)
    };
    Ok(Wire::new(socket, broken))
}

async fn open_cluster(kept: &Arc<Kept>) -> Result<redis::cluster_async::ClusterConnection, LinkError> {
    let target = &kept.target;
    let nodes =
        target.servers.iter().map(|server| target.info(server, &target.login, 0)).collect::<Result<Vec<_>, _>>()?;
    let weak = Arc::downgrade(kept);
    let push = move |push: PushInfo| {
        if let (PushKind::Disconnection, Some(kept)) = (push.kind, weak.upgrade()) {
            kept.lives.fetch_add(1, Ordering::Relaxed);
            metrics::redis::reconnected();
        }
        Ok::<(), std::convert::Infallible>(())
    };
    let mut builder = ClusterClientBuilder::new(nodes)
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp())
        .connection_timeout(RESPONSE)
        .response_timeout(RESPONSE)
        .overall_response_timeout(Some(RESPONSE))
        .retries(CLUSTER_RETRIES)
        .min_retry_wait(CLUSTER_WAIT.0)
        .max_retry_wait(CLUSTER_WAIT.1)
        .push_sender(push);
    if let Some(certificates) = target.certificates()? {
        builder = builder.certs(certificates);
    }
    let client = builder.build().map_err(|e| LinkError::sorted(&e, target))?;
    match tokio::time::timeout(2 * CONNECT, client.get_async_connection()).await {
        Ok(opened) => opened.map_err(|e| LinkError::sorted(&e, target)),
        Err(_) => Err(LinkError::Unavailable(format!("{target} does not answer"))),
    }
}

/// Watches over the wire and replaces it, for as long as someone has the other end of `live`.
pub(super) async fn keep(kept: Arc<Kept>, mut wire: Wire, live: watch::Sender<Option<Wire>>) {
    let mut backoff = Backoff::default();
    loop {
        let born = Instant::now();
        tokio::select! {
            () = live.closed() => return,
            () = wire.broken.notified() => {}
        }
        backoff.lived(born.elapsed());
        // A Cluster goes on with the shards that answer while its replacement is made.
        if !wire.is_cluster() {
            live.send_replace(None);
        }
        tracing::warn!(target = %kept.target, "lost the connection");
        wire = tokio::select! {
            () = live.closed() => return,
            wire = reopen(&kept, &mut backoff) => wire,
        };
        kept.lives.fetch_add(1, Ordering::Relaxed);
        metrics::redis::reconnected();
        live.send_replace(Some(wire.clone()));
        tracing::info!(target = %kept.target, "connected again");
    }
}

async fn reopen(kept: &Arc<Kept>, backoff: &mut Backoff) -> Wire {
    let mut said = String::new();
    loop {
        pause(backoff).await;
        match open(kept).await {
            Ok(wire) => return wire,
            Err(error) => {
                let text = error.count().to_string();
                // The same trouble is told once.
                if text != said {
                    tracing::warn!(error = text, "cannot connect");
                    said = text;
                }
            }
        }
    }
}

/// Waits as long as the backoff says.
pub(super) async fn pause(backoff: &mut Backoff) {
    let wait: Duration = backoff.next(rand::random());
    tokio::time::sleep(wait).await;
}
