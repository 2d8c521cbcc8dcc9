//! How fast it is.

use super::server::Conf;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it alone"]
#[expect(clippy::print_stdout, reason = "its figures are what it is for")]
async fn appends_per_second() {
    let postgres = Postgres::with(Conf::default().with_fsync()).await;
    for projects in [1, 8, 64] {
        let (_, target) = fresh(&postgres).await;
        let store = Arc::new(PostgresStore::open(&target).await.expect("open"));
        let each = 4_096 / projects as u64;
        let began = Instant::now();
        let writers: Vec<_> = (0..projects)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { append(&store, &project(n), each).await })
            })
            .collect();
        for writer in writers {
            writer.await.expect("no panic");
        }
        let took = began.elapsed();
        println!("{projects} projects: {:.0} appends/s", 4_096.0 / took.as_secs_f64());
    }
}
