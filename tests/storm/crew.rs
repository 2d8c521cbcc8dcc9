//! All clients of a round: who is there, whether each of them gets on, and what those who have gone leave behind.

use crate::editor::Editor;
use crate::record::ClientRecord;
use crate::shared::{Order, Progress, Round};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// One client's place.
struct Seat {
    project: usize,
    order: watch::Sender<Order>,
    progress: Arc<Progress>,
}

/// Everybody.
pub(crate) struct Crew {
    /// What they share.
    pub(crate) round: Arc<Round>,
    /// The projects that they edit.
    pub(crate) projects: Vec<String>,
    seats: Vec<Seat>,
    running: JoinSet<(usize, Editor)>,
    seed: u64,
    /// What those who have gone have lived through.
    pub(crate) gone: Vec<ClientRecord>,
}

fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl Crew {
    /// So many clients, in turn in each of the projects.
    pub(crate) fn new(round: Arc<Round>, projects: Vec<String>, clients: usize, seed: u64) -> Self {
        let (seats, running, gone) = (Vec::new(), JoinSet::new(), Vec::new());
        // Far enough apart that no two rounds have clients of the same seed.
        let mut crew = Self { round, projects, seats, running, seed: seed * 100_000, gone };
        for n in 0..clients {
            let seat = crew.sit(n % crew.projects.len());
            crew.seats.push(seat);
            crew.take(n);
        }
        crew
    }

    fn sit(&self, project: usize) -> Seat {
        Seat { project, order: watch::Sender::new(Order::Edit), progress: Arc::default() }
    }

    /// Lets a new client take a seat.
    fn take(&mut self, n: usize) {
        let seat = &self.seats[n];
        let editor = Editor::new(&self.round, &self.projects[seat.project], &seat.progress, self.seed);
        let orders = seat.order.subscribe();
        self.seed += 1;
        self.running.spawn(async move { (n, editor.work(orders).await) });
    }

    /// At each of these times, tells a client to leave for good: of each project in turn, and others at another turn.
    pub(crate) async fn leave(&self, times: &[Duration], turn: usize) -> Vec<usize> {
        let mut sorted: Vec<_> = times.iter().enumerate().map(|(n, time)| (*time, n)).collect();
        sorted.sort_unstable();
        let (began, mut leaving) = (Instant::now(), Vec::new());
        for (time, n) in sorted {
            tokio::time::sleep_until((began + time).into()).await;
            let seat = (turn * times.len() + n) % self.seats.len();
            self.seats[seat].order.send_replace(Order::Leave);
            leaving.push(seat);
        }
        leaving
    }

    /// Waits until those have gone, and gives their seats to new ones.
    pub(crate) async fn replace(&mut self, mut leaving: Vec<usize>, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        while !leaving.is_empty() {
            match tokio::time::timeout_at(deadline.into(), self.running.join_next()).await {
                Ok(Some(ended)) => {
                    let (n, editor) = ended.map_err(|error| format!("a client failed: {error}"))?;
                    self.gone.push(editor.record());
                    if let Some(violation) = editor.violation {
                        return Err(violation);
                    }
                    leaving.retain(|other| *other != n);
                    self.seats[n] = self.sit(self.seats[n].project);
                    self.take(n);
                }
                _ => return Err(format!("{} clients that wait for one ack got none within {within:?}", leaving.len())),
            }
        }
        Ok(())
    }

    /// For each client, how long it takes from now until one more of its batches is answered.
    pub(crate) async fn answer_times(&self, within: Duration) -> Result<Vec<Duration>, String> {
        let began = Instant::now();
        let marks: Vec<u64> = self.seats.iter().map(|seat| count(&seat.progress.answered)).collect();
        let mut times = vec![None; marks.len()];
        while times.contains(&None) {
            let now = began.elapsed();
            for ((seat, mark), time) in self.seats.iter().zip(&marks).zip(&mut times) {
                if time.is_none() && count(&seat.progress.answered) > *mark {
                    *time = Some(now);
                }
            }
            if now > within {
                let missing = times.iter().filter(|time| time.is_none()).count();
                return Err(format!("{missing} clients had no answer within {within:?}"));
            }
            tokio::time::sleep(LOOK / 4).await;
        }
        Ok(times.into_iter().flatten().collect())
    }

    /// The highest seq of a project that any of its clients was told to be durable.
    pub(crate) fn watermark(&self, project: usize) -> u64 {
        let here = self.seats.iter().filter(|seat| seat.project == project);
        here.map(|seat| count(&seat.progress.watermark)).max().unwrap_or(0)
    }

    /// How many clients were told that their project is in degraded mode.
    pub(crate) fn degraded(&self) -> usize {
        self.seats.iter().filter(|seat| seat.progress.degraded.load(Ordering::Relaxed)).count()
    }

    /// How many clients there are.
    pub(crate) fn count(&self) -> usize {
        self.seats.len()
    }

    /// Waits until every client has handed in a batch from now on and has it answered and saved. Returns how long each of the two took.
    pub(crate) async fn gets_on(&mut self, within: Duration) -> Result<[Duration; 2], String> {
        let (began, mut answered) = (Instant::now(), None);
        let marks: Vec<u64> = self.seats.iter().map(|seat| count(&seat.progress.submitted) + 1).collect();
        loop {
            if let Some(ended) = self.running.try_join_next() {
                let (_, editor) = ended.map_err(|error| format!("a client failed: {error}"))?;
                self.gone.push(editor.record());
                return Err(editor
                    .violation
                    .clone()
                    .unwrap_or_else(|| format!("it ended too early: {}", editor.state())));
            }
            let behind = |how_far: fn(&Progress) -> u64| {
                self.seats.iter().zip(&marks).filter(|(seat, mark)| how_far(&seat.progress) < **mark).count()
            };
            if answered.is_none() && behind(|progress| count(&progress.answered)) == 0 {
                answered = Some(began.elapsed());
            }
            let behind = behind(|progress| count(&progress.saved));
            if behind == 0 {
                return Ok([answered.unwrap_or_else(|| began.elapsed()), began.elapsed()]);
            }
            if began.elapsed() > within {
                return Err(format!(
                    "{behind} clients have nothing new saved within {within:?}: {}",
                    self.lagging(&marks)
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn lagging(&self, marks: &[u64]) -> String {
        let seats = self.seats.iter().zip(marks).enumerate();
        let lines = seats.filter(|(_, (seat, mark))| count(&seat.progress.saved) < **mark).map(|(n, (seat, mark))| {
            let (project, saved) = (&self.projects[seat.project], count(&seat.progress.saved));
            format!("seat {n} of {project}: saved {saved}, handed in {}, wants {mark}", count(&seat.progress.submitted))
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    fn order(&self, order: Order) {
        for seat in &self.seats {
            seat.order.send_replace(order);
        }
    }

    /// They stop editing and come back when all that they sent is saved, connected as they are. Those who do not are brought back all the same.
    pub(crate) async fn finish(&mut self, within: Duration) -> (Vec<Editor>, Result<(), String>) {
        self.order(Order::Finish);
        let deadline = tokio::time::Instant::now() + within;
        let mut back = Vec::new();
        let mut wrong = Vec::new();
        while let Ok(Some(ended)) = tokio::time::timeout_at(deadline, self.running.join_next()).await {
            match ended {
                Ok((_, editor)) => back.push(editor),
                Err(error) => wrong.push(format!("a client failed: {error}")),
            }
        }
        if !self.running.is_empty() {
            self.order(Order::GiveUp);
            wrong.push(format!("not everything is saved {within:?} after the last edit"));
            while let Some(ended) = self.running.join_next().await {
                let Ok((_, editor)) = ended else { continue };
                wrong.push(editor.state());
                back.push(editor);
            }
        }
        wrong.extend(back.iter().filter_map(|editor| editor.violation.clone()));
        (back, if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) })
    }
}
