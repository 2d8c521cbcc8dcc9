//! The accept loop: at a bounded rate, and every connection with a deadline for its request's head, so that none can be held open by saying nothing.

use super::arrival::{Arrival, Seat};
use super::crowd::{Crowd, RETRY_AFTER};
use super::peer::Peer;
use crate::bucket::Bucket;
use crate::lifecycle::{Stopping, stops};
use crate::metrics::limits::{self, Limit};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, timeout};

/// After a pause so many connections are accepted at once as in this time.
const BURST: Duration = Duration::from_secs(1);
/// Pause after the system refused a connection (out of file descriptors, mostly): accepting again at once would only burn the processor.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);
/// Time for somebody who is turned away to take the answer.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes of a request's head: tokens are large, and what comes before a body is read in one piece.
const HEAD_BYTES: usize = 16 << 10;
/// Lines of a request's head.
const HEAD_LINES: usize = 64;

/// What a listener bears, besides what its crowd does.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for the head of a request, and for the next one to come.
    pub head: Duration,
    /// Connections that are accepted in a second, as many of them at once; further ones wait in the system's queue.
    pub accepts_per_second: u32,
}

/// Serves a router until the node stops; connections that are upgraded by then live on.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, crowd: Crowd, mut stopping: Stopping) {
    let mut bucket = Bucket::new(limits.accepts_per_second, BURST, Instant::now());
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &crowd) => accepted,
            _ = stops(&mut stopping) => return,
        };
        match accepted {
            Ok((stream, remote, place)) => {
                slow_down(&mut bucket).await;
                match crowd.address(Peer::connected(remote.ip(), crowd.trusted())) {
                    Ok(guard) => {
                        let arrival = Arrival::new(remote, Seat::new(place, guard));
                        tokio::spawn(connection(stream, router.clone(), arrival, limits.head, stopping.clone()));
                    }
                    Err(why) => drop(tokio::spawn(turn_away(stream, why.to_string(), place))),
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

/// The next connection, as soon as there is a place for it.
async fn accept(listener: &TcpListener, crowd: &Crowd) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = crowd.place().await;
    let (stream, remote) = listener.accept().await?;
    Ok((stream, remote, place))
}

/// Holds the loop up when connections come too fast.
async fn slow_down(bucket: &mut Bucket) {
    let now = Instant::now();
    let wait = bucket.wait(now, 1);
    bucket.take(now, 1);
    if !wait.is_zero() {
        limits::hit(Limit::Accepts);
        sleep(wait).await;
    }
}

async fn connection(stream: TcpStream, router: Router, arrival: Arrival, head: Duration, mut stopping: Stopping) {
    // Small frames must not wait for each other; a socket that refuses is about to end anyway.
    let _ = stream.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(arrival.clone());
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_LINES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    // Errors here are clients that went away in the middle of a request.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stops(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Says that there is no place, whatever the request may be, and does not wait long for the answer to be taken.
async fn turn_away(mut stream: TcpStream, why: String, place: OwnedSemaphorePermit) {
    let length = why.len() + 1;
    let answer = format!(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: {RETRY_AFTER}\r\nConnection: close\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n{why}\n"
    );
    let farewell = async {
        if stream.write_all(answer.as_bytes()).await.is_ok() {
            drain(stream).await;
        }
    };
    let _ = timeout(FAREWELL, farewell).await;
    drop(place);
}

/// Waits for the end of a connection. To drop one of which not everything was read could destroy what was written last before the client has it.
pub(super) async fn drain(mut connection: TcpStream) {
    let _ = connection.shutdown().await;
    let mut rest = [0; 1 << 10];
    while let Ok(1..) = connection.read(&mut rest).await {}
}
