//! The checks at start, each with the sentence that it gives.

use crate::subscriptions::{Ear, publish};
use crate::support::process::free_port;
use crate::support::redis::{Conf, Redis};
use crate::support::tls::Certs;
use crate::{link, target};
use collabcanvas::keyspace::Keyspace;
use collabcanvas::link::check::{self, Checked, Role};

async fn checked(url: &str, role: Role, expected: Option<&str>) -> Result<Checked, String> {
    let link = check::open(&target(url), role).await.map_err(|e| e.to_string())?;
    check::check(&link, &Keyspace::default(), role, expected).await.map_err(|e| e.to_string())
}

async fn refused(url: &str, with: &str) {
    let text = checked(url, Role::Data, None).await.expect_err("refused");
    assert!(text.contains(with) && text.starts_with("COLLAB_REDIS_URL ("), "{text}");
    assert!(!text.contains("c4n4ry"), "{text}");
}

#[tokio::test]
async fn a_good_one_passes_and_keeps_its_deployment() {
    let redis = Redis::start().await;
    let url = format!("redis://127.0.0.1:{}", redis.port());
    let first = checked(&url, Role::Data, None).await.expect("good");
    assert!(first.version.starts_with("Redis 7."), "{first:?}");
    assert!(first.warnings.is_empty() && first.deployment.len() == 32, "{first:?}");
    assert_eq!(checked(&url, Role::Data, Some(&first.deployment)).await, Ok(first.clone()));
    let other = checked(&url, Role::Data, Some("another")).await.expect_err("another deployment");
    assert!(other.contains("belong to deployment"), "{other}");
    assert_eq!(redis.cli(&["KEYS", "*"]).trim(), "collab:deployment", "probes are removed");
}

#[tokio::test]
async fn the_wrong_place_and_the_wrong_password_are_named() {
    refused(&format!("redis://127.0.0.1:{}", free_port()), "nobody listens there").await;
    let redis = Redis::with(Conf::default().with_password("right")).await;
    refused(&format!("redis://127.0.0.1:{}", redis.port()), "wants a password").await;
    refused(&format!("redis://:c4n4ry@127.0.0.1:{}", redis.port()), "does not know this user").await;
    refused(&format!("rediss://:c4n4ry@127.0.0.1:{}", redis.port()), "begin with redis instead of rediss").await;
    checked(&format!("redis://:right@127.0.0.1:{}", redis.port()), Role::Data, None).await.expect("good");
}

#[tokio::test]
async fn a_server_that_may_lose_work_is_refused() {
    let redis = Redis::with(Conf::default().line("maxmemory-policy allkeys-lru")).await;
    let url = format!("redis://127.0.0.1:{}", redis.port());
    refused(&url, "maxmemory-policy is allkeys-lru").await;
    assert_eq!(checked(&url, Role::Routing, None).await.expect("may").warnings.len(), 1);
    redis.cli(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    assert_eq!(checked(&url, Role::Data, None).await.expect("may").warnings.len(), 1);
    redis.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    refused(&url, "it must be the master").await;
}

#[tokio::test]
async fn a_user_with_only_what_is_needed_is_enough_and_less_is_named() {
    let redis = Redis::start().await;
    let user = |rules: &[&str]| {
        let said = redis.cli(&[&["ACL", "SETUSER", "app", "reset", "on", ">c4n4ry"], rules].concat());
        assert_eq!(said, "OK");
    };
    let url = redis.url_as("app", "c4n4ry");
    for role in [Role::Routing, Role::Data] {
        let all = check::acl(&target(&url), &Keyspace::default(), role);
        let rules: Vec<&str> = all.split(' ').collect();
        user(&rules);
        checked(&url, role, None).await.expect("enough");
        for rule in &rules {
            user(&rules.iter().copied().filter(|r| r != rule).collect::<Vec<_>>());
            let text = checked(&url, role, None).await.expect_err(rule);
            match *rule {
                "+info" | "+role" => assert!(text.contains("extend its ACL"), "{text}"),
                _ => assert!(text.contains(&format!("add {rule} to its ACL; all of it is {all}")), "{text}"),
            }
            assert!(!text.contains("c4n4ry"), "{text}");
        }
    }
}

#[tokio::test]
async fn encrypted_connections_trust_the_ca_that_is_named() {
    let certs = Certs::new();
    let redis = Redis::with(Conf::default().with_tls(&certs)).await;
    let (good, port) = (redis.url(), redis.port());
    checked(&good, Role::Data, None).await.expect("trusted");
    let mut ear = Ear::open(&target(&good)).await;
    ear.subscribed("a").await;
    let good = check::open(&target(&good), Role::Data).await.expect("trusted");
    publish(&good, "a", "1").await;
    ear.hears("a", "1").await;
    refused(&format!("rediss://127.0.0.1:{port}"), "its certificate is not trusted").await;
    refused(&format!("redis://127.0.0.1:{port}"), "begin with rediss").await;
    refused(&format!("rediss://127.0.0.1:{port}?ca=/none"), "cannot be read").await;
}
