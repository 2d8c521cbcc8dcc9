//! The programs around the nodes of a test, by themselves: each starts, does what tests want of it, and goes.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

use std::time::{Duration, Instant};
use support::actor::Habits;
use support::cluster::Cluster;
use support::crowd::Crowd;
use support::haproxy::HaProxy;
use support::judge::{Hot, agreed, slowest};
use support::nodes::Nodes;
use support::process::soon;
use support::proxy::{Proxy, Way};
use support::redis::{Conf, Redis, ask, connect, text};
use support::roster::Watcher;
use support::sentinel::Sentinel;
use support::tls::Certs;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Sends a line and returns the answer; `None` when the connection is over.
async fn line(stream: &mut BufReader<TcpStream>, text: &str) -> Option<String> {
    stream.write_all(format!("{text}\n").as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await.ok().filter(|length| *length > 0)?;
    Some(answer.trim_end().to_owned())
}

async fn open(address: &str) -> BufReader<TcpStream> {
    BufReader::new(TcpStream::connect(address).await.expect("somebody listens"))
}

/// Answers each line with its own name and the line.
async fn echo(name: &'static str) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let serving = async move {
        loop {
            let (stream, _) = listener.accept().await.expect("sound");
            tokio::spawn(async move {
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if write.write_all(format!("{name} {line}\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    };
    (address, tokio::spawn(serving))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_answers_hangs_and_comes_back_empty() {
    let mut redis = Redis::start().await;
    let port = redis.port();
    assert_eq!(redis.cli(&["SET", "a", "1"]), "OK");
    assert_eq!(redis.cli(&["GET", "a"]), "1");
    assert_eq!(redis.keys("*"), ["a"]);
    assert_eq!(redis.info("server")["tcp_port"], port.to_string());
    assert_eq!(redis.query::<u64>(&["DBSIZE"]), 1);
    let before = redis.cpu();
    redis.cli(&["EVAL", "for i = 1, 1000000 do end", "0"]);
    assert!(redis.cpu() > before);
    assert!(redis.try_cli(&["NONSENSE"]).expect_err("there is no such command").contains("unknown command"));

    let mut plain = connect(&redis.url()).expect("it listens");
    redis.stop();
    let unanswered = tokio::task::spawn_blocking(move || ask(&mut plain, &["PING"]).map(|value| text(&value)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!unanswered.is_finished());
    redis.cont();
    assert_eq!(unanswered.await.expect("no panic").as_deref(), Ok("PONG"));

    let pid = redis.pid();
    redis.kill();
    assert!(connect(&redis.url()).is_err());
    redis.restart().await;
    assert_eq!(redis.port(), port);
    assert_ne!(redis.pid(), pid);
    assert_eq!(redis.cli(&["DBSIZE"]), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_keeps_what_it_is_told_to_keep() {
    let mut redis = Redis::with(Conf::default().with_data_kept()).await;
    redis.cli(&["SET", "a", "1"]);
    redis.restart().await;
    assert_eq!(redis.cli(&["GET", "a"]), "1");
    redis.restart_empty().await;
    assert_eq!(redis.cli(&["GET", "a"]), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_knows_its_users() {
    let conf = Conf::default().with_password("secret").with_acl(&["ana on >pass ~a:* +set"]);
    let redis = Redis::with(conf.maxmemory(64 << 20, "allkeys-lru")).await;
    let run = |url: &str, command: &[&str]| ask(&mut connect(url)?, command).map(|value| text(&value));
    assert_eq!(run(&redis.url(), &["PING"]).as_deref(), Ok("PONG"));
    assert_eq!(run(&redis.url_as("ana", "pass"), &["SET", "a:1", "1"]).as_deref(), Ok("OK"));
    assert!(run(&redis.url_as("ana", "pass"), &["SET", "b:1", "1"]).is_err());
    assert!(run(&redis.url_as("default", "wrong"), &["PING"]).is_err());
    assert!(run(&format!("redis://{}", redis.address()), &["PING"]).expect_err("no password").contains("NOAUTH"));
    assert_eq!(redis.info("memory")["maxmemory_policy"], "allkeys-lru");
    let replica = Redis::with(Conf::default().replica_of(&redis)).await;
    replica.synced().await;
    assert!(redis.is_master() && !replica.is_master());
    assert_eq!(replica.cli(&["GET", "a:1"]), "1");
    assert!(replica.try_cli(&["SET", "a:1", "2"]).expect_err("it takes no writes").to_lowercase().contains("readonly"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_speaks_tls_to_those_who_trust_it() {
    let certs = Certs::new();
    let redis = Redis::with(Conf::default().with_tls(&certs)).await;
    assert!(redis.url().starts_with("rediss://"));
    // Another provider is a choice of this process that some other test may have made.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = format!("rediss://{}", redis.address());
    let ca = std::fs::read(certs.ca()).expect("it is there");
    let tls = redis::TlsCertificates { client_tls: None, root_cert: Some(ca) };
    let client = redis::Client::build_with_tls(url.as_str(), tls).expect("a certificate");
    let mut connection = client.get_connection().expect("its certificate is trusted");
    assert_eq!(ask(&mut connection, &["PING"]).map(|value| text(&value)).as_deref(), Ok("PONG"));
    assert!(connect(&url).is_err(), "nobody else trusts it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_whole_and_knows_its_slots() {
    let mut cluster = Cluster::start().await;
    assert_eq!(cluster.url().matches("127.0.0.1:").count(), 3);
    let slots: Vec<u16> =
        ["a", "b", "c"].iter().map(|key| cluster.masters[0].query(&["CLUSTER", "KEYSLOT", key])).collect();
    for (key, slot) in ["a", "b", "c"].iter().zip(slots) {
        for (n, redis) in cluster.masters.iter().enumerate() {
            let set = redis.try_cli(&["SET", key, "1"]);
            assert_eq!(set.is_ok(), usize::from(slot / 5_461).min(2) == n, "{key} in {slot} at {n}: {set:?}");
        }
    }
    assert_eq!(cluster.keys("*").len(), 3);
    cluster.masters[1].restart().await;
    cluster.whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_make_the_replica_the_master() {
    let mut sentinel = Sentinel::start().await;
    let old = sentinel.master().port();
    sentinel.master().cli(&["SET", "a", "1"]);
    soon("the replica's copy", || sentinel.servers.iter().all(|redis| redis.cli(&["GET", "a"]) == "1")).await;
    sentinel.kill_master().await;
    assert_ne!(sentinel.master().port(), old);
    assert_eq!(sentinel.master().cli(&["GET", "a"]), "1");
    sentinel.master().cli(&["SET", "a", "2"]);
    assert!(sentinel.url().starts_with("redis+sentinel://") && sentinel.url().ends_with("/canvas"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_change_the_master_when_asked() {
    let sentinel = Sentinel::start().await;
    let old = sentinel.master().port();
    sentinel.failover().await;
    assert_ne!(sentinel.master().port(), old);
    assert!(sentinel.master().is_master());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn haproxy_goes_round_and_takes_the_dead_out() {
    let ((one, gone), (two, _two)) = (echo("one").await, echo("two").await);
    let haproxy = HaProxy::start(&[one, two]).await;
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(line(&mut open(haproxy.address()).await, "hello").await.expect("an answer"));
    }
    heard.sort();
    assert_eq!(heard, ["one hello", "one hello", "two hello", "two hello"]);
    gone.abort();
    let since = Instant::now();
    haproxy.has_up(1).await;
    assert!(since.elapsed() < Duration::from_secs(2));
    for _ in 0..4 {
        assert_eq!(line(&mut open(haproxy.address()).await, "hello").await.as_deref(), Some("two hello"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_is_slow_hangs_cuts_and_refuses() {
    let (target, _serving) = echo("it").await;
    let proxy = Proxy::start(&target).await;
    let mut stream = open(&proxy.address).await;
    assert_eq!(line(&mut stream, "a").await.as_deref(), Some("it a"));
    assert_eq!((proxy.bytes(Way::ToTarget), proxy.bytes(Way::FromTarget)), (2, 5));
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));

    proxy.delay(Way::FromTarget, Duration::from_millis(150));
    let since = Instant::now();
    assert_eq!(line(&mut stream, "b").await.as_deref(), Some("it b"));
    assert!(since.elapsed() >= Duration::from_millis(150));
    proxy.delay(Way::FromTarget, Duration::ZERO);

    proxy.pause(true);
    let waiting = tokio::time::timeout(Duration::from_millis(100), line(&mut stream, "c")).await;
    assert!(waiting.is_err(), "{waiting:?}");
    proxy.pause(false);
    let mut answer = String::new();
    stream.read_line(&mut answer).await.expect("it goes on");
    assert_eq!(answer, "it c\n");

    proxy.cut();
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.is_empty());
    soon("the end of the connection", || proxy.open() == 0).await;
    let mut again = open(&proxy.address).await;
    assert_eq!(line(&mut again, "d").await.as_deref(), Some("it d"));

    proxy.refuse(true);
    while TcpStream::connect(&proxy.address).await.is_ok() {}
    assert_eq!(line(&mut again, "e").await.as_deref(), Some("it e"), "who is connected stays");
    proxy.refuse(false);
    while TcpStream::connect(&proxy.address).await.is_err() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_and_its_judge_work_on_a_node_without_redis() {
    let mut nodes = Nodes::embedded(&[]);
    let haproxy = HaProxy::start(&nodes.addresses()).await;
    let habits = Habits { restless: 10, mistakes: true, ..Habits::steady("board", Duration::from_millis(50)) };
    let mut crowd = Crowd::new(habits);
    crowd.join(&haproxy.url, 6);
    crowd.goes_on(10, Duration::from_secs(10)).await;
    let before = nodes.pids();
    nodes.kill(0);
    haproxy.has_up(0).await;
    nodes.restart(0);
    assert_ne!(nodes.pids(), before);
    crowd.goes_on(10, Duration::from_secs(10)).await;
    assert!(!crowd.told().ended.is_empty(), "nobody has noticed");
    crowd.rest();
    let mut actors = crowd.finish().await;
    assert_eq!(actors.len(), 6);
    // What others saw before it was on disk may have given way to something else.
    let truth = agreed(&mut nodes, "board", &mut actors, Hot::Lost).await;
    let (slowest, measured) = slowest(&actors, &truth);
    assert!(measured > 100 && slowest < Duration::from_secs(10), "{measured}, {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_who_comes_and_goes() {
    let nodes = Nodes::embedded(&[]);
    let mut ana = Watcher::join(nodes.url(0), "board", "ana").await;
    let mut ben = Watcher::join(nodes.url(0), "board", "ben").await;
    let b = ben.session();
    ana.sees("ben", Duration::from_secs(2), |there, _| there.get(&b).is_some_and(|s| s.fields.contains_key("name")))
        .await;
    ben.client.close().await;
    ana.sees("ben's leave", Duration::from_secs(2), |there, _| !there.contains_key(&b)).await;
    assert_eq!(ana.moves.iter().filter(|(session, _)| *session == b).count(), 2);
}
