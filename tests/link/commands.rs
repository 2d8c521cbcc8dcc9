//! Commands and scripts.

use crate::support::process::{PATIENCE, until};
use crate::support::redis::{Conf, Redis};
use crate::target;
use collabcanvas::link::{Invocation, Link, LinkError, Refusal};
use redis::{Cmd, Script, cmd, pipe};
use std::time::{Duration, Instant};

pub(crate) fn command(words: &[&str]) -> Cmd {
    let mut cmd = cmd(words[0]);
    cmd.arg(&words[1..]);
    cmd
}

async fn works(link: &Link) -> bool {
    link.query::<String>(&command(&["PING"])).await.is_ok()
}

#[tokio::test]
async fn commands_pipelines_and_scripts_answer() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    let _: () = link.query(&command(&["SET", "k", "v"])).await.expect("set");
    assert_eq!(link.query::<Option<String>>(&command(&["GET", "none"])).await, Ok(None));
    let mut both = pipe();
    both.atomic().cmd("GET").arg("k").cmd("STRLEN").arg("k");
    assert_eq!(link.pipeline::<(String, u64)>(&both).await, Ok(("v".to_owned(), 1)));

    let script = Script::new("return {redis.call('GET', KEYS[1]), ARGV[1], tonumber(ARGV[2])}");
    let mut call = Invocation::new(&script, &["k"]);
    call.arg("a").arg(7);
    for _ in 0..2 {
        let answer: (String, String, u64) = link.script(&call).await.expect("loaded when missing");
        assert_eq!(answer, ("v".to_owned(), "a".to_owned(), 7));
        let _: () = link.query(&command(&["SCRIPT", "FLUSH"])).await.expect("flushed");
    }
    assert_eq!(link.lives(), 1);
}

#[tokio::test]
async fn a_killed_connection_is_replaced() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    for life in 2..5 {
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        until("a new connection", PATIENCE, async || link.lives() >= life && works(&link).await).await;
        assert_eq!(link.lives(), life);
    }
}

#[tokio::test]
async fn calls_fail_at_once_while_the_server_is_dead_and_work_again_after() {
    let mut redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    redis.kill();
    link.until_up(false).await;
    let started = Instant::now();
    let error = link.query::<String>(&command(&["PING"])).await.expect_err("nobody there");
    assert!(matches!(error, LinkError::Unavailable(_)), "{error}");
    assert!(started.elapsed() < Duration::from_millis(100), "it waited");
    redis.restart().await;
    link.until_up(true).await;
    assert!(works(&link).await);
    assert!(link.lives() >= 2);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_within_the_bound() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    redis.stop();
    for _ in 0..2 {
        let started = Instant::now();
        let error = link.query::<String>(&command(&["PING"])).await.expect_err("no answer");
        assert!(matches!(error, LinkError::Unavailable(_)), "{error}");
        assert!(started.elapsed() < Duration::from_millis(1500), "{:?}", started.elapsed());
    }
    link.until_up(false).await;
    redis.cont();
    link.until_up(true).await;
    assert!(works(&link).await);
    assert!(link.lives() >= 2);
}

#[tokio::test]
async fn a_slow_answer_alone_does_not_end_the_connection() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    let late = link.query::<()>(&command(&["BLPOP", "none", "1.5"])).await.expect_err("late");
    assert!(matches!(late, LinkError::Unavailable(_)), "{late}");
    // The answer of the first command comes before that of the second: they are not mixed up.
    assert_eq!(link.query::<String>(&command(&["ECHO", "x"])).await.as_deref(), Ok("x"));
    assert_eq!(link.lives(), 1);
}

#[tokio::test]
async fn refusals_are_sorted() {
    let redis = Redis::with(Conf::default().line("maxmemory 1")).await;
    let link = crate::link(&redis.url()).await;
    let kind = |error: LinkError| match error {
        LinkError::Refused { kind, .. } => kind,
        LinkError::Unavailable(text) => panic!("{text}"),
    };
    let write = command(&["SET", "k", "v"]);
    let script = Script::new("redis.call('SET', KEYS[1], 'v')");
    let call = Invocation::new(&script, &["k"]);
    assert_eq!(kind(link.query::<()>(&write).await.expect_err("full")), Refusal::Oom);
    assert_eq!(kind(link.script::<()>(&call).await.expect_err("full")), Refusal::Oom);
    assert_eq!(kind(link.pipeline::<()>(pipe().atomic().set("k", "v")).await.expect_err("full")), Refusal::Oom);
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    let broken = Script::new("return redis.call('HGET')");
    let error = link.script::<()>(&Invocation::new::<&str>(&broken, &[])).await.expect_err("a fault");
    assert_eq!(kind(error), Refusal::Other);

    redis.cli(&["ACL", "SETUSER", "weak", "on", ">pw", "+role", "+ping", "+evalsha", "+script|load", "~*"]);
    let weak = Link::open(&target(&format!("redis://weak:pw@127.0.0.1:{}", redis.port()))).await.expect("let in");
    assert_eq!(kind(weak.query::<()>(&write).await.expect_err("not allowed")), Refusal::Denied);
    assert_eq!(kind(weak.script::<()>(&call).await.expect_err("not allowed")), Refusal::Denied);

    // A master that becomes a replica: the call is refused, the connection given up, and no replica taken in its place.
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(kind(link.query::<()>(&write).await.expect_err("a replica")), Refusal::ReadOnly);
    link.until_up(false).await;
    redis.cli(&["REPLICAOF", "NO", "ONE"]);
    link.until_up(true).await;
    assert_eq!(link.query::<()>(&write).await, Ok(()));
}

#[tokio::test]
async fn the_connection_closes_with_the_last_link() {
    let redis = Redis::start().await;
    let link = crate::link(&redis.url()).await;
    let other = link.clone();
    drop(link);
    assert!(works(&other).await);
    drop(other);
    until("the connection is closed", PATIENCE, async || !redis.cli(&["CLIENT", "LIST"]).contains("cmd=ping")).await;
}
