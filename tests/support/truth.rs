//! What the durable store says after the server has stopped, and whether it agrees with what clients have lived through.

use bytes::Bytes;
use collabcanvas::durable::DurableStore as _;
use collabcanvas::durable::load::load;
use collabcanvas::durable::sqlite::SqliteStore;
use collabcanvas::ids::ProjectId;
use collabcanvas::protocol::commit::{Commit as Stored, Origin, Outcome};
use collabcanvas::protocol::unpack::Reader;
use loadtest::history::History;
use loadtest::replica::{Entry, Replica};
use loadtest::wire::{self, Change, Commit, Fields};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A project as the durable store has it.
pub struct Truth {
    /// Every commit, from seq 1 on.
    pub log: Vec<Commit>,
    /// What the log leads to, by the tests' own rule.
    pub replica: Replica,
    /// What a server would load.
    pub loaded: Replica,
    /// Place in the log of every batch.
    place: HashMap<(SmolStr, u64), usize>,
    /// Seq of the last commit that wrote a property, and of the last that made or removed the object.
    wrote: BTreeMap<(SmolStr, SmolStr), u64>,
    made: BTreeMap<SmolStr, u64>,
}

impl Truth {
    /// Reads a project of a server that has stopped, and checks that the log is whole and holds every batch once and in order.
    pub async fn read(database: &Path, project: &str) -> Self {
        let store = SqliteStore::open(database).expect("the database is sound");
        let project = ProjectId::parse(project).expect("a project id");
        let entries = store.entries(&project, 1).await.expect("the log can be read");
        let mut log = Vec::new();
        for entry in &entries {
            assert_eq!(entry.from, log.len() as u64 + 1, "the log has a hole or an overlap");
            log.extend(entry.commits.iter().map(commit));
        }
        let loaded = load(&store, &project).await.expect("the project can be loaded");
        assert_eq!(loaded.position.seq, log.len() as u64);
        assert_eq!(loaded.canvas.quarantined().len(), 0);
        let objects = loaded.canvas.iter().map(|(id, object)| {
            let props = wire::fields(&mut Reader::new(object.props.as_bytes())).expect("sound");
            let props = props.into_iter().collect();
            (id.as_str().into(), Entry { rev: object.rev, props })
        });
        let mut truth = Self {
            replica: Replica::default(),
            loaded: Replica(objects.collect()),
            place: HashMap::new(),
            wrote: BTreeMap::new(),
            made: BTreeMap::new(),
            log,
        };
        truth.follow();
        store.close().await;
        truth
    }

    fn follow(&mut self) {
        let mut last: HashMap<SmolStr, u64> = HashMap::new();
        for (index, commit) in self.log.iter().enumerate() {
            let seq = index as u64 + 1;
            self.replica.apply(seq, commit).expect("every change has its object");
            if !commit.author.is_empty() {
                let before = last.insert(commit.author.clone(), commit.cid).unwrap_or(0);
                assert_eq!(commit.cid, before + 1, "author {} at seq {seq}: doubled or a hole", commit.author);
                self.place.insert((commit.author.clone(), commit.cid), index);
            }
            for change in &commit.changes {
                let (id, names): (_, Vec<&SmolStr>) = match change {
                    Change::Put(id, _) | Change::Delete(id) => {
                        self.made.insert(id.clone(), seq);
                        continue;
                    }
                    Change::Set(id, set, unset) => (id, set.iter().map(|(name, _)| name).chain(unset).collect()),
                };
                for name in names {
                    self.wrote.insert((id.clone(), name.clone()), seq);
                }
            }
        }
    }

    /// Checks what a client was told against the log.
    pub fn check(&self, history: &History) {
        assert_eq!(history.taken_back, 0, "{}: answers were taken back", history.author);
        self.check_after_loss(history);
    }

    /// The same when the hot state was lost meanwhile: answers may have been taken back, and the batches sent again.
    pub fn check_after_loss(&self, history: &History) {
        let who = &history.author;
        for (cid, ops) in &history.sent {
            let place = self.place.get(&(who.clone(), *cid)).copied();
            let (acked, rejected) = (history.acked.contains(cid), history.rejected.get(cid));
            assert!(!acked || place.is_some(), "{who}: batch {cid} was acked and is lost");
            assert!(*cid > history.saved || place.is_some(), "{who}: batch {cid} was saved and is lost");
            let Some(place) = place else { continue };
            let (seq, commit) = (place as u64 + 1, &self.log[place]);
            if acked {
                assert_eq!(commit.refused, None, "{who}: batch {cid} was acked and is refused at {seq}");
            }
            if let Some(code) = rejected {
                let refused = commit.refused.as_ref();
                assert_eq!(refused, Some(code), "{who}: batch {cid} at {seq}");
            }
            if commit.refused.is_none() {
                self.check_changes(seq, ops, commit);
            }
        }
        for segment in &history.segments {
            // What was not durable when the server died may have given way to something else.
            for (seq, seen) in (segment.base + 1..=segment.saved_seq).zip(&segment.commits) {
                let commit = usize::try_from(seq - 1).ok().and_then(|index| self.log.get(index));
                let there = commit.map(|c| (&c.author, c.cid));
                assert_eq!(there, Some((&seen.author, seen.cid)), "{who} saw another commit at {seq}");
            }
        }
    }

    /// Checks that every commit a client saw is the log's, saved at that time or not: for when no hot state was lost.
    pub fn check_seen(&self, history: &History) {
        for segment in &history.segments {
            let base = usize::try_from(segment.base).expect("a seq of a test");
            let log = self.log.get(base..).unwrap_or_default();
            assert!(segment.commits.len() <= log.len(), "{} saw more than there is", history.author);
            for (at, (seen, there)) in segment.commits.iter().zip(log).enumerate() {
                let seq = base + at + 1;
                let same = (&seen.author, seen.cid) == (&there.author, there.cid);
                assert!(same, "{} saw another commit at {seq}: {seen:?}, not {there:?}", history.author);
            }
        }
    }

    /// The seq of every batch, by author and cid.
    pub fn places(&self) -> impl Iterator<Item = ((&SmolStr, u64), u64)> {
        self.place.iter().map(|((author, cid), index)| ((author, *cid), *index as u64 + 1))
    }

    /// Checks that a batch's ops became the commit's changes, and that each is in the final state or overtaken.
    fn check_changes(&self, seq: u64, ops: &Bytes, commit: &Commit) {
        let mut changes = commit.changes.iter().peekable();
        let mut reader = Reader::new(ops);
        for _ in 0..reader.array().expect("a list of ops") {
            let op = wire::fields(&mut reader).expect("an op is a map");
            let id = text(&op, "id");
            let kind = text(&op, "op");
            let asked = match kind.as_str() {
                "create" => inner(&op, "props"),
                "update" => inner(&op, "set"),
                _ => Fields::new(),
            };
            let fits = |change: &&Change| match change {
                Change::Put(_, props) => kind == "create" && is_part(props, &asked),
                Change::Set(_, set, _) => kind == "increment" || kind == "update" && is_part(set, &asked),
                Change::Delete(_) => kind == "delete",
            };
            // An op whose object was gone has left nothing, nor has one that later ones of the same entry supersede whole.
            let Some(change) = changes.next_if(|change| *change_id(change) == id && fits(change)) else {
                // Of an object that the same batch deletes again, the deletion alone may be left.
                let goes = changes.clone().any(|later| matches!(later, Change::Delete(gone) if *gone == id));
                if kind == "create" && !goes {
                    self.check_values(seq, &id, &Fields::new(), &asked);
                }
                continue;
            };
            match change {
                Change::Put(_, logged) => self.check_values(seq, &id, logged, &asked),
                Change::Set(_, logged, _) if kind == "update" => self.check_values(seq, &id, logged, &asked),
                Change::Set(..) | Change::Delete(_) => {}
            }
            self.check_visible(seq, commit, change);
        }
        assert!(changes.next().is_none(), "the commit at {seq} does more than its batch asked for");
    }

    /// Checks that the log has the values that were asked for, but for those that later ones supersede: an entry may leave these out.
    fn check_values(&self, seq: u64, id: &SmolStr, logged: &Fields, asked: &Fields) {
        let again = self.made.get(id).is_some_and(|made| *made > seq);
        for (name, _) in asked.iter().filter(|(name, _)| logged.iter().all(|(other, _)| other != name)) {
            let overtaken = self.wrote.get(&(id.clone(), name.clone())).is_some_and(|wrote| *wrote >= seq);
            assert!(overtaken || again, "{name} of {id} at {seq} is missing");
        }
    }

    /// Checks that a change is in the final state, or that a later one stands there.
    fn check_visible(&self, seq: u64, commit: &Commit, change: &Change) {
        let id = change_id(change);
        if self.made.get(id).is_some_and(|made| *made > seq) {
            return;
        }
        // Several ops of one batch may be about the same object; together they are checked by the replica.
        if commit.changes.iter().filter(|other| change_id(other) == id).count() > 1 {
            return;
        }
        let entry = self.replica.0.get(id);
        let (Change::Put(_, fields) | Change::Set(_, fields, _)) = change else {
            assert!(entry.is_none(), "{id}, deleted at {seq}, is there");
            return;
        };
        let entry = entry.unwrap_or_else(|| panic!("{id}, written at {seq}, is gone"));
        for (name, value) in fields {
            let overtaken = self.wrote.get(&(id.clone(), name.clone())).is_some_and(|wrote| *wrote > seq);
            assert!(overtaken || entry.props.get(name) == Some(value), "{id}.{name} of {seq} is lost");
        }
    }
}

fn change_id(change: &Change) -> &SmolStr {
    match change {
        Change::Put(id, _) | Change::Set(id, ..) | Change::Delete(id) => id,
    }
}

/// Whether all of these values are among those that were asked for.
fn is_part(logged: &Fields, asked: &Fields) -> bool {
    logged.iter().all(|pair| asked.contains(pair))
}

fn text(op: &Fields, key: &str) -> SmolStr {
    let raw = op.iter().find(|(name, _)| name == key).map(|(_, raw)| raw);
    let raw = raw.unwrap_or_else(|| panic!("an op without {key}"));
    Reader::new(raw).str().expect("text").into()
}

fn inner(op: &Fields, key: &str) -> Fields {
    let raw = op.iter().find(|(name, _)| name == key).map(|(_, raw)| raw);
    raw.map(|raw| wire::fields(&mut Reader::new(raw)).expect("a map")).unwrap_or_default()
}

fn commit(stored: &Stored) -> Commit {
    let (author, cid) = match stored.origin {
        Origin::Client { author, cid, .. } => (author.text(), cid),
        Origin::Server => (SmolStr::default(), 0),
    };
    let (changes, refused) = match &stored.outcome {
        Outcome::Refused(code) => (Vec::new(), Some(code.as_str().into())),
        Outcome::Changed(changes) => {
            let mut reader = Reader::new(changes.as_bytes());
            let count = reader.array().expect("a list");
            let changes = (0..count).map(|_| wire::change(&mut reader).expect("a change"));
            (changes.collect(), None)
        }
    };
    Commit { author, cid, changes, refused }
}
