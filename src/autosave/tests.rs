//! Autosave between two stores in memory, on a paused clock.

use super::*;
use crate::durable::layout::entry_name;
use crate::durable::memory::MemoryStore;
use crate::durable::{Appended, Entry, NodeReport, Pointer, Record};
use crate::fanout::local::LocalFanout;
use crate::hot::memory::MemoryHot;
use crate::hot::{Call, HotState, Over, Proposal, Reply};
use crate::ids::{Author, CommitId, Position, Seq};
use crate::protocol::change::Changes;
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::recovery::seal::seal;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).expect("id")
}

/// A store in memory that finds the log of one project damaged, takes its time, and remembers who was saved.
struct Faulty {
    store: MemoryStore,
    damaged: Option<ProjectId>,
    takes: Duration,
    tries: AtomicUsize,
    /// Entries were read so often.
    reads: AtomicUsize,
    saved: Mutex<Vec<ProjectId>>,
}

impl Faulty {
    fn new(damaged: Option<&str>, takes: Duration) -> Arc<Self> {
        let (store, saved) = (MemoryStore::new(), Mutex::new(Vec::new()));
        let (tries, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Self { store, damaged: damaged.map(project), takes, tries, reads, saved })
    }

    fn saved(&self) -> Vec<ProjectId> {
        self.saved.lock().expect("nobody panicked").clone()
    }
}

#[async_trait]
impl DurableStore for Faulty {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        self.saved.lock().expect("nobody panicked").push(project.clone());
        tokio::time::sleep(self.takes).await;
        self.store.append(project, entry).await
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        if self.damaged.as_ref() == Some(project) {
            self.tries.fetch_add(1, Ordering::Relaxed);
            let (project, item, why) = (project.clone(), entry_name(1), "the checksum is wrong".to_owned());
            return Err(DurableError::Corrupt { project, item, why });
        }
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.entries(project, from).await
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        self.store.pointer(project).await
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        self.store.chunks(project, pointer).await
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        self.store.checkpoint(project, pointer, chunks).await
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        self.store.versions(project).await
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        self.store.forget(project, version).await
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        self.store.truncate(project, before_ms).await
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        self.store.record(project).await
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        self.store.put_record(project, version, body).await
    }

    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        self.store.list().await
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        self.store.deployment(fresh).await
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        self.store.report(report).await
    }
}

/// A hot and a durable store, and autosave between them.
struct World {
    hot: Arc<MemoryHot>,
    durable: Arc<Faulty>,
}

impl World {
    fn start(durable: Arc<Faulty>) -> Self {
        let hot = Arc::new(MemoryHot::new(Arc::new(LocalFanout::default())));
        let month = Duration::from_secs(30 * 86_400);
        tokio::spawn(Autosave::new(hot.clone(), durable.clone(), month, Pace::SHARED).run());
        Self { hot, durable }
    }

    /// Puts a project there that is saved whole. Returns where it stands.
    async fn install(&self, project: &ProjectId) -> Position {
        let entry = seal(Position::START, CommitId([1; 8]), Vec::new(), false, 1).remove(0);
        assert_eq!(self.durable.store.append(project, &entry).await.expect("stored"), Appended::Stored);
        let position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        let log = crate::hot::log::Log::new(position.seq, CommitId::NONE, entry.commits);
        let state = HotState { position, saved: position, log, ..HotState::start() };
        assert_eq!(self.hot.install(project, state, Over::Empty).await, Ok(true));
        position
    }

    async fn commit(&self, project: &ProjectId, at: Position, urgent: bool) -> Position {
        let cid = at.seq;
        let origin = Origin::Client { author: Author([1; 8]), cid, digest: 7 };
        let id = CommitId((at.seq + 1).to_be_bytes());
        let commit = Commit { id, origin, outcome: Outcome::Changed(Changes::none()) };
        let proposal = Proposal { commit, effects: Vec::new(), absent: Vec::new(), at_head: false };
        let call = Call { position: at, proposals: vec![proposal], urgent };
        assert!(matches!(self.hot.commit(project, &call).await, Ok(Reply::Accepted { .. })));
        call.run().end()
    }

    /// How long it takes until the project is saved up to there.
    async fn saved(&self, project: &ProjectId, position: Position) -> Duration {
        let began = Instant::now();
        while self.hot.load(project).await.expect("it answers").expect("it is there").saved != position {
            assert!(began.elapsed() < Duration::from_secs(60), "never saved");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        began.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_project_is_saved_soon_after_its_first_commit_or_at_once() {
    let world = World::start(Faulty::new(None, Duration::from_millis(5)));
    let p = project("p");
    let mut at = world.install(&p).await;
    for _ in 0..5 {
        at = world.commit(&p, at, false).await;
        let took = world.saved(&p, at).await.as_millis();
        assert!((320..=420).contains(&took), "{took} ms");
        at = world.commit(&p, at, true).await;
        let took = world.saved(&p, at).await.as_millis();
        assert!(took <= 20, "{took} ms though it was urgent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_project_is_saved_once_a_pace() {
    let world = World::start(Faulty::new(None, Duration::from_millis(10)));
    let p = project("p");
    let mut at = world.install(&p).await;
    for _ in 0..1_000 {
        at = world.commit(&p, at, false).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let entries = world.durable.saved().len();
    assert!((24..=32).contains(&entries), "{entries} entries in ten seconds");
    world.saved(&p, at).await;
}

#[tokio::test(start_paused = true)]
async fn a_damaged_project_is_left_alone_and_the_others_go_on() {
    let world = World::start(Faulty::new(Some("bad"), Duration::from_millis(5)));
    let (bad, good) = (project("bad"), project("good"));
    let (bad_at, mut at) = (world.install(&bad).await, world.install(&good).await);
    world.commit(&bad, bad_at, true).await;
    for _ in 0..60 {
        at = world.commit(&good, at, false).await;
        assert!(world.saved(&good, at).await < Duration::from_millis(600));
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    // Ten minutes: 30 s, a minute, two, four ...
    let tries = world.durable.tries.load(Ordering::Relaxed);
    assert!((3..=8).contains(&tries), "{tries} tries");
}

#[tokio::test(start_paused = true)]
async fn when_there_are_more_projects_than_savers_the_oldest_come_first() {
    let world = World::start(Faulty::new(None, Duration::from_secs(3)));
    let all: Vec<_> = (0..3 * SAVERS).map(|n| project(&format!("p{n}"))).collect();
    let mut ends = Vec::new();
    for p in &all {
        let at = world.install(p).await;
        ends.push(world.commit(p, at, false).await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for (p, at) in all.iter().zip(&ends) {
        world.saved(p, *at).await;
    }
    let saved = world.durable.saved();
    assert_eq!(saved.len(), all.len(), "each once");
    // What comes after the first savers have ended is in the order of age.
    let later: Vec<usize> = saved[SAVERS..].iter().map(|p| all.iter().position(|a| a == p).expect("known")).collect();
    assert!(later.is_sorted(), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn savers_of_two_nodes_need_not_read_each_others_entries() {
    let durable = Faulty::new(None, Duration::ZERO);
    let hot = Arc::new(MemoryHot::new(Arc::new(LocalFanout::default())));
    let world = World { hot, durable };
    let name = project("p");
    let mut at = world.install(&name).await;
    let tails = [Tails::default(), Tails::default()];
    let save = async |node: usize| {
        let (hot, durable, tails) = (world.hot.clone(), world.durable.clone(), tails[node].clone());
        let ended = Saver { project: name.clone(), urgent: false, hot, durable, tails }.run().await;
        assert!(matches!(ended, Ended::Saved), "{ended:?}");
    };
    let reads = || world.durable.reads.load(Ordering::Relaxed);
    save(0).await;
    save(1).await;
    let first = reads();
    // One saves several times before the other does.
    for node in [0, 0, 0, 1, 0, 1, 1, 0] {
        at = world.commit(&name, at, false).await;
        save(node).await;
    }
    assert_eq!(reads(), first, "both know from the hot store how far the other has come");
    assert_eq!(world.durable.saved().len(), 8, "and none has appended in vain");
    let tail = crate::durable::load::tail(&*world.durable, &name, &crate::durable::load::Tail::START).await;
    assert_eq!(tail.expect("it is whole").position, at);
    // Who finds that there is nothing left asks whether that is so, and who has slept for long reads before it believes anything.
    save(1).await;
    assert!(reads() > first);
    tokio::time::advance(Duration::from_secs(61)).await;
    let before = reads();
    at = world.commit(&name, at, false).await;
    save(1).await;
    assert!(reads() > before);
    assert_eq!(world.hot.load(&name).await.expect("it answers").map(|state| state.saved), Some(at));
}
