//! One connection that comes back.
//!
//! Owns when it is opened again: at once, then as [`Backoff`] says. Never repeats a call: whoever made it knows whether that is safe. Called
//! by the store.

use super::open::{self, Opening};
use super::trouble::Trouble;
use crate::backoff::Backoff;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

/// How long an answer may take. Longer than the server's own bounds, so that it is the one to give up while it answers at all.
pub(super) const ANSWER: Duration = Duration::from_secs(20);
/// How long a call waits for a connection that was lost: a server that merely restarted is back in less.
const WAIT: Duration = Duration::from_millis(500);

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// An open connection. Calls at the same time are sent one behind the other, without waiting for the answers.
#[derive(Debug)]
pub(super) struct Wire {
    client: Client,
    opening: Arc<Opening>,
    prepared: Mutex<HashMap<&'static str, Statement>>,
    runs: AbortHandle,
    /// Whether we have given it up; its end is noticed a little later.
    given_up: AtomicBool,
}

impl Wire {
    pub(super) fn new(client: Client, opening: Arc<Opening>, runs: AbortHandle) -> Self {
        Self { client, opening, prepared: Mutex::default(), runs, given_up: AtomicBool::new(false) }
    }

    /// Runs a statement, as a transaction of its own.
    pub(super) async fn query(&self, text: &'static str, params: Params<'_>) -> Result<Vec<Row>, Trouble> {
        let asked = async {
            let statement = self.statement(text).await?;
            self.client.query(&statement, params).await
        };
        self.answered(asked).await
    }

    /// Runs a statement, as a transaction of its own. Returns how many rows it changed.
    pub(super) async fn execute(&self, text: &'static str, params: Params<'_>) -> Result<u64, Trouble> {
        let asked = async {
            let statement = self.statement(text).await?;
            self.client.execute(&statement, params).await
        };
        self.answered(asked).await
    }

    fn is_alive(&self) -> bool {
        !self.given_up.load(Ordering::Relaxed) && !self.client.is_closed()
    }

    /// Runs several statements without parameters.
    pub(super) async fn run(&self, text: &str) -> Result<(), Trouble> {
        self.answered(self.client.batch_execute(text)).await
    }

    async fn answered<T>(&self, asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
        let target = &self.opening.target;
        let answer = match timeout(ANSWER, asked).await {
            Ok(answer) => answer.map_err(|error| Trouble::of(&error, target)),
            Err(_) => Err(Trouble::unknown(format!("{target} has not answered for {} s", ANSWER.as_secs()))),
        };
        if let Err(Trouble { reconnect: true, .. }) = &answer {
            self.given_up.store(true, Ordering::Relaxed);
            self.runs.abort();
        }
        answer
    }

    async fn statement(&self, text: &'static str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(text).await?;
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(text, statement.clone());
        Ok(statement)
    }
}

/// A connection and what replaces it when it breaks. The background task ends when this is dropped.
#[derive(Debug, Clone)]
pub(super) struct Line {
    live: watch::Receiver<State>,
}

/// The connection that is open, or why there is none.
type State = Result<Arc<Wire>, String>;

impl Line {
    /// Opens it.
    pub(super) async fn open(opening: &Arc<Opening>) -> Result<Self, Trouble> {
        let (wire, runs) = open::connect(opening).await?;
        let (told, live) = watch::channel(Ok(wire));
        tokio::spawn(keep(opening.clone(), runs, told));
        Ok(Self { live })
    }

    /// The connection, or why there is none.
    pub(super) async fn wire(&self) -> Result<Arc<Wire>, Trouble> {
        self.wire_within(WAIT).await
    }

    /// The same, for those who have longer.
    pub(super) async fn wire_within(&self, time: Duration) -> Result<Arc<Wire>, Trouble> {
        let mut live = self.live.clone();
        let is_alive = |state: &State| state.as_ref().is_ok_and(|wire| wire.is_alive());
        // Both errors, that of the time and that of the end, leave what was there last.
        let _ = timeout(time, live.wait_for(is_alive)).await;
        let wire = live.borrow().clone();
        wire.map_err(Trouble::undone)
    }
}

/// Watches over the connection and replaces it, for as long as someone has the other end of `told`.
async fn keep(opening: Arc<Opening>, mut runs: JoinHandle<String>, told: watch::Sender<State>) {
    let mut backoff = Backoff::default();
    let tell = |state| drop(told.send_replace(state));
    loop {
        let born = Instant::now();
        let why = tokio::select! {
            () = told.closed() => return,
            ended = &mut runs => ended.unwrap_or_else(|_| "it was given up".to_owned()),
        };
        backoff.lived(born.elapsed());
        let target = &opening.target;
        tracing::warn!(%target, why, "lost a connection to the durable store");
        tell(Err(format!("{target}: the connection was lost: {why}")));
        loop {
            tokio::select! {
                () = told.closed() => return,
                () = tokio::time::sleep(backoff.next(rand::random())) => {}
            }
            match open::connect(&opening).await {
                Ok((wire, new)) => {
                    runs = new;
                    tell(Ok(wire));
                    tracing::info!(%target, "connected to the durable store again");
                    break;
                }
                Err(trouble) => {
                    // The same trouble is told once.
                    let changed = told.borrow().as_ref().err() != Some(&trouble.why);
                    if changed {
                        tracing::warn!(error = trouble.why, "cannot connect to the durable store");
                        tell(Err(trouble.why));
                    }
                }
            }
        }
    }
}
