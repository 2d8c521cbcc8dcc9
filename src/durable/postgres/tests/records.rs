//! Records in databases that were made before there were any, and on servers that do not answer.

use super::*;

const MINE: Bytes = Bytes::from_static(b"mine");

/// Takes a database back to before there were records.
async fn without_records(postgres: &Postgres, name: &str) {
    postgres.sql(name, "DROP TABLE collabcanvas.record").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_made_before_there_were_records_gets_them() {
    let postgres = shared().await;
    let (name, target) = fresh(postgres).await;
    let old = PostgresStore::open(&target).await.expect("open");
    append(&old, &project(0), 3).await;
    without_records(postgres, &name).await;
    let starting = (0..4).map(|_| {
        let target = target.clone();
        tokio::spawn(async move {
            let store = PostgresStore::open(&target).await.expect("open");
            store.put_record(&project(0), 0, &MINE).await.expect("put")
        })
    });
    let mut won = 0;
    for node in starting.collect::<Vec<_>>() {
        won += usize::from(node.await.expect("no panic"));
    }
    assert_eq!(won, 1);
    append(&old, &project(0), 1).await;
    let store = PostgresStore::open_to_read(&target).await.expect("open");
    assert_eq!(store.record(&project(0)).await.expect("record"), Some(Record { version: 1, body: MINE }));
    assert_eq!(load(&store, &project(0)).await.expect("load").position.seq, 4);
    let format = postgres.sql(&name, "SELECT number FROM collabcanvas.format").await;
    assert_eq!(format, ["1"], "programs that know of no records may still use it");
}

#[tokio::test]
async fn who_may_only_use_the_tables_is_told_what_to_do() {
    let postgres = shared().await;
    let (name, target) = fresh(postgres).await;
    drop(PostgresStore::open(&target).await.expect("open"));
    let mine = "CREATE ROLE user_of_tables LOGIN PASSWORD 'user'; GRANT USAGE ON SCHEMA collabcanvas TO user_of_tables;
        GRANT ALL ON ALL TABLES IN SCHEMA collabcanvas TO user_of_tables";
    postgres.sql(&name, mine).await;
    let target = Target::parse(&postgres.url_as("user_of_tables", "user", &name)).expect("a URL");
    let store = PostgresStore::open(&target).await.expect("all of them are there");
    assert!(store.put_record(&project(0), 0, &MINE).await.expect("put"));
    without_records(postgres, &name).await;
    let said = PostgresStore::open(&target).await.expect_err("one cannot be made").to_string();
    assert!(said.contains("GRANT CREATE ON SCHEMA collabcanvas"), "{said}");
}

#[tokio::test]
async fn a_record_without_an_answer_is_unavailable() {
    let mut postgres = Postgres::start().await;
    let (name, target) = fresh(&postgres).await;
    let store = Arc::new(PostgresStore::open(&target).await.expect("open"));
    assert!(store.put_record(&project(0), 0, &MINE).await.expect("put"));
    let client = postgres.control(&name).await.expect("it answers");
    client.batch_execute("BEGIN; LOCK TABLE collabcanvas.record").await.expect("begun");
    let (puts, reads) = (store.clone(), store.clone());
    let put = tokio::spawn(async move { puts.put_record(&project(0), 1, &MINE).await });
    let read = tokio::spawn(async move { reads.record(&project(0)).await });
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
    process::until("both wait", process::PATIENCE, async || {
        client.query(waiting, &[&name]).await.expect("it answers").len() == 2
    })
    .await;
    postgres.kill();
    let (put, read) = (put.await.expect("no panic"), read.await.expect("no panic"));
    assert!(matches!(put, Err(DurableError::Unavailable(_))), "{put:?}");
    assert!(matches!(read, Err(DurableError::Unavailable(_))), "never none: {read:?}");
    let read = store.record(&project(0)).await;
    assert!(matches!(read, Err(DurableError::Unavailable(_))), "never none: {read:?}");
    postgres.restart().await;
    let until = Instant::now() + process::PATIENCE;
    // As a caller does: it reads, and puts what is then right.
    let again = async || {
        let version = store.record(&project(0)).await?.expect("it is there").version;
        store.put_record(&project(0), version, &MINE).await
    };
    loop {
        match again().await {
            Ok(stored) => return assert!(stored, "nobody else puts"),
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
