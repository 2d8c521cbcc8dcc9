//! Records in files that were made before there were any, and in such as cannot be read.

use super::*;

#[tokio::test]
async fn a_file_that_was_made_before_there_were_records_gets_them() {
    let backend = InFile::new().await;
    append(&backend.store, &project(0), 3).await;
    backend.store.close().await;
    let path = backend.directory.path().join("c.db");
    let db = Connection::open(&path).expect("open");
    db.execute_batch("DROP TABLE record").expect("as it was");
    drop(db);
    for _ in 0..2 {
        let store = SqliteStore::open(&path).expect("open");
        assert_eq!(load(&store, &project(0)).await.expect("load").position.seq, 3);
        let (name, body) = (project(0), Bytes::from_static(b"mine"));
        let version = store.record(&name).await.expect("record").map_or(0, |record| record.version);
        assert!(store.put_record(&name, version, &body).await.expect("put"));
        store.close().await;
    }
    let store = SqliteStore::open_to_read(&path).expect("open");
    assert_eq!(store.record(&project(0)).await.expect("record").map(|record| record.version), Some(2));
    let db = Connection::open(&path).expect("open");
    let format: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).expect("it has one");
    assert_eq!(format, 1, "programs that know of no records may still use it");
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_an_error() {
    let backend = InFile::new().await;
    let (name, body) = (project(0), Bytes::from_static(b"mine"));
    assert!(backend.store.put_record(&name, 0, &body).await.expect("put"));
    let looking = SqliteStore::open_to_read(backend.directory.path().join("c.db")).expect("open");
    let refused = looking.put_record(&name, 1, &body).await;
    assert!(matches!(refused, Err(DurableError::Unavailable(_))), "{refused:?}");
    let db = Connection::open(backend.directory.path().join("c.db")).expect("open");
    db.execute_batch("DROP TABLE record").expect("dropped");
    for store in [&looking, &*backend.store] {
        let read = store.record(&name).await;
        assert!(matches!(read, Err(DurableError::Unavailable(_))), "{read:?}");
    }
    backend.store.close().await;
    let read = backend.store.record(&name).await;
    assert!(matches!(read, Err(DurableError::Unavailable(_))), "closed: {read:?}");
    let put = backend.store.put_record(&name, 1, &body).await;
    assert!(matches!(put, Err(DurableError::Unavailable(_))), "closed: {put:?}");
}
