use super::*;

fn check(flags: &[&str]) -> Result<Config, ConfigErrors> {
    let cli = Cli::try_parse_from(["collabcanvas", "serve"].iter().chain(flags)).expect("flags exist");
    let Command::Serve(raw) = cli.command else { panic!("it is serve") };
    raw.check()
}

#[test]
fn nothing_given_is_an_embedded_node() {
    let config = check(&[]).expect("the defaults are valid");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.durable, DurableConfig::File("./data/collabcanvas.db".into()));
}

#[test]
fn all_errors_are_reported_at_once() {
    let flags =
        ["--listen", "here", "--max-sessions", "0", "--log-format", "xml", "--allowed-origins", "*,https://a.b/c"];
    let errors = check(&flags).expect_err("all wrong").0;
    assert_eq!(errors.len(), 5, "{errors:?}");
}

#[test]
fn combinations_that_cannot_work_are_refused() {
    for flags in [
        &["--listen", "127.0.0.1:7", "--admin-listen", "127.0.0.1:7"][..],
        &["--heartbeat-seconds", "30"],
        &["--data-dir", "d", "--durable-url", "sqlite:///a/b"],
        &["--durable-url", "sqlite://relative"],
        &["--durable-url", "mysql://x"],
        &["--durable-url", "postgres://u:p@h"],
    ] {
        assert_eq!(check(flags).expect_err("refused").0.len(), 1, "{flags:?}");
    }
    let shared = check(&["--durable-url", "sqlite:///a/b.db"]).expect("valid");
    assert_eq!(shared.durable, DurableConfig::File("/a/b.db".into()));
    assert_eq!(check(&["--durable-url", "memory:"]).expect("valid").durable, DurableConfig::Memory);
}

#[test]
fn history_is_kept_for_days_or_hours() {
    let history = |text| check(&["--history-retention", text]).map(|config| config.history.as_secs() / 3_600);
    assert_eq!([history("30d"), history("36h"), history(" 24h")], [Ok(720), Ok(36), Ok(24)]);
    for wrong in ["", "30", "23h", "0d", "3651d", "d", "1.5d", "99999999999999999999d", "18446744073709551615d"] {
        assert_eq!(history(wrong).expect_err("refused").0.len(), 1, "{wrong:?}");
    }
}

#[test]
fn redis_needs_a_durable_store_that_nodes_can_share() {
    for flags in [
        &["--redis-url", "redis://h"][..],
        &["--redis-url", "redis://h", "--durable-url", "memory:"],
        &["--redis-url", "http://h", "--durable-url", "sqlite:///a/b"],
        &["--redis-routing-url", "redis://h"],
        &["--redis-url", "redis://h", "--redis-routing-url", "h", "--durable-url", "sqlite:///a/b"],
        &["--key-prefix", "a:b"],
    ] {
        assert_eq!(check(flags).expect_err("refused").0.len(), 1, "{flags:?}");
    }
    assert_eq!(check(&[]).expect("valid").redis, None);
    let flags = ["--redis-url", "redis://h", "--durable-url", "sqlite:///a/b", "--key-prefix", "mine"];
    let redis = check(&flags).expect("valid").redis.expect("given");
    assert_eq!((redis.data, redis.routing), (Target::parse("redis://h").expect("valid"), None));
    assert_eq!(redis.keyspace.prefix(), "mine");
    let both = [&flags[..], &["--redis-routing-url", "redis://r"]].concat();
    assert!(check(&both).expect("valid").redis.expect("given").routing.is_some());
}

#[test]
fn a_table_is_for_nodes_that_share_a_redis() {
    let url = "dynamodb://canvas?region=eu-central-1";
    let shared = check(&["--durable-url", url, "--redis-url", "redis://h"]).expect("valid").durable;
    assert_eq!(shared, DurableConfig::Table(Place::parse(url).expect("valid")));
    let alone = check(&["--durable-url", url]).expect_err("refused").0;
    assert!(alone.len() == 1 && alone[0].contains("needs COLLAB_REDIS_URL"), "{alone:?}");
    let wrong =
        check(&["--durable-url", "dynamodb://canvas?zone=1", "--redis-url", "redis://h"]).expect_err("refused").0;
    assert!(wrong.len() == 1 && wrong[0].contains("no parameter"), "{wrong:?}");
}

#[test]
fn setup_needs_the_durable_store_only() {
    let setup = |flags: &[&str]| {
        let cli = Cli::try_parse_from(["collabcanvas", "setup"].iter().chain(flags)).expect("flags exist");
        let Command::Setup(durable) = cli.command else { panic!("it is setup") };
        durable.check()
    };
    let url = "dynamodb://canvas";
    assert_eq!(setup(&["--durable-url", url]).expect("valid"), DurableConfig::Table(Place::parse(url).expect("valid")));
    assert_eq!(setup(&[]).expect("valid"), DurableConfig::File("./data/collabcanvas.db".into()));
    assert_eq!(setup(&["--durable-url", "x", "--data-dir", "y"]).expect_err("refused").0.len(), 2);
}

#[test]
fn proxies_are_addresses_or_networks() {
    let trusted = |list| check(&["--trusted-proxies", list]).map(|config| config.trusted_proxies);
    let networks: Vec<_> = trusted("10.0.0.0/8, 192.0.2.1,2001:db8::/32,::1").expect("valid");
    let written: Vec<_> = networks.iter().map(ToString::to_string).collect();
    assert_eq!(written, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128"]);
    let errors = trusted("proxy.local,10.0.0.0/33,0.0.0.0/0,::/0,10.0.0").expect_err("all wrong").0;
    assert_eq!(errors.len(), 5, "{errors:?}");
}

#[test]
fn the_admin_token_cannot_be_guessed_and_is_never_printed() {
    let good = check(&["--admin-token", "c4n4ry-c4n4ry-c4n4ry"]).expect("valid");
    assert!(!format!("{good:?}").contains("c4n4ry"));
    for wrong in ["", "c4n4ry", "c4n4ry c4n4ry c4n4ry", "c4n4ry-c4n4ry-ä-c4n4ry"] {
        let errors = check(&["--admin-token", wrong]).expect_err("refused");
        assert!(errors.0.len() == 1 && !errors.to_string().contains("c4n4ry"), "{errors}");
    }
}

#[test]
fn a_password_in_a_url_is_never_printed() {
    let url = "redis://:c4n4ry@h";
    let cli = Cli::try_parse_from(["collabcanvas", "serve", "--redis-url", url, "--redis-routing-url", url])
        .expect("flags exist");
    let Command::Serve(raw) = cli.command else { panic!("it is serve") };
    assert!(!format!("{raw:?}").contains("c4n4ry"));
    assert!(!raw.check().expect_err("no durable store").to_string().contains("c4n4ry"));
    let good = check(&["--redis-url", url, "--durable-url", "sqlite:///a/b"]).expect("valid");
    assert!(!format!("{good:?}").contains("c4n4ry"));
    let database = check(&["--durable-url", "postgres://u:c4n4ry@h/d"]).expect("valid");
    assert!(matches!(database.durable, DurableConfig::Postgres(_)) && !format!("{database:?}").contains("c4n4ry"));
    for wrong in ["postgres://u:c4n4ry/@h/d", "mysql://u:c4n4ry@h/d"] {
        assert!(!check(&["--durable-url", wrong]).expect_err("refused").to_string().contains("c4n4ry"));
    }
    let bad = check(&["--redis-url", "redis://:c4n4ry/@h", "--durable-url", "sqlite:///a/b"]).expect_err("refused");
    assert!(!bad.to_string().contains("c4n4ry"));
}
