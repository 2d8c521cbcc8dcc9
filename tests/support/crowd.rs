//! Many clients that edit one project at random, and can be told to stop.

use super::actor::{Actor, Habits, Shared, Stage, Told, lock};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long it may take until everything is answered and saved when nobody edits any more.
const SETTLING: Duration = Duration::from_secs(40);

/// All clients of a project.
pub struct Crowd {
    habits: Habits,
    stage: watch::Sender<Stage>,
    running: JoinSet<Actor>,
    shared: Arc<Shared>,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(habits: Habits) -> Self {
        Self { habits, stage: watch::Sender::new(Stage::Edit), running: JoinSet::new(), shared: Arc::default() }
    }

    /// So many more clients, half of them in each encoding, who connect there and begin to edit.
    pub fn join(&mut self, url: &str, count: usize) {
        for _ in 0..count {
            let actor = Actor::new(url, &self.habits, &self.shared);
            self.running.spawn(actor.work(self.stage.subscribe()));
        }
    }

    /// What they were told so far.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.shared.told)
    }

    /// They stop editing and go on listening.
    pub fn rest(&self) {
        self.stage.send_replace(Stage::Rest);
    }

    /// They edit again.
    pub fn edit(&self) {
        self.stage.send_replace(Stage::Edit);
    }

    /// Waits until every client has got so many more answers.
    pub async fn goes_on(&mut self, answers: u64, within: Duration) {
        let before = self.told().answered.clone();
        let deadline = Instant::now() + within;
        loop {
            let behind = {
                let told = self.told();
                let pairs = before.iter().zip(&told.answered);
                pairs.filter(|(before, now)| **now < **before + answers).count()
            };
            if behind == 0 {
                return;
            }
            assert!(Instant::now() < deadline, "{behind} clients got no answers within {within:?}: {:?}", *self.told());
            self.is_well();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until somebody was told, by a code or a mode, that something is wrong for now.
    pub async fn hears_of_trouble(&mut self, within: Duration) {
        let before = self.told().for_now.clone();
        let deadline = Instant::now() + within;
        while self.told().for_now == before {
            assert!(Instant::now() < deadline, "nobody was told within {within:?}: {:?}", *self.told());
            self.is_well();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Panics if a client has panicked.
    fn is_well(&mut self) {
        if let Some(ended) = self.running.try_join_next() {
            ended.expect("no client fails");
        }
    }

    /// They stop editing and leave when all that they sent is saved.
    pub async fn finish(mut self) -> Vec<Actor> {
        self.stage.send_replace(Stage::Finish);
        let deadline = tokio::time::Instant::now() + SETTLING;
        let mut actors = Vec::new();
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.running.join_next()).await {
            actors.push(ended.expect("no client fails"));
        }
        if !self.running.is_empty() {
            self.stage.send_replace(Stage::Leave);
            let late: Vec<_> = self.running.join_all().await.iter().map(Actor::state).collect();
            panic!("not saved within {SETTLING:?}: {late:#?}\n{:?}", *lock(&self.shared.told));
        }
        actors
    }
}
