//! The accept loop: every connection with a deadline for its request's head, so that none can be held open by saying nothing.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Pause after the system refused a connection (out of file descriptors, mostly): accepting again at once would only burn the processor.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// What a listener bears.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for the head of a request.
    pub head: Duration,
    /// Connections at the same time; further ones wait in the system's queue.
    pub connections: usize,
}

/// Serves a router until `stopping` turns true; connections that are upgraded by then live on.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, mut stopping: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut stopping) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, router.clone(), limits.head, stopping.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, head: Duration, mut stopping: watch::Receiver<bool>) {
    // Small frames must not wait for each other; a socket that refuses is about to end anyway.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    // Errors here are clients that went away in the middle of a request.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Waits until the node stops.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that nobody is left to say so: the same.
    let _ = stopping.wait_for(|stop| *stop).await;
}
