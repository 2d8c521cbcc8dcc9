//! Traces: a collector hears what happened to an op, on every node that it came to, as one tree.

use crate::beside_others;
use crate::support::nodes::Nodes;
use crate::support::peers::send;
use crate::support::process::{PATIENCE, free_port, until};
use crate::support::redis::Redis;
use bytes::Bytes;
use collabcanvas::protocol::Encoding::MessagePack;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// A span, and the process that tells of it.
type Heard = Arc<Mutex<Vec<(String, Span)>>>;

/// Takes traces, and keeps them.
struct Collector {
    url: String,
    heard: Heard,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let heard = Heard::default();
        let takes = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let heard = takes.clone();
                let service = service_fn(move |request| take(request, heard.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, heard }
    }

    /// The spans of this name so far.
    fn spans(&self, name: &str) -> Vec<(String, Span)> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|(_, span)| span.name == name).cloned().collect()
    }
}

async fn take(request: Request<Incoming>, heard: Heard) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    assert_eq!(head.uri.path(), "/v1/traces");
    let body = body.collect().await.expect("a whole body").to_bytes();
    let told = ExportTraceServiceRequest::decode(body).expect("OTLP");
    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    for of_process in told.resource_spans {
        let about = of_process.resource.unwrap_or_default().attributes;
        assert_eq!(text(&about, "service.name"), "collabcanvas");
        let process = text(&about, "service.instance.id");
        for scope in of_process.scope_spans {
            heard.extend(scope.spans.into_iter().map(|span| (process.clone(), span)));
        }
    }
    Ok(Response::builder().status(StatusCode::OK).body(Full::default()).expect("an answer"))
}

/// An attribute, as text.
fn text(attributes: &[KeyValue], key: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == key).and_then(|found| found.value.clone());
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{key} is {other:?} in {attributes:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_op_is_followed_from_its_author_to_the_other_node_and_to_the_durable_store() {
    let _others = beside_others().await;
    let (redis, collector) = (Redis::start().await, Collector::start().await);
    let env = [("COLLAB_OTLP_URL", collector.url.as_str()), ("COLLAB_TRACE_RATIO", "1")];
    let nodes = Nodes::start(2, &redis.url(), &env);
    let mut author = nodes.join(0, "p", MessagePack).await;
    let mut reader = nodes.join(1, "p", MessagePack).await;
    assert_eq!(send(&mut author, r#"[{"op":"create","id":"a"}]"#).await, None);
    reader.until("the object", PATIENCE, |core| core.replica().0.len() == 1).await.expect("it comes");
    let all = async || {
        let count = |name| collector.spans(name).len();
        count("op") == 1 && count("commit") == 1 && count("durable") == 1 && count("fan-out") == 2
    };
    until("all spans", PATIENCE, all).await;
    let [(one, op)] = collector.spans("op").try_into().expect("one");
    let [(_, commit)] = collector.spans("commit").try_into().expect("one");
    let [(_, durable)] = collector.spans("durable").try_into().expect("one");
    let told = collector.spans("fan-out");
    assert!(op.parent_span_id.is_empty(), "it is the root");
    assert_eq!(commit.parent_span_id, op.span_id);
    for span in told.iter().map(|(_, span)| span).chain([&durable]) {
        assert_eq!(span.parent_span_id, commit.span_id);
    }
    for span in told.iter().map(|(_, span)| span).chain([&commit, &durable]) {
        assert_eq!(span.trace_id, op.trace_id);
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
    }
    let processes: BTreeSet<_> = told.iter().map(|(process, _)| process.clone()).collect();
    assert!(processes.len() == 2 && processes.contains(&one), "each node tells of its own sockets");
    assert!(op.start_time_unix_nano <= commit.start_time_unix_nano);
    assert!(commit.end_time_unix_nano <= op.end_time_unix_nano);
    for (key, value) in [("collab.project", "p"), ("collab.cid", "1"), ("collab.result", "accepted")] {
        assert_eq!(text(&op.attributes, key), value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_is_said_once_and_holds_nobody_up() {
    let _others = beside_others().await;
    let (redis, nobody) = (Redis::start().await, format!("http://127.0.0.1:{}", free_port()));
    let env = [("COLLAB_OTLP_URL", nobody.as_str()), ("COLLAB_TRACE_RATIO", "1")];
    let nodes = Nodes::start(1, &redis.url(), &env);
    let mut author = nodes.join(0, "p", MessagePack).await;
    assert_eq!(send(&mut author, r#"[{"op":"create","id":"a"}]"#).await, None);
    until("a word of it", PATIENCE, async || nodes.node(0).count("traces are not taken") == 1).await;
    assert_eq!(send(&mut author, r#"[{"op":"delete","id":"a"}]"#).await, None);
}
