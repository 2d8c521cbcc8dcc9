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

#[async_trait]
impl Fanout for LocalFanout {
    fn publish(&self, project: &ProjectId, event: Event) {
        let Some(mut list) = self.subscribers.get_mut(project) else {
            return;
        };
        list.retain(|subscriber| subscriber.send(event.clone()).is_ok());
        let empty = list.is_empty();
        drop(list);
        if empty {
            self.subscribers.remove_if(project, |_, list| list.is_empty());
        }
    }

    async fn subscribe(&self, project: &ProjectId) -> Result<Subscription, String> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut list = self.subscribers.entry(project.clone()).or_default();
        list.retain(|subscriber| !subscriber.is_closed());
        list.push(sender);
        Ok(receiver)
    }

    fn prune(&self, project: &ProjectId) {
        if let Some(mut list) = self.subscribers.get_mut(project) {
            list.retain(|subscriber| !subscriber.is_closed());
        }
        self.subscribers.remove_if(project, |_, list| list.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Position;

    #[tokio::test]
    async fn only_subscribers_of_the_project_hear_and_leaving_is_noticed() {
        let fanout = LocalFanout::default();
        let (a, b) = (ProjectId::parse("a").expect("id"), ProjectId::parse("b").expect("id"));
        let mut at_a = fanout.subscribe(&a).await.expect("it is local");
        let at_b = fanout.subscribe(&b).await.expect("it is local");
        fanout.publish(&a, Event::Saved(Position::START));
        assert!(matches!(at_a.recv().await, Some(Event::Saved(Position::START))));
        drop(at_b);
        fanout.publish(&b, Event::Saved(Position::START));
        assert!(!fanout.subscribers.contains_key(&b));
        assert!(at_a.try_recv().is_err());
        drop(at_a);
        fanout.prune(&a);
        assert!(fanout.subscribers.is_empty());
    }
}
