//! A connection of tests: takes a few bytes at a time, and gives them back as messages.

use super::Wire;
use futures_util::task::AtomicWaker;
use loadtest::measure::frame;
use std::io::{ErrorKind, IoSlice, Result};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// Bytes that are on their way at most.
const HOLDS: usize = 1_000;

#[derive(Default)]
struct Ends {
    bytes: Mutex<Vec<u8>>,
    writer: AtomicWaker,
    reader: AtomicWaker,
}

/// Both ends of it.
#[derive(Clone, Default)]
pub struct Pipe {
    ends: Arc<Ends>,
}

impl Wire for Pipe {
    fn try_write(&self, parts: &[IoSlice<'_>]) -> Result<usize> {
        let mut bytes = self.ends.bytes.lock().expect("no panic");
        let free = HOLDS.saturating_sub(bytes.len());
        if free == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let before = bytes.len();
        bytes.extend(parts.iter().flat_map(|part| part.iter()).take(free));
        self.ends.reader.wake();
        Ok(bytes.len() - before)
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.ends.writer.register(cx.waker());
        let is_full = self.ends.bytes.lock().expect("no panic").len() >= HOLDS;
        if is_full { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

/// What comes out of a pipe.
#[derive(Default)]
pub struct Reader {
    pipe: Pipe,
    bytes: Vec<u8>,
}

impl Reader {
    /// The end of this pipe.
    pub fn new(pipe: Pipe) -> Self {
        Self { pipe, bytes: Vec::new() }
    }

    /// The next message.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        let ends = &self.pipe.ends;
        loop {
            let first = frame::first(&self.bytes).expect("sound frames");
            if let Some((payload, length)) = first.map(|frame| (frame.payload.to_vec(), frame.length)) {
                self.bytes.drain(..length);
                return Poll::Ready(payload);
            }
            ends.reader.register(cx.waker());
            let come = std::mem::take(&mut *ends.bytes.lock().expect("no panic"));
            if come.is_empty() {
                return Poll::Pending;
            }
            self.bytes.extend(come);
            ends.writer.wake();
        }
    }
}
