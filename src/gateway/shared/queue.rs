//! A queue of messages that is bounded twice: in messages, and in bytes, because a message may have a megabyte.

use futures_util::{Sink, SinkExt as _};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_tungstenite::tungstenite::Message;

/// Messages that one flush waits for at most: whoever writes has to look at its clock now and then.
const AT_ONCE: usize = 64;

/// Nobody takes messages any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// A message and its place, which is free again when this is dropped.
pub(super) type Item = (Message, OwnedSemaphorePermit);

/// The end that messages are put in.
#[derive(Clone)]
pub(super) struct Sender {
    items: mpsc::Sender<Item>,
    room: Arc<Semaphore>,
    bytes: usize,
}

/// The end that they are taken from.
pub(super) struct Receiver {
    items: mpsc::Receiver<Item>,
    room: Arc<Semaphore>,
}

/// A queue of so many messages with so many bytes. One larger than that is put in when it is alone.
pub(super) fn new(messages: usize, bytes: usize) -> (Sender, Receiver) {
    let (sender, receiver) = mpsc::channel(messages);
    let room = Arc::new(Semaphore::new(bytes));
    (Sender { items: sender, room: room.clone(), bytes }, Receiver { items: receiver, room })
}

impl Sender {
    /// Puts a message in as soon as there is room. Who comes first is first.
    pub(super) async fn send(&self, message: Message) -> Result<(), Gone> {
        let size = u32::try_from(message.len().min(self.bytes)).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(size).await.map_err(|_| Gone)?;
        self.items.send((message, room)).await.map_err(|_| Gone)
    }

    /// Whether nobody takes messages any more.
    pub(super) fn is_gone(&self) -> bool {
        self.items.is_closed()
    }
}

impl Receiver {
    /// The next message; `None` when nobody puts any in. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Item> {
        self.items.recv().await
    }

    /// Writes a message and those that wait behind it, with one flush. True when one was a close: nothing is written after that.
    pub(super) async fn write<S: Sink<Message> + Unpin>(
        &mut self,
        first: Item,
        sink: &mut S,
    ) -> Result<bool, S::Error> {
        let (mut next, mut count) = (Some(first), 0);
        while let Some((message, room)) = next {
            let is_close = message.is_close();
            sink.feed(message).await?;
            drop(room);
            if is_close {
                sink.flush().await?;
                return Ok(true);
            }
            count += 1;
            next = (count < AT_ONCE).then(|| self.items.try_recv().ok()).flatten();
        }
        sink.flush().await?;
        Ok(false)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Whoever waits for room would wait for ever.
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn message(size: usize) -> Message {
        Message::binary(vec![0; size])
    }

    /// A sink that keeps everything.
    fn sink(kept: &mut Vec<Message>) -> impl Sink<Message, Error = ()> + Unpin + '_ {
        Box::pin(futures_util::sink::unfold(kept, async |kept: &mut Vec<Message>, message| {
            kept.push(message);
            Ok(kept)
        }))
    }

    #[tokio::test]
    async fn it_is_full_by_messages_and_by_bytes() {
        let (sender, mut receiver) = new(2, 100);
        sender.send(message(50)).await.expect("there is room");
        assert_eq!(sender.send(message(51)).now_or_never(), None, "too many bytes");
        sender.send(message(50)).await.expect("there is room");
        assert_eq!(sender.send(message(0)).now_or_never(), None, "too many messages");
        let (_, room) = receiver.next().await.expect("two are there");
        assert_eq!(sender.send(message(1)).now_or_never(), None, "its place is taken until it is dropped");
        drop(room);
        sender.send(message(1)).await.expect("there is room");
    }

    #[tokio::test]
    async fn one_that_is_larger_than_the_queue_goes_alone() {
        let (sender, mut receiver) = new(10, 100);
        sender.send(message(1)).await.expect("there is room");
        assert_eq!(sender.send(message(1_000)).now_or_never(), None);
        drop(receiver.next().await);
        sender.send(message(1_000)).await.expect("there is room");
        assert_eq!(receiver.next().await.map(|(message, _)| message.len()), Some(1_000));
    }

    #[tokio::test]
    async fn who_waits_hears_that_nobody_is_there() {
        let (sender, receiver) = new(10, 100);
        sender.send(message(100)).await.expect("there is room");
        let waiting = sender.send(message(100));
        tokio::pin!(waiting);
        assert_eq!(waiting.as_mut().now_or_never(), None);
        assert!(!sender.is_gone());
        drop(receiver);
        assert_eq!(waiting.await, Err(Gone));
        assert!(sender.is_gone());
    }

    #[tokio::test]
    async fn what_waits_is_written_in_order_and_nothing_after_a_close() {
        let (sender, mut receiver) = new(10, 100);
        for message in [message(1), message(2), Message::Close(None), message(3)] {
            sender.send(message).await.expect("there is room");
        }
        let mut kept = Vec::new();
        let first = receiver.next().await.expect("it is there");
        assert_eq!(receiver.write(first, &mut sink(&mut kept)).await, Ok(true));
        assert_eq!(kept, [message(1), message(2), Message::Close(None)]);
        let first = receiver.next().await.expect("it is there");
        assert_eq!(receiver.write(first, &mut sink(&mut kept)).await, Ok(false));
        assert_eq!(kept.len(), 4);
    }
}
