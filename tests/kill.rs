//! Kill -9 of a node, again and again, under clients that never pause and of which half never come back: nothing that was acked is lost,
//! doubled or out of order, and everybody agrees in the end.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

use collabcanvas::protocol::Encoding;
use loadtest::client::{Client, Ended};
use loadtest::core::Core;
use loadtest::history::Keep;
use loadtest::say;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::{Connection, OpenFlags};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use support::process::PATIENCE;
use support::server::{Server, Setup};
use support::truth::Truth;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Clients at work at any time.
const ACTIVE: usize = 20;
/// How often the server is killed.
const KILLS: usize = 60;
/// Every so many kills, one waits for a checkpoint and comes in the middle of it.
const CHECKPOINT_KILL: usize = 3;
/// Kills in the middle of a checkpoint that are aimed at; how many there were is printed, for a slow machine may miss some.
const IN_CHECKPOINT: usize = 5;
/// More kills at most, while so many have not been met.
const MORE: usize = 12;
/// How long to wait for a checkpoint, as long as too few were met, and then. The longer it waits, the surer one comes: a node that is killed
/// early each time has an ever longer log to make it from.
const HUNT: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(1)];
/// The last one has few clients and large objects, so that its checkpoints are many and take a while.
const PROJECTS: [&str; 3] = ["first", "second", "heavy"];
/// Clients at work in the heavy project.
const HEAVY_ACTIVE: usize = 2;
/// Objects of the heavy project, and how large their text is, in bytes.
const HEAVY: (usize, usize) = (40, 60_000);
/// Unanswered batches of a client: it never waits for one answer before it sends the next.
const WINDOW: u64 = 4;
/// Objects of a project, about.
const OBJECTS: usize = 400;

/// The objects of a project that somebody has created and nobody deleted, about.
#[derive(Default)]
struct Pool(Mutex<Vec<String>>);

impl Pool {
    fn pick(&self, rng: &mut StdRng) -> Option<String> {
        let pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (!pool.is_empty()).then(|| pool[rng.random_range(0..pool.len())].clone())
    }

    fn add(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
    }

    fn remove(&self, rng: &mut StdRng) -> Option<String> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (pool.len() > OBJECTS / 2).then(|| {
            // The newest may be the work of the same batch.
            let index = if rng.random_range(0..8) == 0 { pool.len() - 1 } else { rng.random_range(0..pool.len()) };
            pool.swap_remove(index)
        })
    }

    fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() > OBJECTS
    }
}

/// One client that works without pause.
struct Actor {
    client: Client,
    project: usize,
    name: String,
    made: u32,
    rng: StdRng,
    pool: Arc<Pool>,
    /// It stayed to the end, and everything that it sent is saved.
    finished: bool,
}

impl Actor {
    fn heavy_op(&mut self) -> String {
        let id = self.rng.random_range(0..HEAVY.0);
        let text = format!("{:x} ", self.rng.random::<u64>()).repeat(HEAVY.1 / 17);
        if self.made < 8 || self.rng.random_range(0..20) == 0 {
            self.made += 1;
            return format!(r#"{{"op":"create","id":"heavy-{id}","props":{{"text":"{text}"}}}}"#);
        }
        format!(r#"{{"op":"update","id":"heavy-{id}","set":{{"text":"{text}"}}}}"#)
    }

    fn op(&mut self) -> String {
        if PROJECTS[self.project] == "heavy" {
            return self.heavy_op();
        }
        let (x, y) = (self.rng.random_range(-5_000..5_000), self.rng.random_range(0.0..1.0));
        let text = "lorem ipsum ".repeat(self.rng.random_range(1..60));
        let known = self.pool.pick(&mut self.rng);
        match (self.rng.random_range(0..100), known) {
            (0..4, Some(id)) => format!(r#"{{"op":"create","id":"{id}","props":{{"type":"taken"}}}}"#),
            (4..16, Some(_)) => match self.pool.remove(&mut self.rng) {
                Some(id) => format!(r#"{{"op":"delete","id":"{id}"}}"#),
                None => self.create(x, &text),
            },
            (16..24, Some(id)) => format!(r#"{{"op":"increment","id":"{id}","prop":"clicks","by":1}}"#),
            (24..80, Some(id)) => format!(r#"{{"op":"update","id":"{id}","set":{{"x":{x},"y":{y:?}}}}}"#),
            (80..90, Some(id)) => {
                format!(r#"{{"op":"update","id":"{id}","set":{{"text":"{text}"}},"unset":["clicks"]}}"#)
            }
            (_, Some(id)) if self.pool.is_full() => {
                format!(r#"{{"op":"update","id":"{id}","set":{{"text":"{text}"}}}}"#)
            }
            _ => self.create(x, &text),
        }
    }

    fn create(&mut self, x: i32, text: &str) -> String {
        self.made += 1;
        let id = format!("{}-{}", self.name, self.made);
        self.pool.add(&id);
        format!(r#"{{"op":"create","id":"{id}","props":{{"type":"note","x":{x},"y":0.5,"text":"{text}"}}}}"#)
    }

    fn batch(&mut self) {
        let ops = if self.rng.random_range(0..8) == 0 { 4 } else { 1 };
        let ops: Vec<_> = (0..ops).map(|_| self.op()).collect();
        self.client.submit(say::from_json(&format!("[{}]", ops.join(","))));
    }

    /// Works until told to leave for ever (then at once, whatever is unanswered) or to finish (then when everything is saved).
    async fn work(mut self, left: Arc<AtomicBool>, mut finish: watch::Receiver<bool>) -> Self {
        let mut connected = false;
        while !left.load(Ordering::Relaxed) {
            if !connected {
                self.client.reconnect(PATIENCE).await.expect("the server comes back");
                connected = true;
            }
            let finishing = *finish.borrow();
            while !finishing && self.client.core.open_batches().1 < WINDOW {
                self.batch();
            }
            if finishing && self.client.core.open_batches() == (0, 0) && self.client.core.is_synced() {
                self.finished = true;
                break;
            }
            let heard = tokio::select! {
                heard = self.client.next() => heard,
                Ok(()) = finish.changed(), if !finishing => continue,
                () = tokio::time::sleep(PATIENCE) => panic!("{} hears nothing any more", self.name),
            };
            match heard {
                Err(Ended::Violation(violation)) => panic!("{}: {violation}", self.name),
                Err(_) => connected = false,
                Ok(_) => {}
            }
        }
        self
    }
}

/// Everybody who takes part.
struct World {
    rng: StdRng,
    url: String,
    pools: [Arc<Pool>; PROJECTS.len()],
    born: usize,
    finish: watch::Sender<bool>,
    running: JoinSet<Actor>,
    /// By which each client at work is told to leave.
    at_work: Vec<(usize, Arc<AtomicBool>)>,
}

impl World {
    fn new(seed: u64, url: &str) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            url: url.to_owned(),
            pools: Default::default(),
            born: 0,
            finish: watch::Sender::new(false),
            running: JoinSet::new(),
            at_work: Vec::new(),
        }
    }

    fn fill(&mut self) {
        while self.at_work.len() < ACTIVE {
            let number = self.born;
            let heavy = self.at_work.iter().filter(|(project, _)| *project == 2).count();
            let project = if heavy < HEAVY_ACTIVE { 2 } else { number % 2 };
            self.born += 1;
            let encoding = if (number / 2).is_multiple_of(2) { Encoding::MessagePack } else { Encoding::Json };
            let name = format!("c{number}");
            let secret = format!("{name}-{:016x}", self.rng.random::<u64>());
            let actor = Actor {
                client: Client::new(&self.url, PROJECTS[project], secret, encoding, Keep::Names),
                project,
                name,
                made: 0,
                rng: StdRng::seed_from_u64(self.rng.random()),
                pool: self.pools[project].clone(),
                finished: false,
            };
            let left = Arc::new(AtomicBool::new(false));
            self.running.spawn(actor.work(left.clone(), self.finish.subscribe()));
            self.at_work.push((project, left));
        }
    }

    /// Half of those at work leave for ever, at this moment.
    fn halve(&mut self) {
        while self.at_work.len() > ACTIVE / 2 {
            let index = self.rng.random_range(0..self.at_work.len());
            self.at_work.swap_remove(index).1.store(true, Ordering::Relaxed);
        }
    }
}

/// The checkpoints whose chunks are stored, some or all, and that no pointer names yet: being made, or left by a kill.
fn unfinished(db: &Connection) -> HashSet<i64> {
    let query = "SELECT DISTINCT c.build FROM chunk c LEFT JOIN pointer p ON p.project = c.project
        WHERE c.seq > coalesce(p.seq, 0)";
    let read = |db: &Connection| {
        let mut query = db.prepare_cached(query)?;
        let builds = query.query_map([], |row| row.get(0))?;
        builds.collect::<Result<_, _>>()
    };
    // A database that another process has only just begun to make has no tables.
    read(db).unwrap_or_default()
}

fn look(database: &Path) -> Connection {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database can be read")
}

/// Waits for the moment of the next kill: a random one, or the middle of a checkpoint.
async fn moment(rng: &mut StdRng, hunt: Option<Duration>, database: &Path, known: &HashSet<i64>) {
    let Some(hunt) = hunt else {
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..450))).await;
        return;
    };
    let (db, known) = (look(database), known.clone());
    let hunting = tokio::task::spawn_blocking(move || {
        let until = Instant::now() + hunt;
        while Instant::now() < until && unfinished(&db).is_subset(&known) {}
    });
    hunting.await.expect("looking does not fail");
}

/// A fresh client of a project, synced.
async fn fresh(url: &str, project: &str, encoding: Encoding) -> Client {
    let name = format!("fresh-{:016x}", rand::random::<u64>());
    let mut client = Client::new(url, project, name, encoding, Keep::Names);
    client.reconnect(PATIENCE).await.expect("the server is there");
    client.until("a fresh join", PATIENCE, Core::is_synced).await.expect("a fresh join");
    client
}

/// Brings everybody to the same position and compares them.
async fn agree(url: &str, actors: &mut [Actor]) -> Vec<Client> {
    let mut judges = Vec::new();
    for (project, name) in PROJECTS.iter().enumerate() {
        let judge = fresh(url, name, Encoding::MessagePack).await;
        let other = fresh(url, name, Encoding::Json).await;
        let head = judge.core.position().expect("synced").seq;
        assert_eq!(judge.core.replica().difference(other.core.replica()), None);
        for actor in actors.iter_mut().filter(|a| a.project == project) {
            let at_head = |core: &Core| core.is_synced() && core.position().is_some_and(|p| p.seq >= head);
            while let Err(ended) = actor.client.until("the others' work", PATIENCE, at_head).await {
                // The last it has heard may be what the last kill left in its socket.
                assert!(matches!(ended, Ended::Broken(_)), "{}: {ended}", actor.name);
                actor.client.reconnect(PATIENCE).await.expect("the server is there");
            }
            let difference = actor.client.core.replica().difference(judge.core.replica());
            assert_eq!(difference, None, "{} and a fresh client", actor.name);
        }
        judges.push(judge);
    }
    judges
}

#[expect(clippy::print_stderr, reason = "a failure must be reproducible, and the figures go into the report")]
fn say_so(text: &str) {
    eprintln!("{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_doubles_and_reorders_nothing() {
    let seed = std::env::var("KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    say_so(&format!("KILL_SEED={seed}"));
    let data = tempfile::tempdir().expect("a temporary directory");
    let database = data.path().join("collabcanvas.db");
    let setup = Setup::new(data.path()).on_fixed_port();
    let mut server: Server = setup.start();
    let mut world = World::new(seed, &server.url);
    let (mut checkpoints, mut in_between, mut kills) = (0, 0, 0);
    while kills < KILLS || (in_between < IN_CHECKPOINT && kills < KILLS + MORE) {
        assert!(kills < 2 * KILLS, "only {in_between} kills came in the middle of a checkpoint");
        world.fill();
        let known = unfinished(&look(&database));
        let hunt = HUNT[usize::from(in_between >= IN_CHECKPOINT)];
        let hunt = kills.is_multiple_of(CHECKPOINT_KILL).then_some(hunt);
        moment(&mut world.rng, hunt, &database, &known).await;
        world.halve();
        checkpoints += server.count("checkpoint written");
        server.kill();
        in_between += usize::from(!unfinished(&look(&database)).is_subset(&known));
        kills += 1;
        server = setup.start();
    }
    world.fill();
    world.finish.send_replace(true);
    let mut actors = world.running.join_all().await;
    // Those who left for ever hold nothing that must be equal.
    let (mut stayed, gone): (Vec<_>, Vec<_>) = actors.drain(..).partition(|a| a.finished);
    let judges = agree(&server.url, &mut stayed).await;
    server.kill();
    let mut acked = 0;
    for (project, name) in PROJECTS.iter().enumerate() {
        let truth = Truth::read(&database, name).await;
        assert_eq!(truth.replica.difference(&truth.loaded), None, "the log and what is loaded");
        let judge = judges[project].core.replica();
        assert_eq!(truth.loaded.difference(judge), None, "what is loaded and a fresh client");
        for actor in stayed.iter().chain(&gone).filter(|a| a.project == project) {
            truth.check(&actor.client.core.history);
            acked += actor.client.core.history.acked.len();
        }
    }
    say_so(&format!(
        "{kills} kills, {in_between} of them in a checkpoint; {checkpoints} checkpoints; {} clients, {acked} acked batches",
        world.born
    ));
    assert!(acked > 0);
}
