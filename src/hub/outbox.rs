//! A session's queue to its socket: written by the room, sent by whoever comes first.
//!
//! Bounded in bytes, because a slow reader must cost memory that somebody has counted. When a commit no longer fits, the room stops
//! sending and brings the session back by a resync once the queue is empty. Frames are shared: an encoded event exists once per room.
//!
//! The room itself writes what it has queued to the socket, as long as the socket takes it: to wake a session for each frame would cost more than the
//! frame. What the socket does not take, snapshots and closes are the session's, which is woken for them.

mod queues;

use crate::protocol::close::Close;
use crate::protocol::frame::Frame;
use futures_util::task::AtomicWaker;
use queues::Queues;
use std::io::{IoSlice, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of live frames that may wait for one socket. Large enough for several of the largest commits, small enough that a thousand stuck
/// readers are a gigabyte at worst.
pub const OUTBOX_BYTES: usize = 1 << 20;
/// With more than this waiting, presence is not worth adding, in bytes.
const PRESENCE_BYTES: usize = OUTBOX_BYTES / 16;

/// The frame does not fit: the reader is too slow for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The end of a connection that takes bytes.
pub trait Wire: Send + Sync {
    /// Takes bytes, as many as it can at once.
    ///
    /// # Errors
    /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) when it can take none now; any other when it never will.
    fn try_write(&self, parts: &[IoSlice<'_>]) -> Result<usize>;

    /// Whether it takes bytes; the task is woken when it does.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<()>>;
}

/// What a session has to do about its outbox.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Everything that was queued is sent, after a frame had not fitted: the session is to be brought back.
    CaughtUp,
    /// Everything is sent: close, and send nothing more.
    Close(Close, String),
    /// The connection is broken.
    Broken,
}

/// The queue between a room and one session.
#[derive(Default)]
pub struct Outbox {
    queues: Mutex<Queues>,
    /// The session's task.
    session: AtomicWaker,
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let queues = self.queues();
        let (live, bulk) = (queues.live_bytes, queues.bulk.len());
        f.debug_struct("Outbox").field("live_bytes", &live).field("bulk", &bulk).finish_non_exhaustive()
    }
}

impl Outbox {
    /// An outbox that sends by this connection. One without (`default`) keeps everything.
    #[must_use]
    pub fn new(wire: Box<dyn Wire>) -> Self {
        let queues = Queues { wire: Some(wire), ..Queues::default() };
        Self { queues: Mutex::new(queues), session: AtomicWaker::new() }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        // Nothing that holds the lock can panic half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a live frame. It is sent by the next [`Self::flush`] or [`Self::poll_send`].
    ///
    /// # Errors
    /// [`Full`] when it does not fit; nothing is queued then.
    pub fn push(&self, frame: Frame) -> std::result::Result<(), Full> {
        let mut queues = self.queues();
        if queues.live_bytes + frame.len() > OUTBOX_BYTES && !queues.live.is_empty() {
            queues.overflowed = true;
            return Err(Full);
        }
        queues.add(frame);
        Ok(())
    }

    /// Queues a frame of a sync, whatever waits: a session that could not take its whole sync would begin it again for ever. A sync comes into
    /// an outbox that is new or empty, and its frames are bounded by what a delta may have.
    pub fn push_sync(&self, frame: Frame) {
        self.queues().add(frame);
    }

    /// Queues a presence frame unless the reader is behind. Returns whether it did.
    pub fn push_presence(&self, frame: Frame) -> bool {
        !self.is_behind() && self.push(frame).is_ok()
    }

    /// Whether so much waits that presence is not worth adding, and that what waits should wait no longer.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.queues().live_bytes > PRESENCE_BYTES
    }

    /// Queues what the WebSocket itself has to say: pongs, and the close frame after everything else. Who pings and does not read gets no more pongs.
    pub fn push_control(&self, frame: Frame) {
        let mut queues = self.queues();
        let is_flood = queues.live_bytes > OUTBOX_BYTES && frame.is_pong();
        if !queues.broken && !is_flood {
            queues.live_bytes += frame.len();
            queues.live.push_back(frame);
        }
    }

    /// Sends what is live, as far as the connection takes it at once; the session does the rest.
    pub fn flush(&self) {
        let mut queues = self.queues();
        if queues.blocked.is_some() {
            // The session waits for the connection.
            return;
        }
        queues.send(false);
        let all_done = queues.blocked.is_none() && !queues.broken && queues.bulk.is_empty() && !queues.overflowed;
        drop(queues);
        if !all_done {
            self.session.wake();
        }
    }

    /// Has the session send what is there.
    pub fn wake(&self) {
        self.session.wake();
    }

    /// Sends everything, as far as the connection takes it, and says what is to be done then, if anything is.
    pub fn poll_send(&self, cx: &mut Context<'_>) -> Poll<Due> {
        self.session.register(cx.waker());
        let mut queues = self.queues();
        loop {
            // A close overtakes what is left of a snapshot: it starts over with the next session anyway.
            let bulk = queues.close.is_none();
            queues.send(bulk);
            if queues.broken {
                return Poll::Ready(Due::Broken);
            }
            if queues.blocked.is_none() {
                break;
            }
            match queues.wire.as_ref().map(|wire| wire.poll_ready(cx)) {
                Some(Poll::Ready(Ok(()))) => {}
                Some(Poll::Ready(Err(_))) => queues.fail(),
                Some(Poll::Pending) | None => return Poll::Pending,
            }
        }
        if let Some((close, message)) = queues.close.clone().filter(|_| !queues.closed) {
            queues.closed = true;
            queues.bulk.clear();
            return Poll::Ready(Due::Close(close, message));
        }
        if queues.is_empty() && std::mem::take(&mut queues.overflowed) {
            return Poll::Ready(Due::CaughtUp);
        }
        Poll::Pending
    }

    /// How long the client has not taken a byte that waits for it.
    #[must_use]
    pub fn stalled(&self, now: Instant) -> Duration {
        self.queues().blocked.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Bytes that wait, without those of a snapshot, which all sessions share.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.queues().live_bytes
    }

    /// Lets go of the connection: nothing is sent any more.
    pub fn disconnect(&self) {
        self.queues().fail();
    }

    /// Queues snapshot chunks in place of those of an earlier snapshot.
    pub fn replace_bulk(&self, chunks: impl IntoIterator<Item = Frame>) {
        let mut queues = self.queues();
        queues.bulk.clear();
        queues.bulk.extend(chunks);
    }

    /// Forgets what is left of a snapshot: a sync begins, and nothing of an older one may come after its welcome.
    pub fn clear_bulk(&self) {
        self.queues().bulk.clear();
    }

    /// Whether a snapshot is not sent to its end.
    #[must_use]
    pub fn has_bulk(&self) -> bool {
        !self.queues().bulk.is_empty()
    }

    /// Asks the session to close its socket once everything queued so far is sent. The first reason stands.
    pub fn close(&self, close: Close, message: impl Into<String>) {
        let mut queues = self.queues();
        queues.close.get_or_insert_with(|| (close, message.into()));
        drop(queues);
        self.session.wake();
    }
}

#[cfg(test)]
pub mod pipe;

#[cfg(test)]
mod tests;
