//! Writers through the fault layer: what they are told is what the log says, on every seed.

use super::support::dynamodb::{DynamoDb, client, url};
use super::support::dynamodb_faults::{DynamoFaults, Faults};
use collabcanvas::durable::checkpoint::checkpoint_if_due;
use collabcanvas::durable::dynamodb::{DynamoStore, Patience, Place};
use collabcanvas::durable::load::{Tail, load, tail};
use collabcanvas::durable::memory::MemoryStore;
use collabcanvas::durable::{Appended, DurableError, DurableStore, Entry};
use collabcanvas::ids::{CommitId, ObjectId, Position, ProjectId};
use collabcanvas::protocol::change::{Change, Changes};
use collabcanvas::protocol::commit::{Commit, Origin, Outcome};
use collabcanvas::protocol::props::Props;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::sync::Arc;
use std::time::Duration;

const TABLE: &str = "canvas";
/// Less than real stores have, so that a test sees it end.
const PATIENCE: Patience = Patience { attempt: Duration::from_millis(300), total: Duration::from_millis(1_500) };
/// Nodes that write the same project.
const WRITERS: u64 = 3;
/// Entries that each tries to write.
const TRIES: usize = 40;

fn project() -> ProjectId {
    ProjectId::parse("p").expect("an id")
}

fn store(endpoint: &str) -> DynamoStore {
    let place = Place::parse(&url(endpoint, TABLE)).expect("a place");
    DynamoStore::over(client(endpoint, PATIENCE.attempt), &place, PATIENCE)
}

/// Everything that may happen to a write, and a little to all else.
fn weather(seed: u64) -> Faults {
    Faults {
        seed,
        throttled: 0.08,
        failed: 0.06,
        failed_after: 0.08,
        cut_after: 0.08,
        hung_after: 0.02,
        held: 0.04,
        held_for: Duration::from_millis(700),
        unprocessed: 0.3,
        late: Duration::from_millis(5),
        ..Faults::default()
    }
}

/// The next entry, of one commit that puts an object of so many bytes.
fn entry(rng: &mut StdRng, after: &Position, bytes: usize) -> Entry {
    let raw: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
    let mut data = vec![0xc6];
    data.extend_from_slice(&u32::try_from(bytes).expect("small").to_be_bytes());
    data.extend_from_slice(&raw);
    let id = ObjectId::parse(&format!("o{}", after.seq % 4)).expect("an id");
    let put = Change::Put { id, props: Props::from_pairs(&[("data", &data)]) };
    let commits = vec![Commit {
        id: CommitId::random(rng),
        origin: Origin::Server,
        outcome: Outcome::Changed(Changes::encode(&[put])),
    }];
    Entry {
        epoch: after.epoch.max(1),
        direct: false,
        from: after.seq + 1,
        prev: after.id,
        commits,
        at_ms: after.seq + 1,
    }
}

/// What a writer was told of each of its entries.
type Told = Vec<(Entry, Result<Appended, DurableError>)>;

async fn write(store: Arc<DynamoStore>, seed: u64) -> Told {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut told, mut known) = (Told::new(), Tail::START);
    while told.len() < TRIES {
        match tail(&*store, &project(), &known).await {
            Ok(tail) => known = tail,
            Err(DurableError::Unavailable(_)) => continue,
            Err(error) => panic!("seed {seed}: {error}"),
        }
        // Sometimes large enough for several items.
        let bytes = if rng.random_range(0..20) == 0 { 900_000 } else { 100 };
        let entry = entry(&mut rng, &known.position, bytes);
        let answer = store.append(&project(), &entry).await;
        told.push((entry, answer));
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_writers_are_told_is_what_the_log_says() {
    for seed in 1..=4 {
        let database = DynamoDb::with_table(TABLE);
        let layer = DynamoFaults::start(&database.endpoint).await;
        layer.set(weather(seed));
        let store = Arc::new(store(layer.url()));
        let writers: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(write(store.clone(), seed * 100 + n))).collect();
        let mut told = Told::new();
        for writer in writers {
            told.extend(writer.await.expect("no panic"));
        }
        layer.calm();
        layer.quiet().await;
        let log = self::store(&database.endpoint).entries(&project(), 1).await.expect("the log is whole");
        load(&self::store(&database.endpoint), &project()).await.expect("it is one history");
        let mut unknown = 0;
        for (entry, answer) in &told {
            let times = log.iter().filter(|stored| stored.last_id() == entry.last_id()).count();
            match answer {
                Ok(Appended::Stored) => assert_eq!(times, 1, "seed {seed}: entry {} is not there", entry.from),
                Ok(Appended::Conflict) => assert_eq!(times, 0, "seed {seed}: entry {} is there", entry.from),
                Err(DurableError::Unavailable(_)) => unknown += 1,
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
        for stored in &log {
            assert!(told.iter().any(|(entry, _)| entry == stored), "seed {seed}: nobody wrote {}", stored.from);
        }
        let faults = ["throttled", "failed after", "cut after", "held"].map(|fate| layer.count(fate));
        assert!(faults.iter().all(|count| *count > 0), "seed {seed}: {faults:?}");
        assert!(log.len() > TRIES / 2 && unknown < told.len() / 4, "seed {seed}: {} of {}", log.len(), told.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_are_whole_whatever_happens() {
    let seed = 7;
    let database = DynamoDb::with_table(TABLE);
    let layer = DynamoFaults::start(&database.endpoint).await;
    let (faulty, truth, mut rng) = (store(layer.url()), MemoryStore::new(), StdRng::seed_from_u64(seed));
    let mut position = Position::START;
    for round in 0..30 {
        layer.calm();
        let entry = entry(&mut rng, &position, if round % 9 == 0 { 500_000 } else { 50_000 });
        for store in [&faulty as &dyn DurableStore, &truth] {
            assert_eq!(store.append(&project(), &entry).await.expect("calm"), Appended::Stored);
        }
        position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        layer.set(weather(seed + round));
        loop {
            // An hour later each time, or the last one would be left alone.
            match checkpoint_if_due(&faulty, &project(), round * 3_600_000, 0, rng.random()).await {
                Ok(_) => break,
                Err(DurableError::Unavailable(_)) => {}
                Err(error) => panic!("round {round}: {error}"),
            }
        }
    }
    layer.calm();
    layer.quiet().await;
    let (found, wanted) = (load(&faulty, &project()).await, load(&truth, &project()).await);
    let (found, wanted) = (found.expect("it loads"), wanted.expect("it loads"));
    assert_eq!((found.position, &found.canvas), (wanted.position, &wanted.canvas));
    let versions = faulty.versions(&project()).await.expect("they are there");
    assert!(versions.is_sorted_by_key(|version| version.seq) && versions.len() > 3, "{versions:?}");
    assert!(layer.count("unprocessed") > 0, "{:?}", layer.counts());
    for version in &versions {
        let chunks = faulty.chunks(&project(), version).await.expect("each is whole");
        assert_eq!(chunks.len(), version.chunks as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_is_unavailable_for_a_bounded_time() {
    let database = DynamoDb::with_table(TABLE);
    let layer = DynamoFaults::start(&database.endpoint).await;
    let store = store(layer.url());
    let mut rng = StdRng::seed_from_u64(1);
    let first = entry(&mut rng, &Position::START, 10);
    layer.set(Faults { away: true, ..Faults::default() });
    let began = std::time::Instant::now();
    let error = store.append(&project(), &first).await.expect_err("it is away");
    assert!(began.elapsed() < PATIENCE.total * 3, "{:?}", began.elapsed());
    assert!(matches!(&error, DurableError::Unavailable(why) if why.contains("does not answer")), "{error}");
    layer.set(Faults { throttled: 1.0, ..Faults::default() });
    let error = store.append(&project(), &first).await.expect_err("it is throttled");
    assert!(matches!(&error, DurableError::Unavailable(why) if why.contains("is throttled")), "{error}");
    layer.calm();
    assert_eq!(store.append(&project(), &first).await.expect("it is back"), Appended::Stored);
}
