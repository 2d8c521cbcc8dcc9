//! The fan-out of an embedded node: channels inside this process.

use super::{Event, Fanout, Subscription};
use crate::ids::ProjectId;
use async_trait::async_trait;
use dashmap::DashMap;
use tokio::sync::mpsc;

/// Delivers within the process; a subscriber that has gone is forgotten at the next event or when asked.
#[derive(Default)]
pub struct LocalFanout {
    subscribers: DashMap<ProjectId, Vec<mpsc::UnboundedSender<Event>>>,
}

impl LocalFanout {
    /// Hands an event to the project's subscribers; false when there are none.
    pub(super) fn deliver(&self, project: &ProjectId, event: Event) -> bool {
        let Some(mut list) = self.subscribers.get_mut(project) else {
            return false;
        };
        let mut subscribers = std::mem::take(list.value_mut());
        if let Some(last) = subscribers.pop() {
            subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
            // The last takes the event itself; where there is only one, which is the rule, nothing is cloned.
            subscribers.extend(last.send(event).is_ok().then_some(last));
        }
        *list = subscribers;
        let any = !list.is_empty();
        drop(list);
        if !any {
            self.subscribers.remove_if(project, |_, list| list.is_empty());
        }
        any
    }

    /// Tells everybody that events may be missing.
    pub(super) fn gap(&self) {
        for list in &self.subscribers {
            // A subscriber that has gone is found at the next event.
            list.iter().for_each(|subscriber| drop(subscriber.send(Event::Gap)));
        }
    }

    /// Adds a subscriber.
    pub(super) fn add(&self, project: &ProjectId) -> Subscription {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut list = self.subscribers.entry(project.clone()).or_default();
        list.retain(|subscriber| !subscriber.is_closed());
        list.push(sender);
        receiver
    }

    /// Forgets subscribers that have gone; true when none is left.
    pub(super) fn is_pruned(&self, project: &ProjectId) -> bool {
        if let Some(mut list) = self.subscribers.get_mut(project) {
            list.retain(|subscriber| !subscriber.is_closed());
        }
        self.subscribers.remove_if(project, |_, list| list.is_empty());
        !self.subscribers.contains_key(project)
    }
}

#[async_trait]
impl Fanout for LocalFanout {
    fn publish(&self, project: &ProjectId, event: Event) {
        self.deliver(project, event);
    }

    async fn subscribe(&self, project: &ProjectId) -> Result<Subscription, String> {
        Ok(self.add(project))
    }

    fn prune(&self, project: &ProjectId) {
        self.is_pruned(project);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::conformance;

    #[tokio::test]
    async fn it_is_a_fan_out() {
        conformance::check(&LocalFanout::default()).await;
    }

    #[tokio::test]
    async fn nothing_is_kept_of_those_who_left() {
        let fanout = LocalFanout::default();
        let (a, b) = (ProjectId::parse("a").expect("id"), ProjectId::parse("b").expect("id"));
        let (at_a, at_b) = (fanout.add(&a), fanout.add(&b));
        drop((at_a, at_b));
        assert!(!fanout.deliver(&b, Event::Gap));
        assert!(!fanout.subscribers.contains_key(&b));
        assert!(fanout.is_pruned(&a) && fanout.subscribers.is_empty());
    }
}
