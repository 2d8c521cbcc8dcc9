use super::*;
use crate::durable::checkpoint;
use crate::durable::load::load;
use crate::durable::memory::MemoryStore;
use crate::durable::{Appended, DurableStore as _, Pointer};
use crate::ids::{Author, CommitId, ProjectId, Seq};
use crate::project::canvas::{Canvas, View as _};
use crate::protocol::commit::{Commit, Origin};
use crate::protocol::pack;
use crate::protocol::refusal::Code;
use proptest::prelude::*;
use std::collections::HashMap;

/// Seq of the first commit of the entries here.
const FROM: Seq = 8;

fn id(n: u8) -> ObjectId {
    ObjectId::parse(&format!("o{n}")).expect("id")
}

fn props(pairs: &[(&str, u64)]) -> Props {
    let raw: Vec<_> = pairs
        .iter()
        .map(|(name, value)| {
            let mut raw = Vec::new();
            pack::uint(&mut raw, *value);
            (*name, raw)
        })
        .collect();
    Props::from_pairs(&raw.iter().map(|(name, raw)| (*name, &raw[..])).collect::<Vec<_>>())
}

fn put(object: u8, pairs: &[(&str, u64)]) -> Change {
    Change::Put { id: id(object), props: props(pairs) }
}

fn set(object: u8, pairs: &[(&str, u64)], unset: &[&str]) -> Change {
    Change::Set { id: id(object), set: props(pairs), unset: unset.iter().map(SmolStr::new).collect() }
}

fn delete(object: u8) -> Change {
    Change::Delete { id: id(object) }
}

fn entry(commits: &[Vec<Change>]) -> Entry {
    let commit = |(n, changes): (u8, &Vec<Change>)| Commit {
        id: CommitId([n; 8]),
        origin: Origin::Client { author: Author([n % 3; 8]), cid: n.into(), digest: 7 },
        outcome: Outcome::Changed(Changes::encode(changes)),
    };
    let commits = (1..).zip(commits).map(commit).collect();
    Entry { epoch: 1, direct: false, from: FROM, prev: CommitId::NONE, commits, at_ms: 5 }
}

fn kept(commits: &[Vec<Change>]) -> Vec<Vec<Change>> {
    let decode = |commit: &Commit| changes(&commit.outcome).expect("changes").decode().expect("sound");
    coalesce(entry(commits)).entry.commits.iter().map(decode).collect()
}

fn absorbed(mut canvas: Canvas, from: Seq, commits: &[Commit]) -> Canvas {
    for (seq, commit) in (from..).zip(commits) {
        if let Some(changes) = changes(&commit.outcome) {
            canvas.absorb(changes.decode().expect("sound"), seq);
        }
    }
    canvas
}

#[test]
fn only_the_last_place_of_a_drag_is_kept() {
    let drag: Vec<_> = (0..4).map(|n| vec![set(1, &[("x", n), ("y", n)], &[])]).collect();
    assert_eq!(kept(&drag), [vec![], vec![], vec![], drag[3].clone()]);
    let coalesced = coalesce(entry(&drag));
    assert_eq!((coalesced.objects, coalesced.entry.commits.len()), (1, 4));
    let bytes = |entry: &Entry| entry.commits.iter().map(|c| layout::weight(c) as u64).sum::<u64>();
    assert_eq!(coalesced.left_out, bytes(&entry(&drag)) - bytes(&coalesced.entry));
}

#[test]
fn a_value_is_superseded_by_its_removal_and_the_other_way_round() {
    let commits = [vec![set(1, &[("a", 1), ("b", 1)], &["c"])], vec![set(1, &[("c", 2)], &["a"])]];
    assert_eq!(kept(&commits), [vec![set(1, &[("b", 1)], &[])], commits[1].clone()]);
}

#[test]
fn a_put_stays_whole_unless_its_object_is_deleted() {
    let commits = [vec![put(1, &[("a", 1)]), set(1, &[("a", 2)], &[])], vec![set(1, &[("a", 3)], &[])]];
    assert_eq!(kept(&commits), [vec![put(1, &[("a", 1)])], commits[1].clone()]);
    let gone = [vec![put(1, &[("a", 1)])], vec![set(1, &[("a", 2)], &[])], vec![delete(1)], vec![put(1, &[])]];
    assert_eq!(kept(&gone), [vec![], vec![], gone[2].clone(), gone[3].clone()]);
    let again = [vec![put(1, &[("a", 1)])], vec![put(1, &[("b", 1)])]];
    assert_eq!(kept(&again), again);
}

#[test]
fn a_parent_stays_and_so_does_the_object_that_it_is_set_of() {
    let commits = [vec![set(1, &[("parent", 1), ("x", 1)], &[])], vec![set(1, &[("x", 2)], &["parent"])]];
    assert_eq!(kept(&commits), [vec![set(1, &[("parent", 1)], &[])], commits[1].clone()]);
    let gone = [vec![put(1, &[])], vec![set(1, &[("parent", 1)], &[])], vec![delete(1)]];
    assert_eq!(kept(&gone), gone);
}

#[test]
fn what_is_not_superseded_stays_as_it_is() {
    let commits = [vec![put(1, &[("a", 1)]), set(2, &[("a", 1)], &[])], vec![set(3, &[], &["a"]), delete(4)]];
    let before = entry(&commits);
    assert_eq!(coalesce(before.clone()), Coalesced { entry: before, objects: 4, left_out: 0 });
    let mut refused = entry(&[vec![set(1, &[("a", 1)], &[])], vec![]]);
    refused.commits[1].outcome = Outcome::Refused(Code::Cycle);
    assert_eq!(coalesce(refused.clone()).entry, refused);
}

/// What a client might do next, whatever the state is.
#[derive(Debug, Clone)]
struct Wish {
    object: u8,
    kind: u8,
    names: u8,
    unset: u8,
    value: u64,
    /// Whether it is in the same batch as the one before.
    joins: bool,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0..4_u8, 0..10_u8, 0..16_u8, 0..16_u8, any::<u16>(), prop::bool::weighted(0.3));
    let wish = wish.prop_map(|(object, kind, names, unset, value, joins)| {
        let (unset, value) = (if kind < 7 { 0 } else { unset }, value.into());
        Wish { object, kind, names, unset, value, joins }
    });
    prop::collection::vec(wish, 1..40)
}

/// The wishes as commits that a server may make, the first of them of what was there before the entry.
fn commits(wishes: &[Wish]) -> Vec<Vec<Change>> {
    let names = ["a", "b", "parent", "z"];
    let mut canvas = Canvas::new();
    let mut commits: Vec<Vec<Change>> = Vec::new();
    for wish in wishes {
        let of = |mask: u8| names.iter().enumerate().filter(move |(n, _)| mask & (1 << n) != 0).map(|(_, name)| *name);
        let pairs: Vec<_> = of(wish.names).map(|name| (name, wish.value)).collect();
        let is_there = canvas.object(&id(wish.object)).is_some();
        let change = match (wish.kind, is_there) {
            // A put of what is there: a heal makes such.
            (0, _) | (_, false) => put(wish.object, &pairs),
            (1 | 2, true) => delete(wish.object),
            (_, true) => set(wish.object, &pairs, &of(wish.unset & !wish.names).collect::<Vec<_>>()),
        };
        canvas.absorb(vec![change.clone()], 1);
        match commits.last_mut().filter(|_| wish.joins) {
            Some(last) => last.push(change),
            None => commits.push(vec![change]),
        }
    }
    commits
}

/// No reader is told to set properties of an object that is not there: clients take that for a broken server.
fn sets_of_nothing(mut canvas: Canvas, commits: &[Commit]) -> usize {
    let mut count = 0;
    for change in commits.iter().filter_map(|c| changes(&c.outcome)).flat_map(|c| c.decode().expect("sound")) {
        count += usize::from(matches!(&change, Change::Set { id, .. } if canvas.object(id).is_none()));
        canvas.absorb(vec![change], 1);
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn from_every_place_the_end_is_the_same(wishes in wishes(), before in 0..6_usize) {
        let mut all = commits(&wishes);
        let inside = all.split_off(before.min(all.len() - 1));
        let base = absorbed(Canvas::new(), 1, &entry(&all).commits);
        let whole = entry(&inside);
        let lighter = coalesce(whole.clone()).entry;
        let name = |entry: &Entry| entry.commits.iter().map(|c| (c.id, c.origin)).collect::<Vec<_>>();
        prop_assert_eq!(name(&whole), name(&lighter));
        let end = absorbed(base.clone(), FROM, &whole.commits);
        for k in 0..=whole.commits.len() {
            let there = absorbed(base.clone(), FROM, &whole.commits[..k]);
            prop_assert_eq!(sets_of_nothing(there.clone(), &lighter.commits[k..]), 0);
            let then = absorbed(there, FROM + k as Seq, &lighter.commits[k..]);
            prop_assert_eq!(&then, &end, "from place {}", k);
        }
        let again = coalesce(lighter.clone());
        prop_assert_eq!((again.entry, again.left_out), (lighter, 0));
    }
}

#[tokio::test]
async fn a_checkpoint_inside_a_coalesced_entry_loads_to_the_same_state() {
    let project = ProjectId::parse("p").expect("id");
    let commits =
        [vec![put(1, &[("x", 1)])], vec![set(1, &[("x", 2)], &[])], vec![set(1, &[("x", 3)], &[])], vec![delete(2)]];
    let mut whole = entry(&commits);
    whole.from = 1;
    let lighter = coalesce(whole.clone()).entry;
    assert_ne!(whole, lighter);
    for k in 1..=commits.len() {
        let store = MemoryStore::new();
        assert_eq!(store.append(&project, &lighter).await.expect("append"), Appended::Stored);
        let there = absorbed(Canvas::new(), 1, &whole.commits[..k]);
        let chunks = layout::chunk::encode(&there, &HashMap::new());
        let pointer = Pointer {
            epoch: 1,
            direct: false,
            seq: k as Seq,
            id: whole.commits[k - 1].id,
            build: 1,
            chunks: u32::try_from(chunks.len()).expect("few"),
            objects: there.len() as u64,
            clients: 0,
            recent: 1,
            at_ms: 1,
        };
        store.checkpoint(&project, &pointer, &chunks).await.expect("checkpoint");
        let loaded = load(&store, &project).await.expect("load");
        assert_eq!(loaded.canvas, absorbed(Canvas::new(), 1, &whole.commits), "checkpoint at {k}");
        assert_eq!(loaded.recent.len(), commits.len());
        assert!(!checkpoint::due(loaded.log_bytes, loaded.state_bytes));
    }
}

/// What coalescing is worth: printed by `cargo test coalesce -- --nocapture`.
#[test]
#[expect(clippy::print_stderr, reason = "it measures")]
fn drags_shrink_and_other_work_stays() {
    // Half a second of ten people: two drag at 60 Hz, one draws a line that grows, seven change something twice.
    let mut commits = Vec::new();
    let mut line = vec![("n", 0)];
    let names: Vec<String> = (0..30).map(|n| format!("p{n}")).collect();
    for frame in 0..30_u64 {
        commits.push(vec![set(1, &[("x", 1_000 + frame * 7), ("y", 900 + frame * 5)], &[])]);
        commits.push(vec![set(2, &[("x", 3_000 - frame * 7), ("y", 100 + frame * 9)], &[])]);
        line.push((&names[usize::try_from(frame).expect("small")], frame));
        commits.push(vec![set(3, &line, &[])]);
        if frame % 15 == 0 {
            commits.extend((4..11).map(|n| vec![set(n, &[("fill", frame), ("stroke", 2)], &[])]));
        }
    }
    let whole = entry(&commits);
    let started = std::time::Instant::now();
    let lighter = coalesce(whole.clone());
    let took = started.elapsed();
    let size = |entry: &Entry| layout::encode_entry(entry).len();
    let (before, after) = (size(&whole), size(&lighter.entry));
    let quiet = coalesce(entry(&commits[..1])).left_out;
    eprintln!(
        "{} commits: {before} bytes at rest, {after} coalesced ({took:?} in this build), {quiet} of one commit",
        whole.commits.len()
    );
    assert!(after * 10 < before * 8 && quiet == 0, "{before} bytes became {after}");
}
