//! `collabcanvas setup`, and starting on a table: what a node refuses, in one sentence that says what to do.

use super::support::dynamodb::{CREDENTIALS, DynamoDb, url};
use super::support::process::free_port;
use super::support::redis::Redis;
use super::support::server::Setup;
use std::path::Path;
use std::process::Command;

const TABLE: &str = "canvas";

/// Runs `collabcanvas setup`: whether it went well, and what it said.
fn setup(url: &str, credentials: bool) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_collabcanvas"));
    command.arg("setup").env("COLLAB_DURABLE_URL", url);
    // Nobody's own profile, and no metadata service, which is waited for where there is none.
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_PROFILE");
    if credentials {
        command.envs(CREDENTIALS);
    }
    let output = command.output().expect("the program can be started");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// How a node is started on this Redis and this table.
pub(crate) fn node(redis: &Redis, data: &Path, url: &str) -> Setup {
    let setup = Setup::new(data).in_file(&data.join("none.db")).with("COLLAB_REDIS_URL", &redis.url());
    let [(key, id), (secret, value)] = CREDENTIALS;
    setup.with("COLLAB_DURABLE_URL", url).with(key, id).with(secret, value)
}

#[tokio::test]
async fn setup_makes_the_table_once_and_nodes_start_on_it() {
    let database = DynamoDb::start();
    let url = database.url(TABLE);
    let (redis, data) = (Redis::start().await, tempfile::tempdir().expect("a directory"));
    let mut early = node(&redis, data.path(), &url).spawn();
    assert_eq!(early.exit().await.code(), Some(1), "{}", early.said());
    let sentence = early.line("collabcanvas: ");
    assert!(sentence.contains("does not exist") && sentence.contains("collabcanvas setup"), "{sentence}");

    let (made, said) = setup(&url, true);
    assert!(made, "{said}");
    for step in ["is being made", "billing: on demand", "expiry: switched on", "is ready"] {
        assert!(said.contains(step), "no {step:?} in\n{said}");
    }
    let (again, said) = setup(&url, true);
    assert!(again && said.contains("is there already") && said.contains("expiry: by the attribute expires"), "{said}");
    let mut server = node(&redis, data.path(), &url).start();
    assert!(server.runs());
}

#[tokio::test]
async fn what_cannot_be_used_says_what_to_do() {
    let (made, said) = setup(&url(&format!("http://127.0.0.1:{}", free_port()), TABLE), false);
    assert!(!made && said.contains("without AWS credentials") && said.contains("AWS_ACCESS_KEY_ID"), "{said}");
    let (made, said) = setup("dynamodb://ca", true);
    assert!(!made && said.contains("COLLAB_DURABLE_URL") && said.contains("3 to 255 characters"), "{said}");
    let database = DynamoDb::start();
    let foreign = super::support::dynamodb::client(&database.endpoint, std::time::Duration::from_secs(5));
    super::foreign_table(&foreign, TABLE).await;
    let (made, said) = setup(&database.url(TABLE), true);
    assert!(!made && said.contains("other keys than ours"), "{said}");
    let (redis, data) = (Redis::start().await, tempfile::tempdir().expect("a directory"));
    let mut server = node(&redis, data.path(), &database.url(TABLE)).spawn();
    assert_eq!(server.exit().await.code(), Some(1), "{}", server.said());
    assert!(server.line("collabcanvas: ").contains("was not made by `collabcanvas setup`"), "{}", server.said());
    let nobody = url(&format!("http://127.0.0.1:{}", free_port()), TABLE);
    let mut server = node(&redis, data.path(), &nobody).spawn();
    assert_eq!(server.exit().await.code(), Some(1), "{}", server.said());
    assert!(server.line("collabcanvas: ").contains("does not answer"), "{}", server.said());
}
