//! Every kind of difference, made on purpose.

use super::*;
use crate::durable::Appended;
use crate::durable::checkpoint::checkpoint_if_due;
use crate::durable::load::load;
use crate::durable::memory::MemoryStore;
use crate::ids::{CommitId, Position};
use crate::project::canvas::Canvas;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::pack;
use crate::protocol::props::Props;
use std::collections::HashMap;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn project() -> ProjectId {
    ProjectId::parse("p").expect("id")
}

fn object(n: u64) -> ObjectId {
    ObjectId::parse(&format!("o{n}")).expect("id")
}

/// A project that is written a large object at a time.
struct Board {
    store: MemoryStore,
    position: Position,
    now: u64,
}

impl Board {
    fn new() -> Self {
        Self { store: MemoryStore::new(), position: Position::START, now: 100 * DAY_MS }
    }

    /// Stores an entry of commits that each put one of ten objects.
    async fn write(&mut self, commits: u64) {
        let start = self.position.seq;
        let commit = |seq: u64| {
            let mut raw = Vec::new();
            pack::bin(&mut raw, &[u8::try_from(seq % 251).expect("a byte"); 20_000]);
            let name = [0xa1, b'n'];
            let put =
                Change::Put { id: object(seq % 10), props: Props::from_pairs(&[("data", &raw), ("name", &name)]) };
            let author = Author([u8::try_from(seq % 3).expect("a byte"); 8]);
            Commit {
                id: CommitId(seq.to_be_bytes()),
                origin: Origin::Client { author, cid: seq, digest: seq },
                outcome: Outcome::Changed(Changes::encode(&[put])),
            }
        };
        let entry = Entry {
            epoch: 1,
            direct: false,
            from: start + 1,
            prev: self.position.id,
            commits: (start + 1..=start + commits).map(commit).collect(),
            at_ms: self.now,
        };
        self.position = Position { epoch: 1, seq: entry.to(), id: entry.last_id() };
        assert_eq!(self.store.append(&project(), &entry).await.expect("append"), Appended::Stored);
    }

    /// Writes until a checkpoint is due, and has it made.
    async fn checkpoint(&mut self) -> Pointer {
        // In another hour than the last one, which would make way for it otherwise.
        self.now += 60 * 60 * 1_000;
        loop {
            self.write(3).await;
            self.now += 1_000;
            let build = self.position.seq;
            let made = checkpoint_if_due(&self.store, &project(), self.now, u64::MAX, build).await;
            if made.expect("checkpoint").made.is_some() {
                return self.store.pointer(&project()).await.expect("pointer").expect("made");
            }
        }
    }

    async fn verdict(&self) -> Report {
        verify(&self.store, &project()).await.expect("it can be read")
    }

    /// What was read of it, with another state in the checkpoint.
    async fn with(&self, change: impl FnOnce(&mut Canvas, &mut HashMap<Author, ClientRecord>)) -> Report {
        let mut pointer = self.store.pointer(&project()).await.expect("pointer").expect("made");
        let chunks = self.store.chunks(&project(), &pointer).await.expect("chunks");
        let mut state = rebuild(&project(), Some((pointer.clone(), chunks)), Vec::new()).expect("whole");
        change(&mut state.canvas, &mut state.clients);
        let chunks = chunk::encode(&state.canvas, &state.clients);
        pointer.chunks = u32::try_from(chunks.len()).expect("few");
        pointer.objects = (state.canvas.len() + state.canvas.quarantined().len()) as u64;
        pointer.clients = state.clients.len() as u64;
        let entries = self.store.entries(&project(), 1).await.expect("entries");
        let versions = vec![pointer.clone()];
        let evidence = Evidence { project: project(), pointer, chunks, versions, entries };
        evidence.judge(Ok(None)).expect("it can be read")
    }
}

/// The first difference, as `item: what`, and how many there are.
fn different(report: Report) -> (usize, String) {
    match report.verdict {
        Verdict::Different { count, first } => (count, format!("{}: {}", first.item, first.what)),
        other => panic!("different, not {other:?}"),
    }
}

#[tokio::test]
async fn a_checkpoint_that_holds_what_the_log_says_is_equal() {
    let mut board = Board::new();
    assert_eq!(board.verdict().await.verdict, Verdict::NotCompared("nothing is stored".to_owned()));
    board.write(2).await;
    let report = board.verdict().await;
    assert!(matches!(&report.verdict, Verdict::NotCompared(why) if why.contains("no checkpoint")), "{report:?}");
    assert_eq!((report.tail, report.checkpoint), (2, None));
    for _ in 0..3 {
        let pointer = board.checkpoint().await;
        board.write(2).await;
        let report = board.verdict().await;
        assert_eq!((report.verdict, report.checkpoint), (Verdict::Equal, Some(pointer.seq)));
        assert_eq!((report.rebuilt.map(|r| r.0), report.tail), (Some(0), pointer.seq + 2));
    }
}

#[tokio::test]
async fn an_older_version_serves_where_the_log_is_gone() {
    let mut board = Board::new();
    let first = board.checkpoint().await;
    board.store.truncate(&project(), u64::MAX).await.expect("truncate");
    let report = board.verdict().await;
    assert!(matches!(&report.verdict, Verdict::NotCompared(why) if why.contains("removed")), "{report:?}");
    // Of those made in the same hour one is kept.
    board.now += DAY_MS / 12;
    board.checkpoint().await;
    let report = board.verdict().await;
    assert_eq!((report.verdict, report.rebuilt.map(|r| r.0)), (Verdict::Equal, Some(first.seq)));
    board.store.forget(&project(), &first).await.expect("forgotten");
    let report = board.verdict().await;
    assert!(matches!(&report.verdict, Verdict::NotCompared(why) if why.contains("no older version")), "{report:?}");
}

#[tokio::test]
async fn clients_that_a_checkpoint_forgot_are_no_difference() {
    let mut board = Board::new();
    board.write(1).await;
    board.now += CLIENT_MS + DAY_MS;
    board.checkpoint().await;
    let clients = load(&board.store, &project()).await.expect("load").clients.len();
    assert_eq!((board.verdict().await.verdict, clients), (Verdict::Equal, 3));
    board.now += CLIENT_MS + DAY_MS;
    let pointer = board.checkpoint().await;
    assert!(pointer.clients <= 3);
    assert_eq!(board.verdict().await.verdict, Verdict::Equal);
}

#[tokio::test]
async fn a_checkpoint_inside_an_entry_is_compared_where_the_entry_ends() {
    let mut board = Board::new();
    board.write(2).await;
    let half = load(&board.store, &project()).await.expect("load");
    board.write(3).await;
    let entries = board.store.entries(&project(), 1).await.expect("entries");
    // The same commits as one entry, and a checkpoint of the state after the second of them.
    let whole = Entry { commits: entries.iter().flat_map(|e| e.commits.clone()).collect(), ..entries[0].clone() };
    let store = MemoryStore::new();
    store.append(&project(), &whole).await.expect("append");
    let chunks = chunk::encode(&half.canvas, &half.clients);
    let pointer = Pointer {
        epoch: 1,
        direct: false,
        seq: 2,
        id: half.position.id,
        build: 1,
        chunks: u32::try_from(chunks.len()).expect("few"),
        objects: half.canvas.len() as u64,
        clients: half.clients.len() as u64,
        recent: 1,
        at_ms: board.now,
    };
    store.checkpoint(&project(), &pointer, &chunks).await.expect("checkpoint");
    let report = verify(&store, &project()).await.expect("it can be read");
    assert_eq!((report.verdict, report.rebuilt), (Verdict::Equal, Some((0, 1))));
}

#[tokio::test]
async fn each_difference_is_named() {
    let mut board = Board::new();
    board.checkpoint().await;
    assert_eq!(board.with(|_, _| {}).await.verdict, Verdict::Equal);
    let named = async |wanted: &str, change: &dyn Fn(&mut Canvas, &mut HashMap<Author, ClientRecord>)| {
        assert_eq!(different(board.with(change).await), (1, wanted.to_owned()));
    };
    let edit = |canvas: &mut Canvas, edit: &dyn Fn(&mut Object)| {
        let mut changed = canvas.object(&object(3)).expect("it is there").clone();
        edit(&mut changed);
        canvas.set(object(3), Some(changed));
    };
    named("object o3: it is missing in the checkpoint", &|canvas, _| canvas.set(object(3), None)).await;
    named("object o77: the checkpoint has it, by the log it is not there", &|canvas, _| {
        let twin = canvas.object(&object(3)).cloned();
        canvas.set(object(77), twin);
    })
    .await;
    named("object o3: its property \"name\" has another value", &|canvas, _| {
        edit(canvas, &|o| o.props = o.props.merged(&Props::from_pairs(&[("name", &[0xc0])]), &[]));
    })
    .await;
    named("object o3: its property \"name\" is missing", &|canvas, _| {
        edit(canvas, &|o| o.props = o.props.merged(&Props::empty(), &["name".into()]));
    })
    .await;
    named("object o3: it has a property \"x\" that it should not have", &|canvas, _| {
        edit(canvas, &|o| o.props = o.props.merged(&Props::from_pairs(&[("x", &[0xc0])]), &[]));
    })
    .await;
    named("object o3: its properties are in another order", &|canvas, _| {
        edit(canvas, &|o| {
            let pairs: Vec<_> = o.props.iter().collect();
            o.props = Props::from_pairs(&pairs.into_iter().rev().collect::<Vec<_>>());
        });
    })
    .await;
    let rev = load(&board.store, &project()).await.expect("load").canvas.object(&object(3)).expect("there").rev;
    named(&format!("object o3: it has rev 1 instead of {rev}"), &|canvas, _| edit(canvas, &|o| o.rev = 1)).await;
    let aside = "object o3: it cannot be read in the checkpoint and is set aside, the log has it whole";
    named(aside, &|canvas, _| {
        canvas.set(object(3), None);
        canvas.quarantine(object(3), Bytes::from_static(&[1, 2]));
    })
    .await;
    let author = Author([1; 8]);
    named(&format!("client {author}: it is missing in the checkpoint"), &|_, clients| {
        clients.remove(&author);
    })
    .await;
    let more = Author([9; 8]);
    named(&format!("client {more}: the checkpoint has it, by the log it is not there"), &|_, clients| {
        clients.insert(more, clients[&author]);
    })
    .await;
    let (count, first) = different(
        board
            .with(|canvas, clients| {
                canvas.set(object(5), None);
                clients.get_mut(&author).expect("it is there").cid += 1;
            })
            .await,
    );
    assert_eq!((count, first.as_str()), (2, "object o5: it is missing in the checkpoint"));
    let (_, cid) = different(board.with(|_, clients| clients.get_mut(&author).expect("there").cid += 1).await);
    assert!(cid.starts_with(&format!("client {author}: it has ClientRecord")), "{cid}");
}

#[tokio::test]
async fn other_bytes_and_another_commit_are_differences() {
    let mut board = Board::new();
    let pointer = board.checkpoint().await;
    let chunks = board.store.chunks(&project(), &pointer).await.expect("chunks");
    let entries = board.store.entries(&project(), 1).await.expect("entries");
    let judge = |pointer: Pointer, chunks: Vec<Bytes>| {
        let versions = vec![pointer.clone()];
        let evidence = Evidence { project: project(), pointer, chunks, versions, entries: entries.clone() };
        different(evidence.judge(Ok(None)).expect("it can be read"))
    };
    // The same records, in the order of other people.
    let turned: Vec<_> = chunks.iter().rev().cloned().collect();
    let (_, first) = judge(pointer.clone(), turned);
    assert!(first.ends_with("it holds what the log says, but in other bytes"), "{first}");
    let mut other = pointer.clone();
    other.id.0[0] ^= 1;
    let (count, first) = judge(other, chunks);
    assert!(count == 1 && first.starts_with("the pointer: it names commit"), "{first}");
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error() {
    let mut board = Board::new();
    let pointer = board.checkpoint().await;
    let wrong = Pointer { objects: pointer.objects + 1, seq: pointer.seq + 1, ..pointer.clone() };
    let chunks = board.store.chunks(&project(), &pointer).await.expect("chunks");
    board.store.checkpoint(&project(), &wrong, &chunks).await.expect("checkpoint");
    let error = verify(&board.store, &project()).await.expect_err("its numbers do not fit");
    assert!(matches!(&error, DurableError::Corrupt { item, .. } if item.starts_with("checkpoint at")), "{error}");
}
