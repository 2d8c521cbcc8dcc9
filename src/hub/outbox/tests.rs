use super::pipe::{Pipe, Reader};
use super::*;
use crate::protocol::Encoding;
use std::task::Waker;

/// An outbox and what is read from its connection.
struct Line {
    outbox: Outbox,
    reader: Reader,
}

impl Line {
    fn new() -> Self {
        let pipe = Pipe::default();
        Self { outbox: Outbox::new(Box::new(pipe.clone())), reader: Reader::new(pipe) }
    }

    fn due(&self) -> Poll<Due> {
        self.outbox.poll_send(&mut Context::from_waker(Waker::noop()))
    }

    /// The next message, if it comes without the session.
    fn read(&mut self) -> Option<Vec<u8>> {
        match self.reader.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(message) => Some(message),
            Poll::Pending => None,
        }
    }

    /// All that comes while the session sends what it can, and what it is to do at the end.
    fn read_all(&mut self) -> (Vec<Vec<u8>>, Option<Due>) {
        let mut messages = Vec::new();
        loop {
            let due = self.due();
            let before = messages.len();
            while let Some(message) = self.read() {
                messages.push(message);
            }
            match due {
                Poll::Ready(due) => return (messages, Some(due)),
                Poll::Pending if messages.len() == before && self.outbox.queues().is_empty() => {
                    return (messages, None);
                }
                Poll::Pending => {}
            }
        }
    }
}

fn frame(size: usize) -> Frame {
    Frame::new(&vec![0; size], Encoding::MessagePack)
}

fn sizes(messages: &[Vec<u8>]) -> Vec<usize> {
    messages.iter().map(Vec::len).collect()
}

#[test]
fn a_flush_sends_what_is_live_and_leaves_the_snapshot_to_the_session() {
    let mut line = Line::new();
    line.outbox.replace_bulk([frame(1), frame(2)]);
    line.outbox.push(frame(3)).expect("fits");
    assert_eq!(line.read(), None, "nothing is sent before a flush");
    line.outbox.flush();
    assert_eq!(line.read().map(|message| message.len()), Some(3));
    assert_eq!(line.read(), None);
    assert!(line.outbox.has_bulk());
    assert_eq!(sizes(&line.read_all().0), [1, 2]);
}

#[test]
fn what_is_live_goes_before_the_next_chunk() {
    let mut line = Line::new();
    line.outbox.replace_bulk([frame(2_000), frame(2_001)]);
    assert!(line.due().is_pending());
    line.outbox.push(frame(3)).expect("fits");
    line.outbox.flush();
    assert_eq!(sizes(&line.read_all().0), [2_000, 3, 2_001]);
}

#[test]
fn a_close_comes_after_what_is_live_and_instead_of_the_rest_of_a_snapshot() {
    let mut line = Line::new();
    line.outbox.replace_bulk([frame(2_000), frame(2_001)]);
    assert!(line.due().is_pending());
    line.outbox.push(frame(3)).expect("fits");
    line.outbox.close(Close::Restart, "bye");
    line.outbox.close(Close::Slow, "the first reason stands");
    let (messages, due) = line.read_all();
    assert_eq!(sizes(&messages), [2_000, 3]);
    assert_eq!(due, Some(Due::Close(Close::Restart, "bye".into())));
    line.outbox.push(frame(4)).expect("it is not full");
    line.outbox.push_control(frame(5));
    assert_eq!((sizes(&line.read_all().0), line.read_all().1), (vec![5], None), "nothing but the close frame follows");
}

#[test]
fn the_bound_is_in_bytes_and_one_large_frame_always_fits() {
    let mut line = Line::new();
    line.outbox.push(frame(OUTBOX_BYTES * 2)).expect("the queue was empty");
    assert_eq!(line.outbox.push(frame(1)), Err(Full));
    assert!(!line.outbox.push_presence(frame(1)));
    assert_eq!(line.read_all().1, Some(Due::CaughtUp));
    assert_eq!(line.read_all().1, None, "once for each time");
    for _ in 0..4 {
        line.outbox.push(frame(OUTBOX_BYTES / 4 - 10)).expect("fits");
    }
    assert_eq!(line.outbox.push(frame(100)), Err(Full));
}

#[test]
fn a_reader_has_not_caught_up_before_its_snapshot_is_sent() {
    let mut line = Line::new();
    line.outbox.replace_bulk([frame(1)]);
    line.outbox.push(frame(OUTBOX_BYTES)).expect("the queue was empty");
    assert_eq!(line.outbox.push(frame(1)), Err(Full));
    let (messages, due) = line.read_all();
    assert_eq!((sizes(&messages), due), (vec![OUTBOX_BYTES, 1], Some(Due::CaughtUp)));
}

#[test]
fn a_new_snapshot_replaces_the_rest_of_the_old() {
    let mut line = Line::new();
    line.outbox.replace_bulk([frame(1), frame(2)]);
    line.outbox.replace_bulk([frame(3)]);
    assert_eq!(sizes(&line.read_all().0), [3]);
}

#[test]
fn frames_in_pieces_come_whole_and_in_order() {
    let mut line = Line::new();
    let lengths: Vec<usize> = (0..200).map(|n| n * 37 % 3_000).collect();
    let mut come = Vec::new();
    for length in &lengths {
        line.outbox.push(frame(*length)).expect("fits");
        line.outbox.flush();
        come.extend(line.read());
    }
    come.extend(line.read_all().0);
    assert_eq!(sizes(&come), lengths);
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_takes_some_is_slow_and_not_stalled() {
    let mut line = Line::new();
    line.outbox.push(frame(5_000)).expect("fits");
    line.outbox.flush();
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(line.outbox.stalled(Instant::now()), Duration::from_secs(3));
    assert_eq!(line.read(), None, "a part of it has come");
    assert!(line.due().is_pending());
    assert_eq!(line.outbox.stalled(Instant::now()), Duration::ZERO);
}

#[test]
fn what_is_for_a_lost_connection_is_dropped() {
    let line = Line::new();
    line.outbox.push(frame(5_000)).expect("fits");
    line.outbox.disconnect();
    for _ in 0..10 {
        line.outbox.push(frame(OUTBOX_BYTES)).expect("nothing is kept");
    }
    assert_eq!(line.due(), Poll::Ready(Due::Broken));
}
