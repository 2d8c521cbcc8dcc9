//! A project that changes at random, and what it should be.

use crate::durable::checkpoint::checkpoint_if_due;
use crate::durable::{Appended, ClientRecord, DurableStore, Entry};
use crate::ids::{Author, CommitId, ObjectId, Position, ProjectId, Seq};
use crate::project::canvas::Canvas;
use crate::protocol::change::{Change, Changes};
use crate::protocol::commit::{Commit, Origin, Outcome};
use crate::protocol::pack;
use crate::protocol::props::Props;
use crate::protocol::refusal::Code;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use std::collections::HashMap;

/// The project of most cases.
pub(super) fn project() -> ProjectId {
    ProjectId::parse("p").expect("id")
}

/// What a project should be, told commit by commit.
pub(super) struct World {
    rng: StdRng,
    pub(super) project: ProjectId,
    pub(super) canvas: Canvas,
    pub(super) clients: HashMap<Author, ClientRecord>,
    pub(super) position: Position,
    pub(super) log: Vec<(Seq, Commit)>,
    pub(super) now: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            project: project(),
            canvas: Canvas::new(),
            clients: HashMap::new(),
            position: Position::START,
            log: Vec::new(),
            now: 1_000,
        }
    }

    /// The next entry, of `count` random commits.
    pub(super) fn entry(&mut self, count: usize) -> Entry {
        let commits = (0..count).map(|_| self.commit()).collect();
        self.entry_of(commits)
    }

    /// The next entry, of these commits.
    pub(super) fn entry_of(&mut self, commits: Vec<Commit>) -> Entry {
        self.now += 10;
        let entry = Entry {
            epoch: self.position.epoch.max(1),
            direct: false,
            from: self.position.seq + 1,
            prev: self.position.id,
            commits,
            at_ms: self.now,
        };
        for (seq, commit) in (entry.from..).zip(&entry.commits) {
            if let Outcome::Changed(changes) = &commit.outcome {
                self.canvas.absorb(changes.decode().expect("own changes"), seq);
            }
            if let Origin::Client { author, cid, digest } = commit.origin {
                let at_ms = entry.at_ms;
                self.clients.insert(author, ClientRecord { cid, seq, digest, at_ms });
            }
            self.log.push((seq, commit.clone()));
        }
        self.position = Position { epoch: entry.epoch, seq: entry.to(), id: entry.last_id() };
        entry
    }

    /// Makes and stores entries of at most ten commits each.
    pub(super) async fn grow(&mut self, store: &dyn DurableStore, entries: usize) {
        for _ in 0..entries {
            let count = self.rng.random_range(1..=10);
            let entry = self.entry(count);
            assert_eq!(store.append(&self.project, &entry).await.expect("append"), Appended::Stored);
        }
    }

    /// Makes and stores entries until a checkpoint is due, then makes it.
    pub(super) async fn checkpointed(&mut self, store: &dyn DurableStore) {
        loop {
            let large: Vec<_> = (0..4).map(|n| self.large(n)).collect();
            let entry = self.entry_of(large);
            assert_eq!(store.append(&self.project, &entry).await.expect("append"), Appended::Stored);
            let build = self.rng.random();
            let made = checkpoint_if_due(store, &self.project, self.now, u64::MAX, build).await;
            if made.expect("checkpoint").made == Some(self.position.seq) {
                return;
            }
        }
    }

    /// A commit that puts an object of 20,000 bytes.
    fn large(&mut self, n: usize) -> Commit {
        let mut raw = Vec::new();
        pack::bin(&mut raw, &vec![self.rng.random(); 20_000]);
        let put = Change::Put {
            id: ObjectId::parse(&format!("large{n}")).expect("id"),
            props: Props::from_pairs(&[("data", &raw)]),
        };
        self.of(Outcome::Changed(Changes::encode(&[put])))
    }

    fn commit(&mut self) -> Commit {
        let outcome = match self.rng.random_range(0..12) {
            0 => Outcome::Refused(Code::Cycle),
            1 => Outcome::Changed(Changes::none()),
            _ => {
                let count = self.rng.random_range(1..=3);
                let changes: Vec<_> = (0..count).map(|_| self.change()).collect();
                Outcome::Changed(Changes::encode(&changes))
            }
        };
        self.of(outcome)
    }

    fn of(&mut self, outcome: Outcome) -> Commit {
        let author = Author([self.rng.random_range(0..5); 8]);
        // The log is ahead of the client table while an entry is being made; only "more than before" matters here.
        let cid = self.position.seq + self.rng.random_range(1..1_000) + 1_000 * self.now;
        let digest = self.rng.random();
        let server = self.rng.random_range(0..8) == 0;
        Commit {
            id: CommitId::random(&mut self.rng),
            origin: if server { Origin::Server } else { Origin::Client { author, cid, digest } },
            outcome,
        }
    }

    fn change(&mut self) -> Change {
        let id = ObjectId::parse(&format!("o{}", self.rng.random_range(0..30))).expect("id");
        match self.rng.random_range(0..5) {
            0 => Change::Delete { id },
            1 | 2 => Change::Put { id, props: self.props() },
            _ => Change::Set { id, set: self.props(), unset: vec!["a".into()] },
        }
    }

    fn props(&mut self) -> Props {
        let values: [&[u8]; 9] = [
            &[0xc4, 3, 0, 255, 7],                           // bin
            &[0xd4, 5, 9],                                   // ext of one byte
            &[0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0],              // -0.0
            &[0xcf, 255, 255, 255, 255, 255, 255, 255, 255], // u64::MAX
            &[0x80],                                         // an empty map
            &[0xde, 0, 0],                                   // an empty map, not in its shortest form
            &[0xca, 0x7f, 0xc0, 0, 1],                       // a NaN with a payload
            &[0xc0],                                         // nil
            &[0x92, 0xa1, b'x', 0x81, 0xa1, b'y', 0x90],     // nested
        ];
        let names = ["a", "b", "c", "z", "parent"];
        let count = self.rng.random_range(0..=names.len());
        let pairs: Vec<_> =
            names[..count].iter().map(|name| (*name, values[self.rng.random_range(0..values.len())])).collect();
        Props::from_pairs(&pairs)
    }
}
