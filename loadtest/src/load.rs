//! The load: clients that move rectangles, and what it took.

use super::client::{Client, Ended};
use super::core::Core;
use super::cost::Cost;
use super::history::Keep;
use super::losses::{self, Losses};
pub use super::plan::Plan;
use super::say;
use super::stats::Times;
use super::wire::{Commit, Message};
use bytes::Bytes;
use rand::RngExt as _;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long to wait for whatever must come in the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rectangles that one batch creates.
const CREATE_AT_ONCE: usize = 100;

/// What it took.
#[derive(Debug, Default)]
pub struct Report {
    /// From a batch to its ack.
    pub acks: Times,
    /// From a batch to its arrival at each other client.
    pub deliveries: Times,
    /// From a batch to the word that it is durable.
    pub saves: Times,
    /// Batches that were sent.
    pub sent: u64,
    /// Bytes of `commits` and all else that came while ops were delivered.
    pub received: u64,
    /// How long ops were sent.
    pub took: Duration,
    /// Sessions after each client's first.
    pub reconnects: u64,
    /// What the nodes have counted of it, if they were asked.
    pub cost: Option<Cost>,
    /// What went wrong.
    pub losses: Losses,
}

/// When each client sent which batch, for those who receive it.
#[derive(Debug, Default)]
struct SentTimes(Mutex<HashMap<SmolStr, Arc<Mutex<Vec<Instant>>>>>);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SentTimes {
    fn of(&self, author: &SmolStr) -> Arc<Mutex<Vec<Instant>>> {
        lock(&self.0).entry(author.clone()).or_default().clone()
    }
}

/// What the clients of a run share.
struct Shared {
    plan: Plan,
    times: SentTimes,
    sent: AtomicU64,
    delivered: AtomicU64,
    /// The seqs at which the projects ended, once they are known.
    heads: watch::Receiver<Option<Vec<u64>>>,
    /// Says that a client is through, or why it is not.
    done: mpsc::UnboundedSender<Result<(), String>>,
}

/// One client at work.
struct Worker {
    client: Client,
    project: usize,
    author: SmolStr,
    shared: Arc<Shared>,
    cache: HashMap<SmolStr, Arc<Mutex<Vec<Instant>>>>,
    deliveries: Times,
    reconnects: u64,
}

/// A batch of one op, which moves a rectangle.
fn step(objects: usize) -> Bytes {
    let mut rng = rand::rng();
    let (id, x, y) = (rng.random_range(0..objects), rng.random_range(0..4_000), rng.random_range(0..4_000));
    say::from_json(&format!(r#"[{{"op":"update","id":"obj-{id:05}","set":{{"x":{x},"y":{y}}}}}]"#))
}

fn rectangles(ids: std::ops::Range<usize>) -> Bytes {
    let create = |id: usize| {
        let (x, y) = (id % 40 * 130, id / 40 * 90);
        format!(
            r##"{{"op":"create","id":"obj-{id:05}","props":{{"id":"obj-{id:05}","type":"rectangle","x":{x},"y":{y},"width":120,"height":80,"angle":0,"strokeColor":"#1e1e1e","backgroundColor":"#3b82f6","fillStyle":"solid","strokeWidth":2,"opacity":100,"version":1}}}}"##
        )
    };
    say::from_json(&format!("[{}]", ids.map(create).collect::<Vec<_>>().join(",")))
}

impl Worker {
    async fn start(shared: Arc<Shared>, run: u64, number: usize) -> Result<Self, Ended> {
        let project = number % shared.plan.projects;
        let plan = &shared.plan;
        let name = format!("load-{run:x}-{project}");
        let id = format!("{run:x}-{number}-{:016x}", rand::rng().random::<u64>());
        let mut client = Client::new(plan.node(number), &name, id, plan.encoding, Keep::Names);
        client.reconnect(PATIENCE).await?;
        client.until("the first sync", PATIENCE, Core::is_synced).await?;
        if number < plan.projects {
            let starts = (0..plan.objects).step_by(CREATE_AT_ONCE);
            for first in starts {
                client.submit(rectangles(first..plan.objects.min(first + CREATE_AT_ONCE)));
            }
            client.until("the ack of the rectangles", PATIENCE, |c| c.open_batches().1 == 0).await?;
        }
        let author = client.core.history.author.clone();
        let times = shared.times.of(&author);
        lock(&times).extend(client.core.history.sent.keys().map(|_| Instant::now()));
        client.core.history.answered_in.clear();
        client.core.history.saved_in.clear();
        client.received = 0;
        Ok(Self { client, project, author, shared, cache: HashMap::new(), deliveries: Times::default(), reconnects: 0 })
    }

    /// Sends at the plan's rate until `end`, then waits until all is saved and all others' work is here.
    async fn run(mut self, start: Instant) -> (Self, Result<(), String>) {
        let result = self.work(start).await.map_err(|e| format!("client {}: {e}", self.author));
        // The end of the run is waiting for this, or has gone.
        let _ = self.shared.done.send(result.clone());
        let result = match result {
            Ok(()) => self.settle().await.map_err(|e| format!("client {}: {e}", self.author)),
            failed => failed,
        };
        (self, result)
    }

    async fn work(&mut self, start: Instant) -> Result<(), Ended> {
        let shared = self.shared.clone();
        let times = shared.times.of(&self.author);
        let end = start + shared.plan.time;
        let period = Duration::from_secs_f64(1.0 / shared.plan.rate);
        // Not all at the same moment.
        let mut due = start + period.mul_f64(rand::rng().random_range(0.0..1.0));
        while due < end {
            tokio::select! {
                message = self.client.next() => self.heard(message).await?,
                () = tokio::time::sleep_until(due.into()) => {
                    lock(&times).push(due);
                    // Counted from when it was due, so that a slow server does not look fast by slowing its clients.
                    self.client.core.submit(due, step(shared.plan.objects));
                    shared.sent.fetch_add(1, Ordering::Relaxed);
                    due += period;
                }
            }
        }
        let patience = Instant::now() + PATIENCE;
        while self.client.core.open_batches() != (0, 0) {
            self.listen("the last saved", patience).await?;
        }
        Ok(())
    }

    async fn listen(&mut self, what: &'static str, until: Instant) -> Result<(), Ended> {
        match tokio::time::timeout_at(until.into(), self.client.next()).await {
            Ok(message) => self.heard(message).await,
            Err(_) => Err(Ended::TimedOut(what, PATIENCE)),
        }
    }

    async fn settle(&mut self) -> Result<(), Ended> {
        let mut heads = self.shared.heads.clone();
        let patience = Instant::now() + 2 * PATIENCE;
        loop {
            let head = heads.borrow_and_update().as_ref().map(|heads| heads[self.project]);
            let at = self.client.core.position().map_or(0, |p| p.seq);
            if head.is_some_and(|head| at >= head) && self.client.core.is_synced() {
                return Ok(());
            }
            tokio::select! {
                message = self.client.next() => self.heard(message).await?,
                Ok(()) = heads.changed() => {}
                () = tokio::time::sleep_until(patience.into()) => return Err(Ended::TimedOut("the others' work", 2 * PATIENCE)),
            }
        }
    }

    async fn heard(&mut self, message: Result<Message, Ended>) -> Result<(), Ended> {
        match message {
            Ok(Message::Commits(_, _, commits)) => self.delivered(&commits),
            Ok(_) => {}
            Err(Ended::Violation(violation)) => return Err(violation.into()),
            Err(_) => {
                self.reconnects += 1;
                self.client.reconnect(PATIENCE).await?;
            }
        }
        Ok(())
    }

    fn delivered(&mut self, commits: &[Commit]) {
        let now = Instant::now();
        for commit in commits.iter().filter(|c| c.cid > 0 && c.author != self.author) {
            let times = match self.cache.get(&commit.author) {
                Some(times) => times,
                None => {
                    let times = self.shared.times.of(&commit.author);
                    self.cache.entry(commit.author.clone()).or_insert(times)
                }
            };
            let index = usize::try_from(commit.cid - 1).unwrap_or(usize::MAX);
            if let Some(sent) = lock(times).get(index) {
                self.deliveries.add(now.saturating_duration_since(*sent));
                self.shared.delivered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Runs a plan. `progress` is called about once a second: time so far, batches sent, deliveries.
///
/// # Errors
/// A sentence, when the run could not be made or a client was left without an answer.
pub async fn run(plan: Plan, progress: impl Fn(Duration, u64, u64)) -> Result<Report, String> {
    let run: u64 = rand::rng().random::<u64>() >> 24;
    let (tell_heads, heads) = watch::channel(None);
    let (done, mut through) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        plan,
        times: SentTimes::default(),
        sent: AtomicU64::new(0),
        delivered: AtomicU64::new(0),
        heads,
        done,
    });
    let mut workers = Vec::new();
    for number in 0..shared.plan.clients {
        let worker = Worker::start(shared.clone(), run, number).await;
        workers.push(worker.map_err(|e| format!("client {number} could not start: {e}"))?);
    }
    for worker in workers.iter_mut().take(shared.plan.projects) {
        let saved = worker.client.until("the rectangles to be saved", PATIENCE, |c| c.open_batches() == (0, 0)).await;
        saved.map_err(|e| format!("the rectangles: {e}"))?;
        worker.client.core.history.saved_in.clear();
    }
    let before = shared.plan.scrape().await?;
    let start = Instant::now();
    let mut running = JoinSet::new();
    let count = workers.len();
    workers.into_iter().for_each(|worker| drop(running.spawn(worker.run(start))));
    let mut left = count;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    while left > 0 {
        tokio::select! {
            Some(result) = through.recv() => {
                result?;
                left -= 1;
            }
            _ = tick.tick() => {
                progress(start.elapsed(), shared.sent.load(Ordering::Relaxed), shared.delivered.load(Ordering::Relaxed));
            }
        }
    }
    let took = start.elapsed();
    let cost = shared.plan.scrape().await?.map(|after| after.since(&before.unwrap_or_default()));
    let judges = judges(&shared.plan, run).await.map_err(|e| format!("a fresh client: {e}"))?;
    let seqs = judges.iter().map(|judge| judge.core.position().map_or(0, |p| p.seq)).collect();
    tell_heads.send_replace(Some(seqs));
    let mut finished = Vec::new();
    while let Some(worker) = running.join_next().await {
        let (worker, result) = worker.map_err(|e| e.to_string())?;
        result?;
        finished.push(worker);
    }
    Ok(Report { cost, ..report(finished, &judges, took, &shared) })
}

/// A fresh client for each project, synced.
async fn judges(plan: &Plan, run: u64) -> Result<Vec<Client>, Ended> {
    let mut judges = Vec::new();
    for project in 0..plan.projects.min(plan.clients) {
        let name = format!("load-{run:x}-{project}");
        let id = format!("judge-{:016x}", rand::rng().random::<u64>());
        let mut judge = Client::new(plan.node(0), &name, id, plan.encoding, Keep::Names);
        judge.reconnect(PATIENCE).await?;
        judge.until("a fresh join", PATIENCE, Core::is_synced).await?;
        judges.push(judge);
    }
    Ok(judges)
}

fn report(finished: Vec<Worker>, judges: &[Client], took: Duration, shared: &Shared) -> Report {
    let mut report = Report { took, sent: shared.sent.load(Ordering::Relaxed), ..Report::default() };
    for (project, judge) in judges.iter().enumerate() {
        let here = finished.iter().filter(|w| w.project == project);
        let clients: Vec<_> = here.map(|w| (&w.client.core.history, w.client.core.replica())).collect();
        let head = judge.core.position().map_or(0, |p| p.seq);
        report.losses.add(losses::find(&clients, judge.core.replica(), head));
    }
    for worker in finished {
        report.received += worker.client.received;
        report.reconnects += worker.reconnects;
        worker.client.core.history.answered_in.iter().for_each(|time| report.acks.add(*time));
        worker.client.core.history.saved_in.iter().for_each(|time| report.saves.add(*time));
        report.deliveries.merge(worker.deliveries);
    }
    report
}
