//! Whole states: how one is read in one transaction, and cut into pieces to be put in place.

use super::layout::{self, EPOCH_FIELD, damaged};
use super::reply::{Items, bytes, commits_after, odd};
use crate::hot::log::Log;
use crate::hot::{CALL_BATCHES, Clients, HotError, HotLog, HotState};
use crate::ids::{Author, CommitId, Position, ProjectId, Seq};
use crate::keyspace::Keyspace;
use crate::project::canvas::{Canvas, View as _};
use crate::protocol::run::Run;
use redis::{Pipeline, Value};

/// Bytes that one command of an install carries, about: a larger one would hold up everybody else.
const CHUNK: usize = 256 << 10;
/// How long what lies ready for an install lives, should its node die.
const READY_MS: i64 = 120_000;

/// The transaction that reads a state.
pub(super) fn reading(keys: &Keyspace, project: &ProjectId) -> Pipeline {
    let mut pipe = redis::pipe();
    pipe.atomic().hgetall(keys.objects(project)).hgetall(keys.clients(project)).hgetall(keys.meta(project));
    pipe.cmd("XRANGE").arg(keys.log(project)).arg("-").arg("+").exists(keys.log(project));
    pipe
}

/// A field of a hash and its value.
type Field = (Vec<u8>, Vec<u8>);

/// The fields of a hash and, taken out, the epoch's.
fn fields(value: Value) -> Result<(Vec<Field>, Option<Vec<u8>>), HotError> {
    let (mut items, mut all, mut epoch) = (Items::of(value)?, Vec::new(), None);
    while !items.is_done() {
        let (field, value) = (items.bytes()?, items.bytes()?);
        if field == EPOCH_FIELD {
            epoch = Some(value);
        } else {
            all.push((field, value));
        }
    }
    Ok((all, epoch))
}

/// The state that [`reading`] found; `None` when there is none, or not all of it.
pub(super) fn read(answers: Vec<Value>) -> Result<Option<HotState>, HotError> {
    let [objects, clients, meta, log, has_log] = <[Value; 5]>::try_from(answers).map_err(|_| odd())?;
    let (objects, objects_epoch) = fields(objects)?;
    let (clients, clients_epoch) = fields(clients)?;
    let (meta, _) = fields(meta)?;
    let field = |name: &[u8]| meta.iter().find(|(field, _)| field == name).map(|(_, value)| &value[..]);
    let Some(head) = field(b"head") else { return Ok(None) };
    let position = layout::read_position(head)?;
    let epoch = Some(layout::epoch(position.epoch).to_vec());
    if objects_epoch != epoch || clients_epoch != epoch || has_log != Value::Int(1) {
        return Ok(None);
    }
    let (saved, base) = field(b"saved").zip(field(b"base")).ok_or_else(|| damaged("meta lacks a field"))?;
    let mut canvas = Canvas::new();
    objects.iter().for_each(|(id, value)| layout::read_object(&mut canvas, id, value));
    let log = read_log(log, layout::number(base, 0), CommitId(layout::eight(base, 8)), position)?;
    Ok(Some(HotState { position, saved: layout::read_position(saved)?, canvas, clients: read_clients(clients)?, log }))
}

fn read_clients(fields: Vec<Field>) -> Result<Clients, HotError> {
    let read = |(author, state): Field| {
        let author = Author(author.try_into().map_err(|_| damaged("a client's name is not of 8 bytes"))?);
        Ok((author, layout::read_client(&state)?))
    };
    fields.into_iter().map(read).collect()
}

fn read_log(entries: Value, base: Seq, before: CommitId, head: Position) -> Result<Log, HotError> {
    let runs = Items::of(Value::Array(vec![entries]))?.runs()?;
    let is_linked = runs.first().is_none_or(|run| run.previous == before && run.first == base + 1);
    let commits = commits_after(runs, base)?;
    let last = commits.last().map_or(before, |commit| commit.id);
    if !is_linked || base + commits.len() as Seq != head.seq || last != head.id {
        return Err(damaged("the log does not lead from its base to its head"));
    }
    Ok(Log::new(head.seq, before, commits))
}

/// Pieces of a state, ready to be sent one after another to keys that expire, and how many fields or entries each key has then.
pub(super) struct Pieces {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) objects: usize,
    pub(super) log: usize,
    pub(super) clients: usize,
}

/// Commands for one key, cut into transactions that also say when it expires: a piece that arrives alone must not stay for ever.
struct Cutter<'a> {
    key: &'a str,
    done: Vec<Pipeline>,
    open: Vec<Field>,
    bytes: usize,
    count: usize,
}

impl<'a> Cutter<'a> {
    fn new(key: &'a str) -> Self {
        Self { key, done: Vec::new(), open: Vec::new(), bytes: 0, count: 0 }
    }

    fn field(&mut self, name: &[u8], value: Vec<u8>) {
        self.bytes += name.len() + value.len();
        self.count += 1;
        self.open.push((name.to_vec(), value));
        if self.bytes >= CHUNK {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if !self.open.is_empty() {
            let mut pipe = redis::pipe();
            pipe.atomic().cmd("HSET").arg(self.key).arg(&self.open).pexpire(self.key, READY_MS);
            self.done.push(pipe);
        }
        self.open.clear();
        self.bytes = 0;
    }

    fn end(mut self) -> (Vec<Pipeline>, usize) {
        self.cut();
        (self.done, self.count)
    }
}

/// Cuts a state into pieces for the keys of new objects, log and clients.
pub(super) fn pieces(state: &HotState, [objects, log, clients]: [&str; 3], sent_us: u64) -> Pieces {
    let epoch = layout::epoch(state.position.epoch).to_vec();
    let mut fields = Cutter::new(objects);
    fields.field(EPOCH_FIELD, epoch.clone());
    for (id, raw) in state.canvas.quarantined() {
        // An object of that name is in its place, as it is for readers.
        if state.canvas.object(id).is_none() {
            fields.field(id.as_str().as_bytes(), layout::aside(raw));
        }
    }
    for (id, object) in state.canvas.iter() {
        fields.field(id.as_str().as_bytes(), layout::object(object.rev, &object.props));
    }
    let (mut pipelines, objects) = fields.end();
    let mut fields = Cutter::new(clients);
    fields.field(EPOCH_FIELD, epoch);
    for (author, client) in &state.clients {
        fields.field(&author.0, layout::client(*client).to_vec());
    }
    let (more, clients) = fields.end();
    pipelines.extend(more);
    let (more, log) = log_pieces(state, log, sent_us);
    pipelines.extend(more);
    Pieces { pipelines, objects, log, clients }
}

/// The log as runs. The first command makes the stream, which is there even while it holds nothing: a lost log must not look like an empty one.
fn log_pieces(state: &HotState, key: &str, sent_us: u64) -> (Vec<Pipeline>, usize) {
    let mut first = state.log.base() + 1;
    let mut previous = state.log.before();
    let mut pipe = redis::pipe();
    pipe.atomic().cmd("XADD").arg(key).arg(format!("{}-1", first - 1)).arg("r").arg("").ignore();
    pipe.cmd("XTRIM").arg(key).arg("MAXLEN").arg("=").arg(0).ignore().pexpire(key, READY_MS);
    let (mut pipelines, mut count, mut bytes) = (Vec::new(), 0, 0);
    let commits: Vec<_> = state.log.iter().cloned().collect();
    for commits in commits.chunks(CALL_BATCHES) {
        let run = Run { epoch: state.position.epoch, first, previous, commits: commits.into() };
        let packed = run.pack(sent_us);
        if bytes + packed.len() > CHUNK {
            pipelines.push(std::mem::replace(&mut pipe, redis::pipe()));
            pipe.atomic();
            bytes = 0;
        }
        bytes += packed.len();
        count += 1;
        pipe.cmd("XADD").arg(key).arg("NOMKSTREAM").arg(run.end().seq).arg("r").arg(packed).ignore();
        (first, previous) = (run.end().seq + 1, run.end().id);
    }
    pipelines.push(pipe);
    (pipelines, count)
}

/// Reads what log_after.lua answered; `after` as in the contract, cut at `limit` bytes.
pub(super) fn log_after(answer: Value, seq: Seq, limit: usize, unsaved: bool) -> Result<Option<HotLog>, HotError> {
    let mut items = Items::of(answer)?;
    let word = items.bytes()?;
    if word == b"empty" {
        return Ok(None);
    }
    let (position, saved) = (items.position()?, items.position()?);
    if word == b"none" {
        return Ok(Some(HotLog { position, saved, after: None }));
    }
    let id = CommitId(layout::eight(&bytes(items.next()?)?, 0));
    let seq = if unsaved && saved.epoch == position.epoch { seq.max(saved.seq) } else { seq };
    let mut commits = commits_after(items.runs()?, seq)?;
    let mut left = Some(limit);
    let fit = commits.iter().take_while(|commit| {
        let fits = left.is_some();
        left = left.and_then(|left| left.checked_sub(commit.weight()));
        fits
    });
    let fit = fit.count();
    commits.truncate(fit);
    Ok(Some(HotLog { position, saved, after: Some((id, commits)) }))
}
