use super::*;

const CANARY: &str = "c4n4ry";

fn good(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
}

fn servers(target: &Target) -> Vec<String> {
    target.servers.iter().map(ToString::to_string).collect()
}

#[test]
fn one_server() {
    let plain = good("redis://cache");
    assert_eq!((servers(&plain), &plain.layout, plain.database), (vec!["cache:6379".to_owned()], &Layout::Single, 0));
    assert_eq!((&plain.login, &plain.tls), (&Login::default(), &None));

    let full = good("rediss://me:p%40s%2Fs%25@[::1]:7000/3?ca=%2Fetc%2Fca.pem");
    assert_eq!((servers(&full), full.database), (vec!["[::1]:7000".to_owned()], 3));
    assert_eq!(full.login, Login { user: Some("me".into()), password: Some(Secret("p@s/s%".into())) });
    assert_eq!(full.tls, Some(Tls { ca: Some("/etc/ca.pem".into()) }));

    let password = good("redis://:secret@h:1/");
    assert_eq!(password.login, Login { user: None, password: Some(Secret("secret".into())) });
}

#[test]
fn sentinels() {
    let url = "redis+sentinel://u:p@a,b:7,c:8/main/2?sentinel_user=s&sentinel_password=t";
    let target = good(url);
    assert_eq!((servers(&target), target.database), (vec!["a:26379".to_owned(), "b:7".into(), "c:8".into()], 2));
    let login = Login { user: Some("s".into()), password: Some(Secret("t".into())) };
    assert_eq!(target.layout, Layout::Sentinel { master: "main".into(), login });
    assert!(good("rediss+sentinel://a/main").tls.is_some());
}

#[test]
fn cluster() {
    let target = good("rediss+cluster://:p@a:1,b:2");
    assert_eq!((servers(&target), &target.layout), (vec!["a:1".to_owned(), "b:2".into()], &Layout::Cluster));
    assert!(target.tls.is_some());
}

#[test]
fn what_cannot_be_used_is_refused_with_one_sentence() {
    for bad in [
        "",
        "cache:6379",
        "http://cache",
        "redis+other://cache",
        "redis+://cache",
        "redis://",
        "redis://a:0",
        "redis://a:99999",
        "redis://a:b",
        "redis://a,b",
        "redis://user@a",
        "redis://a/x",
        "redis://a/0/1",
        "redis://a?ca=/x",
        "rediss://a?ca=",
        "rediss://a?what=1",
        "redis://a#insecure",
        "redis://:%zz@a",
        "redis://:%ff@a",
        "redis://[::1",
        "redis://a?sentinel_password=x",
        "redis+sentinel://a",
        "redis+sentinel://a/m?sentinel_user=x",
        "redis+cluster://a/1",
    ] {
        let error = Target::parse(bad).expect_err(bad).to_string();
        assert!(!error.is_empty() && !error.contains('\n'), "{bad}: {error}");
    }
}

#[test]
fn a_password_is_never_printed() {
    let url = format!("redis+sentinel://u:{CANARY}@a/m?sentinel_password={CANARY}");
    let target = good(&url);
    for text in [format!("{target:?}"), format!("{target:#?}"), target.to_string()] {
        assert!(!text.contains(CANARY), "{text}");
    }
    let echoed = format!("ERR unknown command `HELLO`, with args beginning with: `3` `AUTH` `u` `{CANARY}`");
    assert!(!target.scrub(&echoed).contains(CANARY));
    for bad in [
        CANARY.to_owned(),
        format!("{CANARY}://u@h"),
        format!("redis://u:x/{CANARY}@h"),
        format!("redis://u:x#{CANARY}@h"),
        format!("redis://u:x?{CANARY}@h"),
        format!("redis://u:x?{CANARY}=1@h"),
        format!("redis://u:%{CANARY}@h"),
        format!("redis://{CANARY}@h"),
        format!("redis://u:{CANARY}"),
        format!("redis://u:a,{CANARY}@h:x"),
        format!("redis+sentinel://h/m/{CANARY}"),
        format!("redis+{CANARY}://h"),
    ] {
        let error = Target::parse(&bad).expect_err(&bad);
        assert!(!error.to_string().contains(CANARY) && !format!("{error:?}").contains(CANARY), "{bad}: {error}");
    }
}
