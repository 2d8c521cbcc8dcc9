use super::*;
use crate::link::check;
use crate::link::testing::redis::Redis;
use crate::link::testing::{least, link};

/// Its user may do what is needed and no more.
async fn tickets(redis: &Redis) -> RedisTickets {
    let keys = Keyspace::default();
    let link = link(&least(std::slice::from_ref(redis), &redis.url(), &keys, check::Role::Routing)).await;
    RedisTickets::new(link, keys)
}

#[tokio::test]
async fn a_ticket_is_good_once_on_whatever_node() {
    let redis = Redis::start().await;
    let (one, other) = (tickets(&redis).await, tickets(&redis).await);
    one.put("a", "grant".to_owned()).await.expect("kept");
    let (first, second) = tokio::join!(one.take("a"), other.take("a"));
    let mut taken = [first.expect("asked"), second.expect("asked")];
    taken.sort();
    assert_eq!(taken, [None, Some("grant".to_owned())]);
    assert_eq!(one.take("a").await, Ok(None));
}
