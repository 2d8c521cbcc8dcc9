//! What waits in an outbox, and the writing of it.

use super::Wire;
use crate::protocol::close::Close;
use crate::protocol::frame::Frame;
use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Result};
use tokio::time::Instant;

/// Frames that one write takes at most.
const WRITE_FRAMES: usize = 32;
/// Places for frames that an empty queue keeps.
const KEPT_PLACES: usize = 8;

/// What waits for one connection.
#[derive(Default)]
pub(super) struct Queues {
    pub(super) wire: Option<Box<dyn Wire>>,
    /// The frame that has been sent in part, and how much of it.
    pub(super) begun: Option<(Frame, usize)>,
    /// Commits, answers, presence: in order, counted.
    pub(super) live: VecDeque<Frame>,
    pub(super) live_bytes: usize,
    /// Snapshot chunks, shared with the room's cache: sent only when nothing live waits, so that they hold nothing up.
    pub(super) bulk: VecDeque<Frame>,
    pub(super) close: Option<(Close, String)>,
    pub(super) closed: bool,
    pub(super) broken: bool,
    /// A frame did not fit since the queue was last empty.
    pub(super) overflowed: bool,
    /// Since when the wire has taken nothing of what waits.
    pub(super) blocked: Option<Instant>,
}

impl Queues {
    pub(super) fn is_empty(&self) -> bool {
        self.begun.is_none() && self.live.is_empty() && self.bulk.is_empty()
    }

    pub(super) fn add(&mut self, frame: Frame) {
        if !self.closed && !self.broken {
            self.live_bytes += frame.len();
            self.live.push_back(frame);
        }
    }

    /// Whether there is something to send without a snapshot.
    fn has_live(&self) -> bool {
        self.begun.is_some() || !self.live.is_empty()
    }

    /// Sends until nothing is left or the wire takes no more: a snapshot only if `bulk`, and of it a chunk after all that is live.
    pub(super) fn send(&mut self, bulk: bool) {
        while self.has_live() || bulk && !self.bulk.is_empty() {
            match self.write(bulk) {
                Ok(0) => self.fail(),
                Ok(length) => {
                    self.blocked = None;
                    self.sent(length);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked.get_or_insert_with(Instant::now);
                    return;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.fail(),
            }
        }
        for queue in [&mut self.live, &mut self.bulk] {
            if queue.capacity() > KEPT_PLACES && queue.is_empty() {
                *queue = VecDeque::new();
            }
        }
    }

    fn write(&self, bulk: bool) -> Result<usize> {
        let Some(wire) = &self.wire else { return Err(ErrorKind::WouldBlock.into()) };
        let mut parts = [IoSlice::new(&[]); WRITE_FRAMES];
        let begun = self.begun.iter().map(|(frame, sent)| &frame.bytes()[*sent..]);
        let chunk = self.bulk.iter().take(usize::from(bulk && self.live.len() + 2 <= WRITE_FRAMES));
        let frames = begun.chain(self.live.iter().chain(chunk).map(Frame::bytes));
        let count = parts.iter_mut().zip(frames).map(|(part, bytes)| *part = IoSlice::new(bytes)).count();
        wire.try_write(&parts[..count])
    }

    /// So many bytes more have been sent.
    fn sent(&mut self, mut length: usize) {
        while length > 0 {
            let (frame, sent) = self.begun.take().unwrap_or_else(|| (self.next(), 0));
            let rest = frame.len() - sent;
            if length < rest {
                self.begun = Some((frame, sent + length));
                return;
            }
            length -= rest;
        }
    }

    fn next(&mut self) -> Frame {
        if let Some(frame) = self.live.pop_front() {
            self.live_bytes -= frame.len();
            return frame;
        }
        self.bulk.pop_front().expect("no more is sent than there is")
    }

    /// Nothing can be sent any more.
    pub(super) fn fail(&mut self) {
        *self = Self { broken: true, close: self.close.take(), closed: self.closed, ..Self::default() };
    }
}
