//! What is wanted, and what of it the servers have confirmed: pure.

use super::Order;
use super::home::{Answer, HomeId};
use crate::link::error::LinkError;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use tokio::sync::oneshot;

/// A channel that is wanted.
#[derive(Debug, Default)]
struct Want {
    /// The connection that has confirmed it.
    at: Option<HomeId>,
    /// Whether it was confirmed before, so that messages may be missing.
    lost: bool,
    waiting: Vec<oneshot::Sender<Result<(), LinkError>>>,
}

/// All channels that are wanted.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    all: HashMap<Bytes, Want>,
    /// Wanted and not confirmed.
    pending: HashSet<Bytes>,
    /// Confirmed and no more wanted.
    unwanted: Vec<(HomeId, Bytes)>,
    /// Subscriptions that we asked to end and of whose end the server has not told, and how often.
    leaving: HashMap<(HomeId, Bytes), u32>,
}

impl Wanted {
    /// Wants a channel, or wants it no more.
    pub(super) fn take(&mut self, order: Order) {
        match order {
            Order::Subscribe(channel, waiting) => {
                let want = self.all.entry(channel.clone()).or_default();
                if want.at.is_none() {
                    self.pending.insert(channel);
                    want.waiting.extend(waiting);
                } else if let Some(waiting) = waiting {
                    let _ = waiting.send(Ok(()));
                }
            }
            Order::Unsubscribe(channel) => {
                self.pending.remove(&channel);
                if let Some(Want { at: Some(home), .. }) = self.all.remove(&channel) {
                    self.unwanted.push((home, channel));
                }
            }
        }
    }

    /// What to subscribe to.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Bytes> {
        self.pending.iter()
    }

    /// What to unsubscribe from, by connection; it is taken as asked for.
    pub(super) fn leave(&mut self) -> HashMap<HomeId, Vec<Bytes>> {
        let mut work: HashMap<HomeId, Vec<Bytes>> = HashMap::new();
        for (home, channel) in self.unwanted.drain(..) {
            *self.leaving.entry((home, channel.clone())).or_default() += 1;
            work.entry(home).or_default().push(channel);
        }
        work
    }

    /// A subscription has ended. Returns whether that was asked for.
    pub(super) fn has_ended(&mut self, home: HomeId, channel: Bytes) -> bool {
        match self.leaving.remove(&(home, channel.clone())) {
            Some(count) if count > 1 => {
                self.leaving.insert((home, channel), count - 1);
                true
            }
            Some(_) => true,
            None => false,
        }
    }

    /// A connection is gone.
    pub(super) fn lose(&mut self, home: HomeId) {
        self.leaving.retain(|(at, _), _| *at != home);
        self.unwanted.retain(|(at, _)| *at != home);
        self.keep(|_, at| at != home);
    }

    /// Keeps only these confirmations.
    pub(super) fn keep(&mut self, is_good: impl Fn(&Bytes, HomeId) -> bool) {
        for (channel, want) in &mut self.all {
            if want.at.is_some_and(|home| !is_good(channel, home)) {
                *want = Want { at: None, lost: true, waiting: Vec::new() };
                self.pending.insert(channel.clone());
            }
        }
    }

    /// Takes the answer for a channel; returns whether it ends a gap.
    pub(super) fn answered(&mut self, home: HomeId, channel: &Bytes, answer: Answer) -> bool {
        let result = match answer {
            Answer::Later => return false,
            Answer::Done => Ok(()),
            Answer::Refused(error) => Err(error.count()),
        };
        self.pending.remove(channel);
        let Some(want) = self.all.get_mut(channel) else { return false };
        for waiting in want.waiting.drain(..) {
            let _ = waiting.send(result.clone());
        }
        match result {
            Ok(()) => {
                want.at = Some(home);
                std::mem::take(&mut want.lost)
            }
            Err(error) => {
                tracing::error!(%error, "the server does not let us subscribe");
                self.all.remove(channel);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Refusal;

    fn channel(name: &'static str) -> Bytes {
        Bytes::from_static(name.as_bytes())
    }

    fn subscribed(wanted: &mut Wanted, name: &'static str) -> oneshot::Receiver<Result<(), LinkError>> {
        let (done, confirmed) = oneshot::channel();
        wanted.take(Order::Subscribe(channel(name), Some(done)));
        confirmed
    }

    #[test]
    fn a_gap_ends_with_what_was_confirmed_before_only() {
        let mut wanted = Wanted::default();
        let mut first = subscribed(&mut wanted, "a");
        assert!(!wanted.answered(1, &channel("a"), Answer::Later));
        assert!(first.try_recv().is_err() && wanted.pending().count() == 1);
        assert!(!wanted.answered(1, &channel("a"), Answer::Done));
        assert_eq!(first.try_recv(), Ok(Ok(())));
        wanted.lose(2);
        assert_eq!(wanted.pending().count(), 0);
        wanted.lose(1);
        let _new = subscribed(&mut wanted, "b");
        assert!(!wanted.answered(3, &channel("b"), Answer::Done));
        assert!(wanted.answered(3, &channel("a"), Answer::Done));
        assert_eq!(subscribed(&mut wanted, "a").try_recv(), Ok(Ok(())));
    }

    #[test]
    fn an_end_is_known_as_asked_for_as_often_as_it_was() {
        let mut wanted = Wanted::default();
        for _ in 0..2 {
            let _done = subscribed(&mut wanted, "a");
            wanted.answered(1, &channel("a"), Answer::Done);
            wanted.take(Order::Unsubscribe(channel("a")));
            assert_eq!(wanted.leave(), HashMap::from([(1, vec![channel("a")])]));
        }
        assert!(wanted.has_ended(1, channel("a")) && wanted.has_ended(1, channel("a")));
        assert!(!wanted.has_ended(1, channel("a")));
    }

    #[test]
    fn who_waits_hears_of_a_refusal_and_of_an_end() {
        let mut wanted = Wanted::default();
        let mut refused = subscribed(&mut wanted, "a");
        let error = LinkError::Refused { kind: Refusal::Denied, message: String::new() };
        wanted.answered(1, &channel("a"), Answer::Refused(error.clone()));
        assert_eq!(refused.try_recv(), Ok(Err(error)));
        let mut ended = subscribed(&mut wanted, "b");
        wanted.take(Order::Unsubscribe(channel("b")));
        assert_eq!(ended.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert!(wanted.leave().is_empty() && wanted.pending().next().is_none());
    }
}
