//! A client at the far end of a socket, brought to a state by what a server sends.

use collabcanvas::hub::snapshot;
use collabcanvas::ids::{Author, Position};
use collabcanvas::project::canvas::{Canvas, View as _};
use collabcanvas::protocol::commit::{Commit, Origin};
use collabcanvas::protocol::decode::client_message;
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::message::{ClientMessage, Mode, Role, ServerMessage, Sync, Welcome};
use collabcanvas::protocol::short::{self, Name};
use collabcanvas::protocol::{Encoding, encode};
use loadtest::core::Core;
use loadtest::history::Keep;
use std::time::Instant;

/// How commits come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Packed,
    Json,
    Short,
}

/// A client, and how its server talks to it.
pub(crate) struct Session {
    core: Core,
    way: Way,
}

impl Session {
    pub(crate) fn new(way: Way) -> Self {
        let encoding = if way == Way::Json { Encoding::Json } else { Encoding::MessagePack };
        Self { core: Core::new("client", encoding, Keep::Whole), way }
    }

    fn hear(&mut self, frame: &[u8]) {
        if let Err(violation) = self.core.hear(Instant::now(), frame) {
            panic!("{violation} ({:?})", self.way);
        }
    }

    /// Begins a session, and returns what the server reads of the client's position.
    fn begin(&mut self) -> Option<Position> {
        self.core.begin();
        let hello = self.core.take_out().expect("a client begins with hello");
        match client_message(&hello, self.core.encoding(), &Limits::default()) {
            Ok(ClientMessage::Hello(hello)) => hello.position,
            other => panic!("{other:?} instead of hello"),
        }
    }

    /// A session that begins with the whole state.
    pub(crate) fn snapshot(&mut self, position: Position, canvas: &Canvas) {
        self.begin();
        self.welcome(position, Sync::Snapshot);
        let snapshot = snapshot::encode(position, canvas, self.core.encoding());
        snapshot.chunks.iter().for_each(|chunk| self.hear(chunk.payload()));
        self.stands(position, canvas);
    }

    /// A session that begins with what came after the client's position.
    pub(crate) fn delta(&mut self, from: Position, to: Position, commits: &[Commit], canvas: &Canvas) {
        assert_eq!(self.begin(), Some(from), "the server reads the client's position");
        self.welcome(to, Sync::Delta);
        if !commits.is_empty() {
            self.commits(from.seq + 1, commits);
        }
        self.stands(to, canvas);
    }

    fn commits(&mut self, first: u64, commits: &[Commit]) {
        if self.way != Way::Short {
            let frame = encode::commits(first, commits.iter(), self.core.encoding());
            return self.hear(frame.payload());
        }
        let author = |commit: &Commit| match commit.origin {
            Origin::Client { author, .. } => Some(Name::Author(author)),
            Origin::Server => None,
        };
        let names: Vec<Name> = commits.iter().filter_map(author).collect();
        let number = |name| names.iter().position(|known| *known == name).expect("it was given a number");
        let number = |name| u32::try_from(number(name)).expect("few");
        self.hear(short::names(0, &names).payload());
        self.hear(short::commits(first, commits.iter(), number).payload());
    }

    fn welcome(&mut self, position: Position, sync: Sync) {
        let welcome = Welcome {
            t: "welcome",
            v: 1,
            features: Vec::new(),
            session: 1,
            author: Author([9; 8]).text().to_string(),
            user: "u".to_owned(),
            role: Role::Editor,
            position: position.into(),
            saved_seq: 0,
            last: 0,
            saved: 0,
            sync,
            mode: Mode::Normal,
            now_ms: 0,
            limits: Limits::default(),
            heartbeat_ms: 10_000,
            timeout_ms: 25_000,
        };
        let frame = encode::message(&ServerMessage::Welcome(Box::new(welcome)), self.core.encoding());
        self.hear(frame.payload());
    }

    /// The client has this state, to the byte.
    fn stands(&self, position: Position, canvas: &Canvas) {
        assert!(self.core.is_synced(), "the sync is through");
        let stands = self.core.position().map(|found| (found.epoch, found.seq, found.id.as_str().to_owned()));
        assert_eq!(stands, Some((position.epoch, position.seq, position.id.text().to_string())));
        let replica = &self.core.replica().0;
        assert_eq!(replica.len(), canvas.len());
        for (id, object) in canvas.iter() {
            let found = &replica[id.as_str()];
            assert_eq!((found.rev, found.props.len()), (object.rev, object.props.count()), "{id}");
            assert!(object.props.iter().all(|(name, raw)| found.props[name] == raw), "{id} has other values");
        }
    }
}
