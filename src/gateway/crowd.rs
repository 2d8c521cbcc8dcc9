//! Who is connected: how many in all, how many from each address.
//!
//! Owns the counts. Never knows what is said on a connection. Registering gives a guard, and only that unregisters.

use super::peer::{Peer, Trusted};
use crate::metrics::limits::{self, Limit};
use dashmap::{DashMap, Entry};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Seconds after which somebody who was one too many may come again.
pub const RETRY_AFTER: u32 = 5;

/// How many may be connected at the same time.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// In all; further ones wait in the system's queue.
    pub connections: u32,
    /// From one address; further ones are turned away.
    pub per_address: u32,
}

/// Everybody who is connected to a listener.
#[derive(Debug, Clone)]
pub struct Crowd {
    places: Arc<Semaphore>,
    counts: Arc<Counts>,
    bounds: Bounds,
    trusted: Trusted,
}

/// How many there are from each address; what is not there is none.
type Counts = DashMap<IpAddr, u32>;

/// One too many, with a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TooMany(&'static str);

/// One who is counted, until this is dropped.
#[derive(Debug)]
pub struct Guard {
    counts: Arc<Counts>,
    address: IpAddr,
}

impl Crowd {
    /// Nobody yet.
    #[must_use]
    pub fn new(bounds: Bounds, trusted: Trusted) -> Self {
        let places = Arc::new(Semaphore::new(bounds.connections as usize));
        Self { places, counts: Arc::default(), bounds, trusted }
    }

    /// Proxies that say for whom they come.
    pub(super) fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Waits for a place on this node.
    pub(super) async fn place(&self) -> OwnedSemaphorePermit {
        self.places.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// How many places there are on this node, and how many of them are free.
    #[must_use]
    pub fn places(&self) -> (usize, usize) {
        (self.bounds.connections as usize, self.places.available_permits())
    }

    /// Counts a connection of a client. A trusted proxy is not counted: those are, for whom it comes.
    ///
    /// # Errors
    /// [`TooMany`].
    pub(super) fn address(&self, peer: Peer) -> Result<Option<Guard>, TooMany> {
        if peer.is_proxy() {
            return Ok(None);
        }
        let entered = self.enter(peer.counted_by(), self.bounds.per_address);
        entered.map(Some).ok_or_else(|| {
            limits::hit(Limit::ConnectionsPerIp);
            TooMany("there are too many connections from this address; come again later (a node behind a proxy must be told of it by COLLAB_TRUSTED_PROXIES)")
        })
    }

    fn enter(&self, address: IpAddr, most: u32) -> Option<Guard> {
        match self.counts.entry(address) {
            Entry::Occupied(count) if *count.get() >= most => return None,
            Entry::Occupied(mut count) => *count.get_mut() += 1,
            Entry::Vacant(_) if most == 0 => return None,
            Entry::Vacant(count) => drop(count.insert(1)),
        }
        Some(Guard { counts: self.counts.clone(), address })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.counts.entry(self.address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { connections: 2, per_address: 2 };

    fn crowd(trusted: &[&str]) -> Crowd {
        let networks: Vec<_> = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        Crowd::new(BOUNDS, Trusted::new(&networks))
    }

    fn address(crowd: &Crowd, from: &str) -> Result<Option<Guard>, TooMany> {
        crowd.address(Peer::connected(from.parse().expect("an address"), crowd.trusted()))
    }

    #[test]
    fn an_address_has_as_many_as_it_may_until_one_is_dropped() {
        let crowd = crowd(&[]);
        let (one, other) =
            (address(&crowd, "192.0.2.1").expect("first"), address(&crowd, "192.0.2.1").expect("second"));
        let why = address(&crowd, "192.0.2.1").expect_err("one too many").to_string();
        assert!(why.contains("COLLAB_TRUSTED_PROXIES"), "{why}");
        let another = address(&crowd, "192.0.2.2").expect("another address");
        drop(one);
        let again = address(&crowd, "192.0.2.1").expect("there is place again");
        assert!(address(&crowd, "192.0.2.1").is_err());
        drop((other, another, again));
        assert!(crowd.counts.is_empty(), "nobody is remembered");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let crowd = crowd(&[]);
        let _here = [address(&crowd, "2001:db8::1").expect("first"), address(&crowd, "2001:db8::2").expect("second")];
        assert!(address(&crowd, "2001:db8::3").is_err());
        assert!(address(&crowd, "2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn a_trusted_proxy_is_not_counted() {
        let crowd = crowd(&["192.0.2.0/24"]);
        let here: Vec<_> = (0..10).map(|_| address(&crowd, "192.0.2.1").expect("not counted")).collect();
        assert!(here.iter().all(Option::is_none) && crowd.counts.is_empty());
    }

    #[tokio::test]
    async fn places_are_waited_for() {
        use futures_util::FutureExt as _;
        let crowd = crowd(&[]);
        let (one, _other) = (crowd.place().await, crowd.place().await);
        assert!(crowd.place().now_or_never().is_none());
        drop(one);
        assert!(crowd.place().now_or_never().is_some());
    }
}
