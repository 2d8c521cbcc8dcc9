//! What a shared socket does about what it hears, and about what it does not hear.

use super::super::peer::Peer;
use super::super::request_id::RequestId;
use super::super::upgrade::Gateway;
use super::channel::{self, Channel, Opening};
use super::frame::{self, Asked, Closed};
use super::queue::Sender;
use super::socket::Socket;
use crate::lifecycle::stops;
use crate::metrics;
use crate::protocol::Encoding;
use crate::protocol::close::Close;
use futures_util::StreamExt as _;
use futures_util::stream::SplitStream;
use std::collections::HashMap;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Channels of one socket: more than a person has tabs of a site.
const CHANNELS: usize = 64;
/// Channels with those that have ended and cannot say so, because the client does not read.
const CHANNELS_AND_ENDED: usize = 2 * CHANNELS;

/// How a socket ends.
#[derive(Debug)]
pub(super) enum Ending {
    /// By us, with a sentence.
    Close(Close, &'static str),
    /// By the client's close frame.
    Closed,
    /// It is gone.
    Gone,
}

/// The reading side of a shared socket.
pub(super) struct Reader {
    gateway: Gateway,
    /// Who opens the channels.
    peer: Peer,
    /// By which request the socket came.
    request: RequestId,
    /// By number; the ended ones are forgotten when the next is opened.
    channels: HashMap<u32, Channel>,
    /// One for each channel. Dropping them drops the connections of the sessions.
    tasks: JoinSet<()>,
    to_client: Sender,
    /// Bytes that may wait for one session: a batch on its way and the next.
    waiting_bytes: usize,
    heard: Instant,
    /// Since when there is no channel, if there is none.
    idle: Instant,
    /// When the node stops: until when the sessions may say goodbye.
    stop: Option<Instant>,
}

impl Reader {
    pub(super) fn new(gateway: Gateway, (peer, request): (Peer, RequestId), to_client: Sender) -> Self {
        let now = Instant::now();
        let waiting_bytes = 2 * gateway.hub.settings().limits.frame_bytes as usize;
        let (channels, tasks) = (HashMap::new(), JoinSet::new());
        Self { gateway, peer, request, channels, tasks, to_client, waiting_bytes, heard: now, idle: now, stop: None }
    }

    /// Reads until the socket is to end.
    pub(super) async fn run(&mut self, stream: &mut SplitStream<Socket>) -> Ending {
        let mut stopping = self.gateway.stopping.clone();
        loop {
            let (deadline, due) = self.deadline();
            tokio::select! {
                biased;
                window = stops(&mut stopping), if self.stop.is_none() => {
                    // Each session is told within the window and closes within one such time, whether its client answers or not.
                    self.stop = Some(Instant::now() + window + 2 * self.gateway.timing.closing);
                }
                Some(_) = self.tasks.join_next() => self.idle = Instant::now(),
                // Before the socket: one that always has something to read must not keep deadlines away.
                () = sleep_until(deadline) => return due,
                heard = stream.next() => match self.hear(heard).await {
                    Ok(()) => self.heard = Instant::now(),
                    Err(ending) => return ending,
                },
            }
        }
    }

    /// When the socket ends unless something happens, and how.
    fn deadline(&self) -> (Instant, Ending) {
        let timing = &self.gateway.timing;
        let silent = (self.heard + timing.silence, Ending::Close(Close::Silent, "nothing was heard for too long"));
        let first = match self.stop {
            Some(until) => {
                let until = if self.tasks.is_empty() { Instant::now() } else { until };
                (until, Ending::Close(Close::Restart, "this node stops; reconnect"))
            }
            // Not as a normal close: a client that is just opening a channel has to come again.
            None if self.tasks.is_empty() => {
                (self.idle + timing.hello, Ending::Close(Close::HelloTimeout, "no channel is open"))
            }
            None => return silent,
        };
        if first.0 < silent.0 { first } else { silent }
    }

    async fn hear(&mut self, heard: Option<Result<Message, Error>>) -> Result<(), Ending> {
        match heard {
            Some(Ok(Message::Binary(frame))) => match frame::read(&frame).map_err(malformed)? {
                (number, Asked::Open { project, offered }) => self.open(number, &project, &offered)?,
                (number, Asked::Pass(message)) => {
                    // One that is not open may have ended while this was on its way.
                    if let Some(channel) = self.channels.get_mut(&number) {
                        channel.pass(message).await;
                    }
                }
            },
            Some(Ok(Message::Text(_))) => return Err(malformed("a shared socket takes binary messages")),
            Some(Ok(Message::Close(_))) => return Err(Ending::Closed),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(Error::Capacity(_))) => {
                return Err(Ending::Close(Close::FrameTooLarge, "a message is larger than limits.frame_bytes"));
            }
            Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => return Err(Ending::Gone),
            Some(Err(Error::Protocol(_) | Error::Utf8(_))) => {
                return Err(malformed("a shared socket takes sound WebSocket messages"));
            }
            Some(Err(_)) | None => return Err(Ending::Gone),
        }
        Ok(())
    }

    fn open(&mut self, number: u32, project: &str, offered: &str) -> Result<(), Ending> {
        while self.tasks.try_join_next().is_some() {}
        self.channels.retain(|_, channel| !channel.has_ended());
        if self.channels.contains_key(&number) {
            return Err(malformed("the number of a channel that is open was used for another"));
        }
        if self.tasks.len() >= CHANNELS_AND_ENDED {
            return Err(Ending::Close(Close::Slow, "the client does not read what became of its channels"));
        }
        let opening = self.opening(project, offered).map_err(|(close, why)| {
            metrics::close(close);
            Closed::because(close, why)
        });
        let closing = self.gateway.timing.closing;
        let (channel, relay) = channel::new(number, self.waiting_bytes, self.to_client.clone(), closing);
        self.channels.insert(number, channel);
        self.tasks.spawn(relay.run(opening));
        Ok(())
    }

    /// The session of a channel, or why there is none.
    fn opening(&self, project: &str, offered: &str) -> Result<Opening, (Close, &'static str)> {
        if self.gateway.stopping.borrow().is_some() {
            return Err((Close::Restart, "this node is stopping; connect again"));
        }
        if self.channels.len() >= CHANNELS {
            return Err((Close::ProjectFull, "this socket has as many channels as it may have"));
        }
        let encoding = Encoding::choose(offered);
        let encoding = encoding
            .ok_or((Close::Malformed, "offer the subprotocol collabcanvas.v1.msgpack or collabcanvas.v1.json"))?;
        // A channel takes as much as a connection does, so it counts as one.
        let guard = self.gateway.edge.crowd.address(self.peer);
        let guard =
            guard.map_err(|_| (Close::TooManyConnections, "there are too many connections from this address"))?;
        let session = self.gateway.session(project, encoding, self.request.clone());
        Ok(Opening { session, alive: (self.gateway.sessions.subscribe(), guard) })
    }
}

fn malformed(why: &'static str) -> Ending {
    Ending::Close(Close::Malformed, why)
}
