use super::*;
use crate::fanout::Subscription;
use crate::fanout::redis::RedisFanout;
use crate::link::check;
use crate::link::testing::redis::Redis;
use crate::link::testing::{least, link, shared_cluster};
use crate::presence::remote::{Ask, FIRST, Remote};
use crate::presence::roster::{Roster, Whose};
use crate::protocol::json::from_json;
use std::time::Duration;
use tokio::time::{Instant, timeout};

fn p() -> ProjectId {
    ProjectId::parse("p").expect("id")
}

fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

fn who(user: &str) -> Who {
    Who { author: Author([7; 8]), user: user.into(), role: Role::Editor }
}

/// A room as the hub has it, without the rest of a hub.
struct Room {
    presence: Arc<RedisPresence>,
    events: Subscription,
    remote: Remote,
    roster: Roster,
}

impl Room {
    async fn open(redis: &Redis, node: NodeId) -> Self {
        Self::open_at(std::slice::from_ref(redis), &redis.url(), node).await
    }

    /// Its user may do what is needed and no more.
    async fn open_at(servers: &[Redis], url: &str, node: NodeId) -> Self {
        let keys = Keyspace::default();
        let link = link(&least(servers, url, &keys, check::Role::Routing)).await;
        let fanout = RedisFanout::start(link.clone(), keys.clone(), node).await.expect("it is there");
        let events = fanout.subscribe(&p()).await.expect("it is there");
        let presence = RedisPresence::start(node, fanout, link, keys);
        let mut room = Self { presence, events, remote: Remote::default(), roster: Roster::default() };
        room.read(None, FIRST).await;
        room
    }

    async fn read(&mut self, only: Option<Vec<SessionId>>, number: u64) {
        for (node, entry) in self.presence.read(&p(), only).await.expect("it is there") {
            self.remote.read(&mut self.roster, number, node, entry, Instant::now());
        }
    }

    fn join(&mut self, session: SessionId, user: &str) {
        self.roster.join(session, who(user), props(r#"{"cursor":[0,0]}"#), Whose::Ours);
        self.tell();
    }

    fn tell(&mut self) {
        self.presence.tell(&p(), self.roster.take_news(Instant::now()).nodes);
    }

    fn beat_seen(&self, seen_ms: u64) {
        let alive = |entry| Alive { entry, seen_ms };
        self.presence.beat(&p(), self.roster.ours().into_iter().map(alive).collect());
    }

    fn beat(&self) {
        self.beat_seen(clock::now_ms());
    }

    /// Hears one event and does what it asks for.
    async fn hear(&mut self) -> Event {
        let event = timeout(Duration::from_secs(20), self.events.recv()).await.expect("in time").expect("open");
        let (now, roster) = (Instant::now(), &mut self.roster);
        let ask = match event.clone() {
            Event::Presence { node, n, sessions } => self.remote.hear_news(roster, node, n, sessions, now),
            Event::Beat { node, n, sessions } => self.remote.hear_beat(roster, node, n, &sessions, now),
            _ => Ask::default(),
        };
        if !ask.sessions.is_empty() {
            self.read(Some(ask.sessions), ask.number).await;
        }
        event
    }

    /// Sessions, users and fields.
    fn shows(&self) -> Vec<(SessionId, String, String)> {
        let text = |e: PresenceEntry| {
            (e.session, e.who.expect("known").user.to_string(), format!("{:?}", e.fields.expect("there")))
        };
        self.roster.everybody().into_iter().map(text).collect()
    }
}

fn line(session: SessionId, user: &str, fields: &str) -> (SessionId, String, String) {
    (session, user.to_owned(), fields.to_owned())
}

fn key(what: &str) -> String {
    Keyspace::default().users(&p()).replace("users", what)
}

/// What is left of a key's time, in ms.
fn left(redis: &Redis, what: &str) -> i64 {
    redis.cli(&["PTTL", &key(what)]).parse().expect("a number")
}

#[tokio::test]
async fn two_nodes_see_each_others_sessions_come_move_and_leave() {
    let redis = Redis::start().await;
    see_each_other(std::slice::from_ref(&redis), &redis.url()).await;
}

#[tokio::test]
async fn and_over_a_cluster() {
    let cluster = shared_cluster().await;
    see_each_other(&cluster.masters, &cluster.url()).await;
}

async fn see_each_other(servers: &[Redis], url: &str) {
    let mut a = Room::open_at(servers, url, u64::MAX).await;
    a.join(1, "ann");
    a.presence.flush().await;
    // Who opens later reads.
    let mut b = Room::open_at(servers, url, 2).await;
    assert_eq!(b.shows(), [line(1, "ann", r#"{"cursor":[0,0]}"#)]);
    b.join(2, "bob");
    a.hear().await;
    assert_eq!(a.shows()[1], line(2, "bob", r#"{"cursor":[0,0]}"#));
    a.roster.set(1, &props(r#"{"cursor":[5,5]}"#), 2_048, None);
    a.tell();
    b.hear().await;
    assert_eq!(b.shows()[0], line(1, "ann", r#"{"cursor":[5,5]}"#));
    a.presence.broadcast(&p(), 1, "wave".into(), Value::new(vec![0xc3].into(), 2).expect("true"), To::Session(2));
    assert!(matches!(b.hear().await, Event::Broadcast { node: u64::MAX, from: 1, to: To::Session(2), .. }));
    a.roster.leave(1);
    a.tell();
    b.hear().await;
    assert_eq!(b.shows(), [line(2, "bob", r#"{"cursor":[0,0]}"#)]);
    a.presence.flush().await;
    let mut exists = ::redis::cmd("EXISTS");
    exists.arg(&[key("presence:1"), key("session:1"), key(&format!("beat:{}", u64::MAX))]);
    assert_eq!(link(url).await.query(&exists).await, Ok(0));
    let mut users = ::redis::cmd("SMEMBERS");
    users.arg(key("users"));
    assert_eq!(link(url).await.query(&users).await, Ok(vec![2]));
    // Nobody reads itself.
    assert_eq!(b.presence.read(&p(), None).await, Ok(Vec::new()));
}

#[tokio::test]
async fn keys_hold_what_is_documented_and_live_as_long_as_promised() {
    let redis = Redis::start().await;
    let mut a = Room::open(&redis, 1).await;
    a.join(1, "ann");
    a.presence.flush().await;
    let about = |what: &str, ms: i64| {
        let left = left(&redis, what);
        assert!((ms - 5_000..=ms).contains(&left), "{what}: {left}, not {ms}");
    };
    about("presence:1", 30_000);
    about("users", 30_000);
    about("beat:1", 7_000);
    about("session:1", 86_400_000);
    let hash = redis.cli(&["HGETALL", &key("presence:1")]);
    assert!(hash.starts_with("node\n1\nauthor\nBwcHBwcHBwc\nuser\nann\nrole\neditor\nfields\n"), "{hash}");
    assert!(redis.cli(&["HGET", &key("session:1"), "since"]).len() == 13);
    // Proof of life is 20 s old.
    a.beat_seen(clock::now_ms() - 20_000);
    a.presence.flush().await;
    about("presence:1", 10_000);
    about("users", 30_000);
    a.beat_seen(clock::now_ms() - 31_000);
    a.presence.flush().await;
    assert_eq!(redis.cli(&["EXISTS", &key("presence:1")]), "0");
    // It was only asleep. The first beat finds that its key is gone, the second writes it.
    for _ in 0..2 {
        a.beat();
        a.presence.flush().await;
    }
    about("presence:1", 30_000);
}

#[tokio::test]
async fn a_beat_writes_moves_and_makes_good_what_was_lost() {
    let redis = Redis::start().await;
    let (mut a, mut b) = (Room::open(&redis, 1).await, Room::open(&redis, 2).await);
    a.join(1, "ann");
    b.hear().await;
    // Lost on its way.
    a.roster.set(1, &props(r#"{"cursor":[9,9]}"#), 2_048, None);
    let news = a.roster.take_news(Instant::now()).nodes;
    a.presence.desk.ledger().tell(&p(), &news, clock::now_ms());
    a.presence.flush().await;
    let written = || redis.cli(&["HGET", &key("presence:1"), "fields"]).contains("\t\t");
    assert!(!written(), "a move waits for the beat");
    a.beat();
    b.hear().await;
    assert!(written());
    assert_eq!(b.shows(), [line(1, "ann", r#"{"cursor":[9,9]}"#)]);
    // Redis forgets everything.
    redis.cli(&["FLUSHALL"]);
    for _ in 0..2 {
        a.beat();
        a.presence.flush().await;
    }
    let c = Room::open(&redis, 3).await;
    assert_eq!(c.shows(), [line(1, "ann", r#"{"cursor":[9,9]}"#)]);
}

#[tokio::test]
async fn nobody_of_a_dead_node_is_read_and_the_list_is_cleaned() {
    let redis = Redis::start().await;
    let mut a = Room::open(&redis, 1).await;
    a.join(1, "ann");
    a.join(2, "amy");
    a.presence.flush().await;
    let b = Room::open(&redis, 2).await;
    assert_eq!(b.shows().len(), 2);
    redis.cli(&["DEL", &key("presence:2")]);
    assert_eq!(b.presence.read(&p(), Some(vec![1, 2, 3])).await.expect("there").len(), 1);
    assert_eq!(b.presence.read(&p(), None).await.expect("there").len(), 1);
    assert_eq!(redis.cli(&["SMEMBERS", &key("users")]), "1");
    // Its beats have stopped, its keys are still there.
    redis.cli(&["DEL", &key("beat:1")]);
    assert_eq!(b.presence.read(&p(), None).await, Ok(Vec::new()));
    // Nonsense is passed over.
    redis.cli(&["SET", &key("beat:1"), "1"]);
    redis.cli(&["HSET", &key("presence:1"), "role", "king"]);
    assert_eq!(b.presence.read(&p(), None).await, Ok(Vec::new()));
}

#[tokio::test]
async fn nobody_waits_while_redis_is_away_and_all_is_written_later() {
    let mut redis = Redis::start().await;
    let mut a = Room::open(&redis, 1).await;
    a.join(1, "ann");
    a.presence.flush().await;
    redis.kill();
    a.join(2, "amy");
    a.roster.leave(1);
    a.tell();
    a.beat();
    a.presence.flush().await;
    assert!(a.presence.read(&p(), None).await.is_err(), "an outage is no empty room");
    redis.restart().await;
    a.presence.desk.link.until_up(true).await;
    a.beat();
    a.presence.flush().await;
    let b = Room::open(&redis, 2).await;
    assert_eq!(b.shows(), [line(2, "amy", r#"{"cursor":[0,0]}"#)]);
}
