//! Hears what is published: one connection per node for all subscriptions, one per shard in a Cluster.
//!
//! Sharded Pub/Sub everywhere (SSUBSCRIBE, SPUBLISH), which a Redis of 7.0 has without Cluster too. Owns the set of wanted channels; knows
//! no project. Messages go from the connection straight into the sink; everything else is decided by one task (`desk`), which may wait
//! for a server without holding messages up.
//!
//! A connection that closes, does not answer within `SILENCE` when asked for its role every `PROBE` (a half-open one looks just
//! quiet), is no master any more, or takes a subscription away by itself (its slot moved) is replaced. All its channels are subscribed
//! anew, where their slots are then, and after the server has confirmed that, [`Heard::Gap`] says that messages may be missing. In between
//! messages are lost, silently: that is the nature of Pub/Sub.
//!
//! Why not the subscriptions of the client library's `ClusterConnection`: it sends them again after a reconnection without waiting for the
//! answer, so that nobody knows when the gap is over.

mod desk;
mod home;
mod wanted;

use super::error::LinkError;
use super::url::Target;
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How often a connection is asked whether it lives.
const PROBE: Duration = Duration::from_secs(1);
/// How long it may take to answer that.
const SILENCE: Duration = Duration::from_secs(2);

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something was published.
    Message {
        /// Where.
        channel: Bytes,
        /// What.
        payload: Bytes,
    },
    /// A connection was lost, and its subscriptions have been made again: messages of any channel may be missing.
    Gap,
}

/// What the desk is asked to do.
#[derive(Debug)]
enum Order {
    Subscribe(Bytes, Option<oneshot::Sender<Result<(), LinkError>>>),
    Unsubscribe(Bytes),
}

/// The subscriptions of this node. Its connections close when it is dropped.
#[derive(Debug)]
pub struct Subscriber {
    /// Bounded by what callers want: an order per room that opens or closes.
    orders: mpsc::UnboundedSender<Order>,
}

impl Subscriber {
    /// Connects, within [`super::OPEN`]. The sink has no bound here: who holds its other end must drain it or drop it.
    ///
    /// # Errors
    /// [`LinkError`] when no connection can be had.
    pub async fn open(target: &Target, sink: mpsc::UnboundedSender<Heard>) -> Result<Self, LinkError> {
        let (orders, inbox) = mpsc::unbounded_channel();
        let mut desk = desk::Desk::new(target.clone(), sink);
        let late = || LinkError::Unavailable(format!("{target} does not answer within {} s", super::OPEN.as_secs()));
        let opened = tokio::time::timeout(super::OPEN, desk.open()).await;
        opened.unwrap_or_else(|_| Err(late())).map_err(LinkError::count)?;
        tokio::spawn(desk.run(inbox));
        Ok(Self { orders })
    }

    /// Wants a channel from now on. Does not wait.
    pub fn subscribe(&self, channel: &str) {
        let _ = self.orders.send(Order::Subscribe(Bytes::copy_from_slice(channel.as_bytes()), None));
    }

    /// Wants a channel no more. Does not wait; a message that is on its way may still be heard.
    pub fn unsubscribe(&self, channel: &str) {
        let _ = self.orders.send(Order::Unsubscribe(Bytes::copy_from_slice(channel.as_bytes())));
    }

    /// Wants a channel, and completes when the server has confirmed it: what is published from then on is heard. While Redis is away this
    /// takes as long as that; the caller bounds it. A caller that gives up must unsubscribe.
    ///
    /// # Errors
    /// [`LinkError::Refused`] when the server does not allow the channel, which is then forgotten; [`LinkError::Unavailable`] when the
    /// channel was unsubscribed meanwhile.
    pub async fn subscribed(&self, channel: &str) -> Result<(), LinkError> {
        let (done, confirmed) = oneshot::channel();
        let gone = || LinkError::Unavailable("unsubscribed before it was confirmed".to_owned());
        let order = Order::Subscribe(Bytes::copy_from_slice(channel.as_bytes()), Some(done));
        self.orders.send(order).map_err(|_| gone())?;
        confirmed.await.unwrap_or_else(|_| Err(gone()))
    }
}
