//! How a session comes into a room, and how one that fell behind comes back: by a delta if the room still has it, else by a snapshot.

mod start;

use super::mailbox::{JoinError, Joiner};
use super::member::Member;
use super::parts::parts;
use super::propose::{Answer, Verdict};
use super::room::{Aside, Room};
use super::snapshot::{self, Snapshot};
use crate::beside;
use crate::clock;
use crate::ids::{Author, Cid, CommitId, Position, Seq, SessionId};
use crate::metrics::{self, joins};
use crate::presence::roster::Whose;
use crate::protocol::close::Close;
use crate::protocol::frame::Frame;
use crate::protocol::message::{ServerMessage, Sync, Welcome};
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::{Encoding, VERSION, encode, short};
use start::Start;
use tokio::sync::oneshot;

/// A delta larger than this is not worth it, in bytes before JSON, which can make it about seven times as large.
const DELTA_BYTES: usize = super::outbox::OUTBOX_BYTES / 2;
/// A snapshot is used again until the commits after it are as large as this part of it.
const SNAPSHOT_REUSE: usize = 2;
/// … or as large as this, in bytes.
const SNAPSHOT_REUSE_BYTES: usize = 64 << 10;

/// Lets a session in, at once or when a snapshot is made.
pub(super) fn join(room: &mut Room, joiner: Joiner, reply: oneshot::Sender<Result<(), JoinError>>) {
    let most = room.settings.max_sessions;
    if room.members.len() + room.waiting.len() + room.unsure.len() >= most && !room.members.has(&joiner.who.author) {
        // A joiner that has gone does not read the answer.
        let _ = reply.send(Err(JoinError::Full(most)));
        return;
    }
    if knows_more(room, &joiner) {
        // Greeted from here, it would take what it knows to be saved for lost.
        room.ask_for(joiner, reply);
        return;
    }
    let_in(room, joiner, reply);
}

/// Whether a client has heard of something that is not in the room's history: the room is behind, or that lineage is lost.
pub(super) fn knows_more(room: &Room, joiner: &Joiner) -> bool {
    let head = room.replica.position().seq;
    let is_beyond = |p: Position| p.seq > head || room.replica.id_at(p.seq).is_some_and(|id| id != p.id);
    joiner.saved > room.replica.cids(&joiner.who.author).0 || joiner.position.is_some_and(is_beyond)
}

/// Lets a session in whatever it knows, at once or when a snapshot is made.
pub(super) fn let_in(room: &mut Room, joiner: Joiner, reply: oneshot::Sender<Result<(), JoinError>>) {
    let delta = joiner.position.filter(|p| has_delta(room, p.seq, p.id));
    match delta {
        Some(position) => admit(room, joiner, Start::Delta(position.seq), reply),
        None if usable_snapshot(room, joiner.encoding) => {
            joins::snapshot_kept();
            admit(room, joiner, Start::Snapshot, reply);
        }
        None => {
            make_snapshot(room, joiner.encoding);
            room.waiting.push((joiner, reply));
        }
    }
}

fn has_delta(room: &Room, seq: Seq, id: CommitId) -> bool {
    room.replica.after(seq, id).is_some() && room.replica.bytes_after(seq) <= DELTA_BYTES
}

fn usable_snapshot(room: &Room, encoding: Encoding) -> bool {
    room.snapshots.get(encoding).is_some_and(|snapshot| {
        let reusable = (snapshot.bytes / SNAPSHOT_REUSE).clamp(SNAPSHOT_REUSE_BYTES, DELTA_BYTES);
        has_delta(room, snapshot.position.seq, snapshot.position.id)
            && room.replica.bytes_after(snapshot.position.seq) <= reusable
    })
}

/// Has a snapshot encoded elsewhere, unless that is under way.
fn make_snapshot(room: &mut Room, encoding: Encoding) {
    if !room.snapshots.begin(encoding) {
        return;
    }
    let (position, canvas, asides) = (room.replica.position(), room.replica.canvas().clone(), room.asides.clone());
    beside::spawn(move || {
        let started = std::time::Instant::now();
        let snapshot = snapshot::encode(position, &canvas, encoding);
        joins::snapshot_made(started.elapsed(), snapshot.bytes);
        // A room that has ended needs no snapshot.
        let _ = asides.send(Aside::Made(encoding, snapshot));
    });
}

/// A snapshot is there: lets in all who waited for it.
pub(super) fn admit_waiting(room: &mut Room, encoding: Encoding) {
    let (ready, others) =
        std::mem::take(&mut room.waiting).into_iter().partition(|(joiner, _)| joiner.encoding == encoding);
    room.waiting = others;
    let ready: Vec<_> = ready;
    // However much has been committed meanwhile: a snapshot that was just made is good as long as the commits after it are there.
    let reaches = |s: &Snapshot| room.replica.after(s.position.seq, s.position.id).is_some();
    let reached = room.snapshots.get(encoding).is_some_and(reaches);
    let awaited = room.members.iter_mut().filter(|(_, m)| m.awaits_snapshot && m.encoding == encoding);
    let awaited: Vec<SessionId> = awaited.map(|(session, _)| session).collect();
    if !(reached || ready.is_empty() && awaited.is_empty()) {
        // So much has happened meanwhile that it is of no use any more, or it is of another history.
        make_snapshot(room, encoding);
        room.waiting.extend(ready);
        return;
    }
    for (joiner, reply) in ready {
        admit(room, joiner, Start::Snapshot, reply);
    }
    for session in awaited {
        sync(room, session, Start::Snapshot);
        room.settle();
    }
}

fn admit(room: &mut Room, joiner: Joiner, start: Start, reply: oneshot::Sender<Result<(), JoinError>>) {
    if reply.send(Ok(())).is_err() {
        return;
    }
    if room.members.is_empty() {
        // Until the room heard of events, others may have changed the project's rights.
        room.stores.rights.heard(&room.project, None);
    }
    // What comes before its welcome is for the others.
    room.tell_commits();
    let session = joiner.session;
    let author = joiner.who.author;
    let (_, saved) = room.replica.cids(&author);
    let saved_seq = room.replica.saved().seq;
    let member = Member::new(&joiner, saved, saved_seq);
    if let Some(old) = room.members.insert(session, member) {
        replace(room, old);
    }
    room.roster.join(session, joiner.who, joiner.presence, Whose::Ours);
    joins::join(start.kind(room));
    sync(room, session, start);
    answer_unsaved(room, session, author);
}

/// What the server has of this client but has not saved yet is still to be answered.
fn answer_unsaved(room: &mut Room, session: SessionId, author: Author) {
    let saved = room.replica.saved().seq;
    let unsaved: Vec<_> = room.replica.batches(author).filter(|(_, seq, _)| *seq > saved).collect();
    for (cid, seq, code) in unsaved {
        room.members.decided(session, Answer { cid, seq, verdict: Verdict::again(code) });
    }
}

/// Brings every session to the room's position once more: their clients send again what is not saved and what the room does not have.
pub(super) fn restart_all(room: &mut Room) {
    metrics::rewound();
    room.all_told();
    let sessions: Vec<_> = room.members.iter_mut().map(|(s, m)| (s, m.who.author)).collect();
    for (session, author) in sessions {
        if let Some(member) = room.members.get_mut(session) {
            // Their seqs may be those of a history that is over.
            member.answers.clear();
            member.unsaved.clear();
        }
        bring_back(room, session);
        answer_unsaved(room, session, author);
    }
    room.settle();
}

/// A client's latest refused batches. Those that are not saved yet are answered when they are.
fn saved_refusals(room: &Room, author: Author) -> Vec<(Cid, Code)> {
    let saved = room.replica.saved().seq;
    let latest = room.replica.batches(author).filter(|(_, seq, _)| *seq <= saved);
    latest.filter_map(|(cid, _, code)| Some((cid, code?))).collect()
}

fn replace(room: &mut Room, old: SessionId) {
    if let Some(member) = room.members.get_mut(old) {
        member.outbox.close(Close::Replaced, "another session has this client id");
    }
    room.forget(old);
}

/// Brings a session back whose outbox had overflowed and is empty now: what it swallowed may have been a commit, or an answer.
pub(super) fn resync(room: &mut Room, session: SessionId) {
    metrics::resync();
    bring_back(room, session);
    room.settle();
}

/// Syncs a session once more: by a delta if what it was sent last is of this history and not too long ago, else by a snapshot.
fn bring_back(room: &mut Room, session: SessionId) {
    let Some(member) = room.members.get_mut(session) else {
        return;
    };
    let ((sent, id), encoding) = (member.sent, member.encoding);
    // Who has only a part of a snapshot has nothing that a delta could follow.
    let whole = !member.outbox.has_bulk();
    if whole && has_delta(room, sent, id) {
        sync(room, session, Start::Delta(sent));
    } else if usable_snapshot(room, encoding) {
        sync(room, session, Start::Snapshot);
    } else {
        if let Some(member) = room.members.get_mut(session) {
            member.awaits_snapshot = true;
            // Until then nothing that is sent would make sense to it.
            member.lagging = true;
        }
        make_snapshot(room, encoding);
    }
}

/// Sends a welcome and what it announces.
fn sync(room: &mut Room, session: SessionId, start: Start) {
    // Who is synced has everything up to the head: it must not be sent a part of that once more.
    room.tell_commits();
    let Some(member) = room.members.get_mut(session) else { return };
    let (encoding, short, who) = (member.encoding, member.short, member.who.clone());
    let snapshot = match start {
        Start::Delta(_) => None,
        Start::Snapshot => room.snapshots.get(encoding).cloned(),
    };
    let (kind, target) = match &snapshot {
        Some(snapshot) => (Sync::Snapshot, Position { epoch: room.replica.position().epoch, ..snapshot.position }),
        None => (Sync::Delta, room.replica.position()),
    };
    let from = match start {
        Start::Delta(seq) => seq,
        Start::Snapshot => target.seq,
    };
    let (last, saved) = room.replica.cids(&who.author);
    let welcome = Welcome {
        t: "welcome",
        v: VERSION,
        features: if short { vec![short::FEATURE.to_owned()] } else { Vec::new() },
        session,
        author: who.author.text().to_string(),
        user: who.user.to_string(),
        role: who.role,
        position: target.into(),
        saved_seq: room.replica.saved().seq,
        last,
        saved,
        sync: kind,
        mode: room.course.mode(),
        now_ms: clock::now_ms(),
        limits: room.settings.limits.clone(),
        heartbeat_ms: u32::try_from(room.settings.heartbeat.as_millis()).unwrap_or(u32::MAX),
        timeout_ms: u32::try_from(room.settings.silence.as_millis()).unwrap_or(u32::MAX),
    };
    let frames = delta_frames(room, from, encoding);
    let head = room.replica.position();
    let refusals = if snapshot.is_some() { saved_refusals(room, who.author) } else { Vec::new() };
    let names = room.members.names();
    let pace = room.roster.pace();
    let Some(member) = room.members.get_mut(session) else {
        return;
    };
    member.begin((head.seq, head.id), saved);
    member.pace = pace;
    member.outbox.clear_bulk();
    member.outbox.push_sync(encode::message(&ServerMessage::Welcome(Box::new(welcome)), encoding));
    member.outbox.push_sync(encode::message(&ServerMessage::Pace(pace), encoding));
    if short {
        member.outbox.push_sync(names);
    }
    frames.into_iter().for_each(|frame| member.outbox.push_sync(frame));
    // The chunks come last: whoever has them all has heard of the commits after them too, and is at the head.
    if let Some(snapshot) = snapshot {
        member.outbox.replace_bulk(snapshot.chunks.iter().cloned());
    }
    for (cid, code) in refusals {
        member.say(&ServerMessage::Reject { cid, refusal: Refusal::again(code), current: None, retry_ms: None });
    }
}

/// The commits after `from`, as messages.
fn delta_frames(room: &Room, from: Seq, encoding: Encoding) -> Vec<Frame> {
    let Some(commits) = room.replica.id_at(from).and_then(|id| room.replica.after(from, id)) else {
        return Vec::new();
    };
    let commits: Vec<_> = commits.collect();
    parts(from + 1, &commits).map(|(at, part)| encode::commits(at, part.iter().copied(), encoding)).collect()
}
