//! A session's queue to its socket: written by the room, drained by the session.
//!
//! Bounded in bytes, because a slow reader must cost memory that somebody has counted. When a commit no longer fits, the room stops
//! sending and brings the session back by a resync once the queue is empty. Frames are shared: an encoded event exists once per room.

use crate::protocol::close::Close;
use crate::protocol::message::Frame;
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Bytes of live frames that may wait for one socket. Large enough for several of the largest commits, small enough that a thousand stuck
/// readers are a gigabyte at worst.
pub const OUTBOX_BYTES: usize = 1 << 20;
/// With more than this waiting, presence is not worth adding, in bytes.
const PRESENCE_BYTES: usize = OUTBOX_BYTES / 16;

/// The frame does not fit: the reader is too slow for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What the session does next with its socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this.
    Frame(Frame),
    /// Close, after everything that came before.
    Close(Close, String),
}

#[derive(Debug, Default)]
struct Queues {
    /// Commits, answers, presence: in order, counted.
    live: VecDeque<Frame>,
    live_bytes: usize,
    /// Snapshot chunks, shared with the room's cache: sent only when nothing live waits, so that they hold nothing up.
    bulk: VecDeque<Frame>,
    close: Option<(Close, String)>,
    closed: bool,
    /// A frame did not fit since the queue was last empty.
    overflowed: bool,
}

/// The queue between a room and one session.
#[derive(Debug, Default)]
pub struct Outbox {
    queues: Mutex<Queues>,
    reader: AtomicWaker,
}

impl Outbox {
    fn queues(&self) -> MutexGuard<'_, Queues> {
        // Nothing that holds the lock can panic half-way through a change.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a live frame.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; nothing is queued then.
    pub fn push(&self, frame: Frame) -> Result<(), Full> {
        let mut queues = self.queues();
        if queues.live_bytes + frame.len() > OUTBOX_BYTES && !queues.live.is_empty() {
            queues.overflowed = true;
            return Err(Full);
        }
        queues.live_bytes += frame.len();
        queues.live.push_back(frame);
        drop(queues);
        self.reader.wake();
        Ok(())
    }

    /// Queues a frame of a sync, whatever waits: a session that could not take its whole sync would begin it again for ever. A sync comes into
    /// an outbox that is new or empty, and its frames are bounded by what a delta may have.
    pub fn push_sync(&self, frame: Frame) {
        let mut queues = self.queues();
        queues.live_bytes += frame.len();
        queues.live.push_back(frame);
        drop(queues);
        self.reader.wake();
    }

    /// Queues a presence frame unless the reader is behind. Returns whether it did.
    pub fn push_presence(&self, frame: Frame) -> bool {
        if self.queues().live_bytes > PRESENCE_BYTES {
            return false;
        }
        self.push(frame).is_ok()
    }

    /// Queues snapshot chunks in place of those of an earlier snapshot.
    pub fn replace_bulk(&self, chunks: impl IntoIterator<Item = Frame>) {
        let mut queues = self.queues();
        queues.bulk.clear();
        queues.bulk.extend(chunks);
        drop(queues);
        self.reader.wake();
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
        self.reader.wake();
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let queues = self.queues();
        queues.live.is_empty() && queues.bulk.is_empty()
    }

    /// Whether a frame did not fit and everything else has been taken since: true once for each time. The rest of a snapshot counts: whoever is
    /// brought back must have the whole of what was sent before.
    pub fn take_overflow(&self) -> bool {
        let mut queues = self.queues();
        queues.live.is_empty() && queues.bulk.is_empty() && std::mem::take(&mut queues.overflowed)
    }

    /// Takes what is to be sent next, or registers the task to be woken when there is something.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        self.reader.register(cx.waker());
        let mut queues = self.queues();
        if let Some(frame) = queues.live.pop_front() {
            queues.live_bytes -= frame.len();
            return Poll::Ready(Next::Frame(frame));
        }
        // A close overtakes what is left of a snapshot: it starts over with the next session anyway.
        if let Some((close, message)) = queues.close.clone().filter(|_| !queues.closed) {
            queues.closed = true;
            return Poll::Ready(Next::Close(close, message));
        }
        queues.bulk.pop_front().map_or(Poll::Pending, |frame| Poll::Ready(Next::Frame(frame)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    fn next(outbox: &Outbox) -> Poll<Next> {
        outbox.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn frame(size: usize) -> Frame {
        vec![0; size].into()
    }

    #[test]
    fn live_goes_before_bulk_and_close_comes_last() {
        let outbox = Outbox::default();
        outbox.replace_bulk([frame(1), frame(2)]);
        assert_eq!(next(&outbox), Poll::Ready(Next::Frame(frame(1))));
        outbox.push(frame(3)).expect("fits");
        outbox.close(Close::Restart, "bye");
        outbox.close(Close::Slow, "the first reason stands");
        assert_eq!(next(&outbox), Poll::Ready(Next::Frame(frame(3))));
        assert_eq!(next(&outbox), Poll::Ready(Next::Close(Close::Restart, "bye".into())));
    }

    #[test]
    fn the_bound_is_in_bytes_and_one_large_frame_always_fits() {
        let outbox = Outbox::default();
        outbox.push(frame(OUTBOX_BYTES * 2)).expect("the queue was empty");
        assert_eq!(outbox.push(frame(1)), Err(Full));
        assert!(!outbox.push_presence(frame(1)));
        assert!(!outbox.take_overflow());
        assert!(next(&outbox).is_ready() && outbox.is_idle());
        assert!(outbox.take_overflow() && !outbox.take_overflow());
        for _ in 0..4 {
            outbox.push(frame(OUTBOX_BYTES / 4)).expect("fits");
        }
        assert_eq!(outbox.push(frame(1)), Err(Full));
    }

    #[test]
    fn a_reader_has_not_caught_up_before_its_snapshot_is_sent() {
        let outbox = Outbox::default();
        outbox.replace_bulk([frame(1)]);
        outbox.push(frame(OUTBOX_BYTES)).expect("the queue was empty");
        assert_eq!(outbox.push(frame(1)), Err(Full));
        assert!(next(&outbox).is_ready());
        assert!(!outbox.is_idle() && !outbox.take_overflow());
        assert!(next(&outbox).is_ready());
        assert!(outbox.is_idle() && outbox.take_overflow());
    }

    #[test]
    fn a_new_snapshot_replaces_the_rest_of_the_old() {
        let outbox = Outbox::default();
        outbox.replace_bulk([frame(1), frame(2)]);
        outbox.replace_bulk([frame(3)]);
        assert_eq!(next(&outbox), Poll::Ready(Next::Frame(frame(3))));
        assert_eq!(next(&outbox), Poll::Pending);
    }
}
