//! One connection for subscriptions.

use super::{Heard, PROBE, SILENCE};
use crate::link::dial::{Role, role};
use crate::link::error::LinkError;
use crate::link::url::{Server, Target};
use bytes::Bytes;
use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{Pipeline, PushInfo, PushKind, RedisError, ServerErrorKind, Value};
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Channels in one round trip: enough to be quick, few enough to be answered well within the time for an answer.
const CHUNK: usize = 500;

/// Number of a connection, never used twice.
pub(super) type HomeId = u64;

/// What a connection tells the desk by itself.
#[derive(Debug)]
pub(super) enum News {
    /// It is no good any more.
    Lost(HomeId),
    /// It took a subscription away, asked or not.
    Ended(HomeId, Bytes),
}

/// How a request for one channel went.
#[derive(Debug)]
pub(super) enum Answer {
    Done,
    /// Another server has the slot, or this one cannot serve now.
    Later,
    Refused(LinkError),
}

/// A connection with its probe, which ends with it.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) id: HomeId,
    connection: MultiplexedConnection,
    probe: JoinHandle<()>,
}

impl Drop for Home {
    fn drop(&mut self) {
        self.probe.abort();
    }
}

impl Home {
    pub(super) async fn open(
        id: HomeId,
        target: &Target,
        server: &Server,
        sink: mpsc::UnboundedSender<Heard>,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<Self, LinkError> {
        let told = news.clone();
        let push = move |push: PushInfo| {
            hear(id, push, &sink, &told);
            Ok::<(), Infallible>(())
        };
        let connection = target.dial(server, push).await?;
        let probe = tokio::spawn(watch(id, connection.clone(), news));
        Ok(Self { id, connection, probe })
    }

    /// Subscribes to or unsubscribes from channels, each with a command of its own: they may lie in different slots, and each has its
    /// answer. An error means that the connection is no good.
    pub(super) async fn request(
        &mut self,
        command: &str,
        channels: &[Bytes],
        target: &Target,
    ) -> Result<Vec<Answer>, RedisError> {
        let mut answers = Vec::with_capacity(channels.len());
        for chunk in channels.chunks(CHUNK) {
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            for channel in chunk {
                pipeline.cmd(command).arg(channel.as_ref());
            }
            let values = self.connection.req_packed_commands(&pipeline, 0, chunk.len()).await?;
            for (value, channel) in values.into_iter().zip(chunk) {
                answers.push(read(value, channel, target)?);
            }
        }
        Ok(answers)
    }
}

/// Reads a confirmation, which must name the channel: a push that nobody asked for shifts all answers after it.
fn read(value: Value, channel: &Bytes, target: &Target) -> Result<Answer, RedisError> {
    match value {
        Value::Push { data, .. } if data.first() == Some(&Value::BulkString(channel.to_vec())) => Ok(Answer::Done),
        Value::ServerError(error) => {
            let is_elsewhere = matches!(error.kind(), Some(ServerErrorKind::Moved | ServerErrorKind::Ask));
            match LinkError::sorted(&error.into(), target) {
                refused @ LinkError::Refused { .. } if !is_elsewhere => Ok(Answer::Refused(refused)),
                _ => Ok(Answer::Later),
            }
        }
        _ => Err((redis::ErrorKind::Parse, "an answer to another question").into()),
    }
}

/// What the server sends by itself.
fn hear(id: HomeId, push: PushInfo, sink: &mpsc::UnboundedSender<Heard>, news: &mpsc::UnboundedSender<News>) {
    let mut parts = push.data.into_iter();
    let (first, second) = (parts.next(), parts.next());
    match (push.kind, first, second) {
        (PushKind::SMessage, Some(Value::BulkString(channel)), Some(Value::BulkString(payload))) => {
            let _ = sink.send(Heard::Message { channel: channel.into(), payload: payload.into() });
        }
        (PushKind::SUnsubscribe, Some(Value::BulkString(channel)), _) => {
            let _ = news.send(News::Ended(id, channel.into()));
        }
        (PushKind::Disconnection, _, _) => {
            let _ = news.send(News::Lost(id));
        }
        _ => {}
    }
}

/// Asks for the role again and again: no answer is a dead connection, another role a failover that nobody told us of.
async fn watch(id: HomeId, mut connection: MultiplexedConnection, news: mpsc::UnboundedSender<News>) {
    connection.set_response_timeout(SILENCE);
    loop {
        tokio::time::sleep(PROBE).await;
        if !matches!(role(&mut connection).await, Ok(Role::Master)) {
            let _ = news.send(News::Lost(id));
            return;
        }
    }
}
