//! A shared socket: its reader and its writer beside each other, and its end.
//!
//! One task; each channel has another. All of them end with it, and with them the connections of their sessions.

use super::super::accept::drain;
use super::super::peer::Peer;
use super::super::request_id::RequestId;
use super::super::upgrade::Gateway;
use super::frame::HEAD;
use super::queue::{self, Receiver};
use super::reader::{Ending, Reader};
use crate::metrics;
use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// Messages, and bytes of them, that may wait for the client. Few, because those of all channels wait there together, and because what a session has to
/// say is to wait in its outbox.
const WAITING: usize = 256;
const WAITING_BYTES: usize = 256 << 10;
/// Bytes of the buffers of the socket.
const READ_BYTES: usize = 8 << 10;
const WRITE_BYTES: usize = 32 << 10;

/// What is shared.
pub(super) type Socket = WebSocketStream<TcpStream>;

/// Runs a shared socket until its connection ends. Bytes that were read from it after the upgrade are in `read`.
pub(super) async fn run(gateway: Gateway, from: (Peer, RequestId), connection: TcpStream, read: Vec<u8>) {
    let _counted = metrics::shared_socket();
    let (timing, frame_bytes) = (gateway.timing.clone(), gateway.hub.settings().limits.frame_bytes as usize);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_write_buffer_size(WRITE_BYTES + 2 * (frame_bytes + HEAD))
        .max_message_size(Some(frame_bytes + HEAD))
        .max_frame_size(Some(frame_bytes + HEAD));
    let socket = WebSocketStream::from_partially_read(connection, read, Role::Server, Some(config)).await;
    let (mut sink, mut stream) = socket.split();
    let (out, waiting) = queue::new(WAITING, WAITING_BYTES);
    let mut reader = Reader::new(gateway, from, out.clone());
    {
        let mut writing = pin!(write(waiting, &mut sink, timing.heartbeat));
        let ending = tokio::select! {
            ending = reader.run(&mut stream) => ending,
            () = writing.as_mut() => Ending::Gone,
        };
        // The sessions leave now, whatever becomes of the socket.
        drop(reader);
        if matches!(ending, Ending::Gone) {
            return;
        }
        let close = async move {
            if let Ending::Close(close, why) = ending {
                tracing::debug!(reason = close.name(), why, "closing a shared socket");
                metrics::close(close);
                let close = CloseFrame { code: close.code().into(), reason: why.into() };
                let _ = out.send(Message::Close(Some(close))).await;
            }
        };
        let answered = async { while let Some(Ok(_)) = stream.next().await {} };
        let closed = timeout(timing.closing, async { tokio::join!(close, writing, answered) });
        if closed.await.is_err() {
            return;
        }
    }
    if let Ok(socket) = sink.reunite(stream) {
        let _ = timeout(timing.closing, drain(socket.into_inner())).await;
    }
}

/// Writes what the channels have, and pings, until a close is written or the socket has ended.
async fn write(mut waiting: Receiver, sink: &mut SplitSink<Socket, Message>, heartbeat: Duration) {
    let mut ping = interval_at(Instant::now() + heartbeat, heartbeat);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ended: Result<bool, Error> = Ok(false);
    while let Ok(false) = ended {
        ended = tokio::select! {
            biased;
            _ = ping.tick() => sink.send(Message::Ping(Bytes::new())).await.map(|()| false),
            item = waiting.next() => match item {
                Some(item) => waiting.write(item, sink).await,
                None => return,
            },
        };
    }
}
