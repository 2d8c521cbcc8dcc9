//! The history of a round as a file: what each client has lived through, and what the durable store holds in the end. One JSON value a line,
//! compressed.

use collabcanvas::durable::load::load;
use collabcanvas::durable::{DurableStore, Entry};
use collabcanvas::ids::ProjectId;
use collabcanvas::protocol::commit::{Origin, Outcome};
use collabcanvas::protocol::json;
use collabcanvas::protocol::unpack::Reader;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use loadtest::core::Core;
use loadtest::replica::{Entry as Object, Replica};
use loadtest::wire;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

/// A batch that was handed in: its cid, when (ms since the round began), its ops.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sent(pub(crate) u64, pub(crate) u64, pub(crate) Value);

impl Sent {
    /// From MessagePack.
    pub(crate) fn new(cid: u64, ms: u64, ops: &[u8]) -> Self {
        Self(cid, ms, value(ops))
    }
}

/// Commits that a client saw without a break, each as the index of its author and the author's counter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Seq of the snapshot before them.
    pub(crate) base: u64,
    /// Said to be durable up to here.
    pub(crate) saved_seq: u64,
    /// Whose they are.
    pub(crate) authors: Vec<String>,
    /// The commits from `base` + 1 on.
    pub(crate) commits: Vec<(usize, u64)>,
}

impl Segment {
    /// From a client's history.
    pub(crate) fn new(segment: &loadtest::history::Segment) -> Self {
        let mut authors: Vec<String> = Vec::new();
        let commits = segment.commits.iter().map(|seen| {
            let known = authors.iter().position(|author| *author == seen.author.as_str());
            let index = known.unwrap_or_else(|| {
                authors.push(seen.author.to_string());
                authors.len() - 1
            });
            (index, seen.cid)
        });
        let commits = commits.collect();
        Self { base: segment.base, saved_seq: segment.saved_seq, authors, commits }
    }
}

/// Where a replica is, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct At {
    /// Its seq.
    pub(crate) seq: u64,
    /// The commit id there.
    pub(crate) id: String,
    /// Digest of all objects, their revs included.
    pub(crate) digest: String,
}

impl At {
    /// Of a client.
    pub(crate) fn of(core: &Core) -> Option<Self> {
        let position = core.position()?;
        Some(Self { seq: position.seq, id: position.id.to_string(), digest: digest(core.replica()) })
    }
}

/// What a client has lived through.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ClientRecord {
    /// Where.
    pub(crate) project: String,
    /// Its id.
    pub(crate) client: String,
    /// How commits name it.
    pub(crate) author: String,
    /// It went for good right after an ack.
    pub(crate) left: bool,
    /// Its highest cid that was said to be durable.
    pub(crate) saved: u64,
    /// Welcomes that took answers back.
    pub(crate) taken_back: u64,
    /// Sessions and resyncs.
    pub(crate) welcomes: u64,
    /// All that it handed in.
    pub(crate) sent: Vec<Sent>,
    /// What was acked, as runs from–to.
    pub(crate) acked: Vec<(u64, u64)>,
    /// Objects that were gone, by cid.
    pub(crate) gone: Vec<(u64, Vec<String>)>,
    /// What was refused for good, and the code.
    pub(crate) rejected: Vec<(u64, String)>,
    /// Acks: cid, seq, when.
    pub(crate) acks: Vec<(u64, u64, u64)>,
    /// What was said to be durable: cid, seq, when.
    pub(crate) saves: Vec<(u64, u64, u64)>,
    /// What it saw.
    pub(crate) seen: Vec<Segment>,
    /// Where it was in the end, if it was there.
    pub(crate) at: Option<At>,
}

/// A commit of the durable log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LogCommit {
    /// Its random name.
    pub(crate) id: String,
    /// Whose; empty for the server's own.
    pub(crate) author: String,
    /// The author's counter.
    pub(crate) cid: u64,
    /// The code, if it is a refusal.
    pub(crate) refused: Option<String>,
    /// What it did.
    pub(crate) changes: Value,
}

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(crate) enum Line {
    /// The first: what the round was.
    Round { seed: u64, cycles: Vec<String> },
    /// A client.
    Client(Box<ClientRecord>),
    /// A client that joined when all was over, at a node.
    Fresh { project: String, node: usize, at: At },
    /// An entry of the durable log.
    Entry { project: String, epoch: u64, direct: bool, from: u64, prev: String, at_ms: u64, commits: Vec<LogCommit> },
    /// What a node would load: where it is and every object as `[rev, props]`.
    Loaded { project: String, epoch: u64, at: At, objects: Value },
}

/// MessagePack as JSON.
fn value(raw: &[u8]) -> Value {
    let text = json::to_json(raw).expect("sound MessagePack");
    serde_json::from_str(&text).expect("sound JSON")
}

/// Numbers as runs from–to.
pub(crate) fn runs(numbers: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == number => *to = number,
            _ => runs.push((number, number)),
        }
    }
    runs
}

fn digest(replica: &Replica) -> String {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for (id, object) in &replica.0 {
        add(id.as_bytes());
        add(&object.rev.to_le_bytes());
        add(&(object.props.len() as u64).to_le_bytes());
        for (name, raw) in &object.props {
            add(name.as_bytes());
            add(raw);
        }
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn entry(project: &str, entry: &Entry) -> Line {
    let commits = entry.commits.iter().map(|commit| {
        let (author, cid) = match commit.origin {
            Origin::Client { author, cid, .. } => (author.text().to_string(), cid),
            Origin::Server => (String::new(), 0),
        };
        let (refused, changes) = match &commit.outcome {
            Outcome::Refused(code) => (Some(code.as_str().to_owned()), Value::Array(Vec::new())),
            Outcome::Changed(changes) => (None, value(changes.as_bytes())),
        };
        LogCommit { id: commit.id.text().to_string(), author, cid, refused, changes }
    });
    Line::Entry {
        project: project.to_owned(),
        epoch: entry.epoch,
        direct: entry.direct,
        from: entry.from,
        prev: entry.prev.text().to_string(),
        at_ms: entry.at_ms,
        commits: commits.collect(),
    }
}

/// Everything that the durable store has of a project.
pub(crate) async fn durable(store: &dyn DurableStore, project: &str) -> Result<Vec<Line>, String> {
    let id = ProjectId::parse(project).map_err(|error| error.to_string())?;
    let entries = store.entries(&id, 1).await.map_err(|error| error.to_string())?;
    let mut lines: Vec<Line> = entries.iter().map(|e| entry(project, e)).collect();
    let loaded = load(store, &id).await.map_err(|error| error.to_string())?;
    let objects = loaded.canvas.iter().map(|(id, object)| {
        let props = wire::fields(&mut Reader::new(object.props.as_bytes())).expect("sound").into_iter().collect();
        (id.as_str().into(), Object { rev: object.rev, props })
    });
    let replica = Replica(objects.collect());
    let all = loaded
        .canvas
        .iter()
        .map(|(id, object)| (id.as_str().to_owned(), serde_json::json!([object.rev, value(object.props.as_bytes())])));
    lines.push(Line::Loaded {
        project: project.to_owned(),
        epoch: loaded.position.epoch,
        at: At { seq: loaded.position.seq, id: loaded.position.id.text().to_string(), digest: digest(&replica) },
        objects: Value::Object(all.collect()),
    });
    Ok(lines)
}

/// Writes a file.
pub(crate) fn write(path: &Path, lines: &[Line]) -> io::Result<()> {
    let mut out = GzEncoder::new(BufWriter::new(File::create(path)?), Compression::fast());
    for line in lines {
        serde_json::to_writer(&mut out, line)?;
        out.write_all(b"\n")?;
    }
    out.finish()?.flush()
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Line>> {
    let lines = BufReader::new(GzDecoder::new(BufReader::new(File::open(path)?))).lines();
    lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}
