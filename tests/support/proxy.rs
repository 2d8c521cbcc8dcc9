//! A small TCP proxy in this process that does what networks do: is slow, hangs, breaks, refuses.

use super::process::{PORT_TRIES, free_port};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Pieces under way in each direction; what is more stays in the sender's socket.
const UNDER_WAY: usize = 1_024;
/// Bytes of a piece at most.
const PIECE: usize = 16 * 1_024;

/// Which way bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From who has connected.
    ToTarget,
    /// From the target.
    FromTarget,
}

/// What the network does at present.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    /// Nothing is passed on.
    paused: bool,
    /// Nobody can connect.
    refusing: bool,
    /// How late bytes arrive, by [`Way`].
    late: [Duration; 2],
    /// Connections of an earlier number are cut.
    cuts: u64,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counts {
    bytes: [AtomicU64; 2],
    accepted: AtomicU64,
    open: AtomicU64,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    /// Host and port that leads to the target.
    pub address: String,
    weather: watch::Sender<Weather>,
    counts: Arc<Counts>,
    target: Arc<Mutex<String>>,
    task: AbortHandle,
}

impl Proxy {
    /// Starts one to a target, host and port.
    pub async fn start(target: &str) -> Self {
        for _ in 0..PORT_TRIES {
            let address = format!("127.0.0.1:{}", free_port());
            let Ok(listener) = TcpListener::bind(&address).await else { continue };
            let (weather, counts) = (watch::Sender::new(Weather::default()), Arc::new(Counts::default()));
            let target = Arc::new(Mutex::new(target.to_owned()));
            let serving = serve(listener, address.clone(), target.clone(), weather.subscribe(), counts.clone());
            let task = tokio::spawn(serving).abort_handle();
            return Self { address, weather, counts, target, task };
        }
        panic!("no port is free for the proxy")
    }

    /// The same URL with this proxy in place of the target.
    pub fn in_url(&self, url: &str, target: &str) -> String {
        url.replace(target, &self.address)
    }

    /// Passes nothing on, or goes on with all that has waited. Connections stay.
    pub fn pause(&self, paused: bool) {
        self.weather.send_modify(|weather| weather.paused = paused);
    }

    /// Leads new connections to another target, host and port; those that are open stay where they are until they are cut.
    pub fn lead_to(&self, target: &str) {
        target.clone_into(&mut self.target.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Closes all connections.
    pub fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Refuses new connections, or takes them again.
    pub fn refuse(&self, refusing: bool) {
        self.weather.send_modify(|weather| weather.refusing = refusing);
    }

    /// Delivers what travels this way so much later, from now on.
    pub fn delay(&self, way: Way, late: Duration) {
        self.weather.send_modify(|weather| weather.late[way as usize] = late);
    }

    /// Bytes that were delivered this way so far.
    pub fn bytes(&self, way: Way) -> u64 {
        self.counts.bytes[way as usize].load(Ordering::Relaxed)
    }

    /// Connections that were made so far.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// Connections that are open.
    pub fn open(&self) -> u64 {
        self.counts.open.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn serve(
    listener: TcpListener,
    address: String,
    target: Arc<Mutex<String>>,
    mut weather: watch::Receiver<Weather>,
    counts: Arc<Counts>,
) {
    let mut listener = Some(listener);
    loop {
        if weather.borrow_and_update().refusing {
            // Only a port without a listener refuses.
            listener = None;
        } else if listener.is_none() {
            let bound = TcpListener::bind(&address).await;
            listener = Some(bound.expect("the port is ours"));
        }
        tokio::select! {
            changed = weather.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            accepted = accept(listener.as_ref()) => {
                // Sampled here: whoever connects after a cut is not cut.
                let cuts = weather.borrow().cuts;
                let target = target.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(connection(accepted, target, weather.clone(), cuts, counts.clone()));
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => listener.accept().await.expect("the listener is sound").0,
        None => std::future::pending().await,
    }
}

async fn connection(
    near: TcpStream,
    target: String,
    weather: watch::Receiver<Weather>,
    cuts: u64,
    counts: Arc<Counts>,
) {
    counts.accepted.fetch_add(1, Ordering::Relaxed);
    counts.open.fetch_add(1, Ordering::Relaxed);
    let passing = async {
        let Ok(far) = TcpStream::connect(&target).await else { return };
        // A delay is to be ours only.
        let (_, _) = (near.set_nodelay(true), far.set_nodelay(true));
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        let there = pass(near_read, far_write, Way::ToTarget, weather.clone(), &counts);
        let back = pass(far_read, near_write, Way::FromTarget, weather.clone(), &counts);
        tokio::join!(there, back);
    };
    let cut = async {
        // The sender lives as long as the proxy; without one there is nobody left to serve.
        let _ = weather.clone().wait_for(|weather| weather.cuts > cuts).await;
    };
    tokio::select! {
        () = passing => {}
        () = cut => {}
    }
    counts.open.fetch_sub(1, Ordering::Relaxed);
}

/// Passes on what comes until one end has ended.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut weather: watch::Receiver<Weather>,
    counts: &Counts,
) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Bytes)>(UNDER_WAY);
    let seen = weather.clone();
    let reading = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(length) = from.read(&mut buffer).await {
            let due = Instant::now() + seen.borrow().late[way as usize];
            let piece = Bytes::copy_from_slice(&buffer[..length]);
            if sender.send((due, piece)).await.is_err() || length == 0 {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            if weather.wait_for(|weather| !weather.paused).await.is_err() || to.write_all(&piece).await.is_err() {
                return;
            }
            counts.bytes[way as usize].fetch_add(piece.len() as u64, Ordering::Relaxed);
            if piece.is_empty() {
                // The end of one direction is passed on as such.
                let _ = to.shutdown().await;
                return;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        // What was read is still to be written.
        () = async { reading.await; std::future::pending().await } => {}
    }
}
