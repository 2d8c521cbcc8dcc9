//! What may happen between a node and DynamoDB: a proxy for its API that throttles, fails, loses answers, does half of what it is asked,
//! is slow or away. Which request meets what is drawn from a seed, in the order in which requests come.

use super::dynamodb_answers::{internal, split, throttled, unprocessed};
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Largest request and answer of DynamoDB.
pub const MOST: usize = 16 << 20;

/// What happens to requests. Shares are chances from 0 to 1 of each request by itself; they exclude each other, in this order.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// What is drawn from it is the same each time that it is set.
    pub seed: u64,
    /// Only these operations are hit, such as `PutItem`; every one when empty. [`Faults::away`] hits all.
    pub only: &'static [&'static str],
    /// Share that is throttled: refused, nothing was done.
    pub throttled: f64,
    /// Share that is answered with an internal error, nothing was done.
    pub failed: f64,
    /// Share that is done and then answered with an internal error.
    pub failed_after: f64,
    /// Share that is done and whose connection is then cut without an answer.
    pub cut_after: f64,
    /// Share that is done and never answered; the connection stays open until faults are set anew.
    pub hung_after: f64,
    /// Share that is held up by [`Faults::held_for`] and done then, even if nobody waits for it any more.
    pub held: f64,
    /// For how long.
    pub held_for: Duration,
    /// Share of batch writes of which a part is handed back as not processed.
    pub unprocessed: f64,
    /// How much later every answer comes, at most.
    pub late: Duration,
    /// Every connection is cut, nothing is passed on.
    pub away: bool,
}

/// What is to become of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Passed,
    Throttled,
    Failed,
    FailedAfter,
    CutAfter,
    HungAfter,
    Held,
    Unprocessed,
}

impl Fate {
    fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Throttled => "throttled",
            Self::Failed => "failed",
            Self::FailedAfter => "failed after",
            Self::CutAfter => "cut after",
            Self::HungAfter => "hung after",
            Self::Held => "held",
            Self::Unprocessed => "unprocessed",
        }
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

struct Layer {
    target: String,
    faults: watch::Sender<Faults>,
    rng: Mutex<StdRng>,
    counts: Mutex<BTreeMap<String, u64>>,
    /// Requests that are being carried out.
    busy: watch::Sender<usize>,
    client: Client<HttpConnector, Body>,
}

/// A running layer. It passes everything on until it is told otherwise.
pub struct DynamoFaults {
    endpoint: String,
    layer: Arc<Layer>,
    task: AbortHandle,
}

impl DynamoFaults {
    /// Starts one before an endpoint, `http://host:port`.
    pub async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
        let layer = Arc::new(Layer {
            target: target.to_owned(),
            faults: watch::Sender::new(Faults::default()),
            rng: Mutex::new(StdRng::seed_from_u64(0)),
            counts: Mutex::default(),
            busy: watch::Sender::new(0),
            client: Client::builder(TokioExecutor::new()).build_http(),
        });
        let task = tokio::spawn(serve(listener, layer.clone())).abort_handle();
        Self { endpoint, layer, task }
    }

    /// The endpoint to use in place of the target.
    pub fn url(&self) -> &str {
        &self.endpoint
    }

    /// From now on this happens, and what hung is cut.
    pub fn set(&self, faults: Faults) {
        *lock(&self.layer.rng) = StdRng::seed_from_u64(faults.seed);
        self.layer.faults.send_replace(faults);
    }

    /// From now on nothing happens.
    pub fn calm(&self) {
        self.set(Faults::default());
    }

    /// Waits until nothing is being carried out, what is held up included.
    pub async fn quiet(&self) {
        self.layer.busy.subscribe().wait_for(|busy| *busy == 0).await.expect("the layer is there");
    }

    /// How many requests there were of an operation, such as `PutItem`, or how many met a fate, such as `throttled` or `cut after`.
    pub fn count(&self, what: &str) -> u64 {
        lock(&self.layer.counts).get(what).copied().unwrap_or_default()
    }

    /// All counts.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.layer.counts).clone()
    }
}

impl Drop for DynamoFaults {
    fn drop(&mut self) {
        self.task.abort();
        self.set(Faults { away: true, ..Faults::default() });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, layer: Arc<Layer>) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener is sound");
        tokio::spawn(connection(stream, layer.clone()));
    }
}

/// Serves a connection until its client goes, a request is to be cut, or the store is away.
async fn connection(stream: TcpStream, layer: Arc<Layer>) {
    let mut faults = layer.faults.subscribe();
    let answer = service_fn(move |request| {
        let layer = layer.clone();
        async move { layer.answer(request).await }
    });
    let _ = stream.set_nodelay(true);
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        _ = serving => {}
        _ = faults.wait_for(|faults| faults.away) => {}
    }
}

impl Layer {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
        let operation = operation.and_then(|target| target.rsplit('.').next()).unwrap_or_default().to_owned();
        let (head, body) = request.into_parts();
        let body = to_bytes(Body::new(body), MOST).await.map_err(|_| Cut)?;
        let mut changes = self.faults.subscribe();
        let faults = changes.borrow_and_update().clone();
        let (fate, late) = self.draw(&faults, &operation);
        match fate {
            Fate::Throttled => return Ok(throttled()),
            Fate::Failed => return Ok(internal()),
            _ => {}
        }
        let (body, back) = if fate == Fate::Unprocessed { split(&body) } else { (body, None) };
        let held = if fate == Fate::Held { faults.held_for } else { Duration::ZERO };
        // By itself, so that it is done also when the client gives up meanwhile.
        let layer = self.clone();
        layer.busy.send_modify(|busy| *busy += 1);
        let done = tokio::spawn(async move {
            tokio::time::sleep(held).await;
            let answer = layer.pass_on(head, body).await;
            layer.busy.send_modify(|busy| *busy -= 1);
            answer
        });
        let answer = done.await.map_err(|_| Cut)??;
        match fate {
            Fate::FailedAfter => return Ok(internal()),
            Fate::CutAfter => return Err(Cut),
            Fate::HungAfter => {
                let _ = changes.changed().await;
                return Err(Cut);
            }
            _ => {}
        }
        tokio::time::sleep(late).await;
        match back {
            Some(back) => unprocessed(answer, &back).await.ok_or(Cut),
            None => Ok(answer),
        }
    }

    fn draw(&self, faults: &Faults, operation: &str) -> (Fate, Duration) {
        let (fate, late) = self.drawn(faults, operation);
        let mut counts = lock(&self.counts);
        for what in [operation, fate.name()] {
            *counts.entry(what.to_owned()).or_default() += 1;
        }
        (fate, late)
    }

    fn drawn(&self, faults: &Faults, operation: &str) -> (Fate, Duration) {
        let mut rng = lock(&self.rng);
        let (mut drawn, late) = (rng.random::<f64>(), faults.late.mul_f64(rng.random()));
        if !faults.only.is_empty() && !faults.only.contains(&operation) {
            return (Fate::Passed, late);
        }
        let batch = if operation == "BatchWriteItem" { faults.unprocessed } else { 0.0 };
        let shares = [
            (Fate::Throttled, faults.throttled),
            (Fate::Failed, faults.failed),
            (Fate::FailedAfter, faults.failed_after),
            (Fate::CutAfter, faults.cut_after),
            (Fate::HungAfter, faults.hung_after),
            (Fate::Held, faults.held),
            (Fate::Unprocessed, batch),
        ];
        for (fate, share) in shares {
            if drawn < share {
                return (fate, late);
            }
            drawn -= share;
        }
        (Fate::Passed, late)
    }

    async fn pass_on(&self, mut head: hyper::http::request::Parts, body: Bytes) -> Result<Response<Body>, Cut> {
        head.uri = format!("{}{}", self.target, head.uri).parse().map_err(|_| Cut)?;
        for changed in [HOST, CONTENT_LENGTH] {
            head.headers.remove(changed);
        }
        let answer = self.client.request(Request::from_parts(head, Body::from(body))).await.map_err(|_| Cut)?;
        let (head, body) = answer.into_parts();
        let body = to_bytes(Body::new(body), MOST).await.map_err(|_| Cut)?;
        Ok(Response::from_parts(head, Body::from(body)))
    }
}
