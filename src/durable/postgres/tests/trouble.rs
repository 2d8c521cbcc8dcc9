//! What is refused at the start, in one sentence that says what to do, and what a session is set to.

use super::server::{OWNER, PASSWORD};
use super::tls::Certs;
use super::*;

/// Opens a store that must not open: its sentence, which names what to do and no password.
async fn refuses(url: &str, names: &[&str]) -> String {
    let target = Target::parse(url).expect("a URL");
    let said = PostgresStore::open(&target).await.expect_err("refused").to_string();
    for name in names {
        assert!(said.contains(name), "no {name:?} in: {said}");
    }
    assert!(!said.contains(PASSWORD) && !said.contains("wr0ng"), "a password was printed: {said}");
    said
}

#[tokio::test]
async fn what_cannot_be_used_says_why() {
    let postgres = shared().await;
    let (name, _) = fresh(postgres).await;
    refuses(&postgres.url("nowhere"), &["nowhere", "CREATE DATABASE"]).await;
    refuses(&postgres.url_as(OWNER, "wr0ng", &name), &["password", "COLLAB_DURABLE_URL"]).await;
    refuses(&format!("postgres://{OWNER}@127.0.0.1:{}/{name}", postgres.port()), &["password"]).await;
    refuses(
        &format!("postgres://{OWNER}:wr0ng@127.0.0.1:{}/{name}", process::free_port()),
        &["cannot be reached", "host and port"],
    )
    .await;
    refuses(&format!("{}?sslmode=require", postgres.url(&name)), &["TLS", "sslmode"]).await;
    postgres
        .sql(
            "postgres",
            "CREATE ROLE guest LOGIN PASSWORD 'guest'; CREATE ROLE one LOGIN PASSWORD 'one' CONNECTION LIMIT 1",
        )
        .await;
    let guest = postgres.url_as("guest", "guest", &name);
    refuses(&guest, &["GRANT CREATE ON DATABASE", "guest"]).await;
    postgres.sql(&name, &format!("GRANT CREATE ON DATABASE \"{name}\" TO guest, one")).await;
    refuses(&postgres.url_as("one", "one", &name), &["too many connections", "limit"]).await;
    postgres.sql(&name, "DROP SCHEMA collabcanvas CASCADE").await;
    let store = PostgresStore::open(&Target::parse(&guest).expect("a URL")).await.expect("it may now");
    append(&store, &project(0), 2).await;
}

#[tokio::test]
async fn a_database_that_takes_no_writes_is_refused_and_can_be_read() {
    let postgres = shared().await;
    let (name, target) = fresh(postgres).await;
    assert!(PostgresStore::open_to_read(&target).await.expect_err("empty").to_string().contains("nothing"));
    let store = PostgresStore::open(&target).await.expect("open");
    append(&store, &project(0), 2).await;
    postgres.sql(&name, &format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = on")).await;
    refuses(&postgres.url(&name), &["takes writes", "COLLAB_DURABLE_URL"]).await;
    let reader = PostgresStore::open_to_read(&target).await.expect("it can be read");
    assert_eq!(load(&reader, &project(0)).await.expect("load").position.seq, 2);
    let refused = reader.append(&project(0), &next(&Position::START)).await;
    assert!(matches!(refused, Err(DurableError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn a_newer_format_is_not_touched() {
    let postgres = shared().await;
    let (name, target) = fresh(postgres).await;
    drop(PostgresStore::open(&target).await.expect("open"));
    postgres.sql(&name, "UPDATE collabcanvas.format SET number = 7").await;
    refuses(&postgres.url(&name), &["has format 7, this version reads up to 1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_make_one_set_of_tables() {
    let (_, target) = fresh(shared().await).await;
    let starting = (0..6).map(|n| {
        let target = target.clone();
        tokio::spawn(async move {
            let store = PostgresStore::open(&target).await.expect("open");
            store.deployment(&n.to_string()).await.expect("it answers")
        })
    });
    let mut names = Vec::new();
    for node in starting.collect::<Vec<_>>() {
        names.push(node.await.expect("no panic"));
    }
    names.dedup();
    assert_eq!(names.len(), 1);
}

#[tokio::test]
async fn a_commit_waits_for_the_disk_whatever_the_settings_say() {
    let postgres = shared().await;
    let (name, target) = fresh(postgres).await;
    let lax = "synchronous_commit = off; ALTER DATABASE d SET default_transaction_isolation = serializable";
    postgres.sql(&name, &format!("ALTER DATABASE d SET {lax}").replace(" d ", &format!(" \"{name}\" "))).await;
    let store = PostgresStore::open(&target).await.expect("open");
    let set = "SELECT current_setting('synchronous_commit') || ' ' || current_setting('transaction_isolation')";
    let rows = store.query(set, &[]).await.expect("it answers");
    assert_eq!(rows[0].get::<_, &str>(0), "on read committed");
}

#[tokio::test]
async fn tls_is_used_and_checked_as_the_url_says() {
    let postgres = Postgres::start().await;
    let certs = Certs::new();
    postgres.with_tls(&certs).await;
    let (name, _) = fresh(&postgres).await;
    let url = postgres.url(&name);
    let encrypted = async |url: &str| {
        let store = PostgresStore::open(&Target::parse(url).expect("a URL")).await.expect("open");
        let rows = store.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await;
        rows.expect("it answers")[0].get::<_, bool>(0)
    };
    let verified = format!("{url}?sslmode=verify-full&sslrootcert={}", certs.ca());
    for (url, is) in [
        (format!("{url}?sslmode=disable"), false),
        (url.clone(), true),
        (format!("{url}?sslmode=require"), true),
        (verified, true),
    ] {
        assert_eq!(encrypted(&url).await, is, "{url}");
    }
    refuses(&format!("{url}?sslmode=verify-full"), &["certificate", "sslrootcert"]).await;
    let others = Certs::new();
    refuses(&format!("{url}?sslmode=verify-full&sslrootcert={}", others.ca()), &["certificate"]).await;
    refuses(&format!("{url}?sslmode=verify-full&sslrootcert=/nowhere"), &["/nowhere", "sslrootcert"]).await;
}

#[tokio::test]
async fn one_node_without_redis_has_a_database() {
    let mut postgres = Postgres::start().await;
    let (_, target) = fresh(&postgres).await;
    let store = PostgresStore::open(&target).await.expect("open");
    let mut mine = store.alone().await.expect("it is free");
    let other = PostgresStore::open(&target).await.expect("open");
    let said = other.alone().await.expect_err("taken").to_string();
    assert!(said.contains("in use by another node") && said.contains("COLLAB_DURABLE_URL"), "{said}");
    postgres.restart().await;
    // It has taken it back when the other cannot.
    process::until("the lock", process::PATIENCE, async || match other.alone().await {
        Ok(stolen) => {
            stolen.abort();
            false
        }
        Err(_) => true,
    })
    .await;
    assert!(!mine.is_finished());
    mine.abort();
    let _ = (&mut mine).await;
    process::until("the lock", process::PATIENCE, async || other.alone().await.is_ok()).await;
}
