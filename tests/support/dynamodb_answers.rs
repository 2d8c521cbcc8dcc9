//! Answers that a troubled DynamoDB gives.

use super::dynamodb_faults::MOST;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// Takes the second half of each table's writes out of a batch, and returns what is left and what was taken.
pub fn split(body: &[u8]) -> (Bytes, Option<Value>) {
    let mut request: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut back = serde_json::Map::new();
    for (table, writes) in request["RequestItems"].as_object_mut().into_iter().flatten() {
        let Some(writes) = writes.as_array_mut().filter(|writes| writes.len() > 1) else { continue };
        back.insert(table.clone(), writes.split_off(writes.len().div_ceil(2)).into());
    }
    (request.to_string().into(), (!back.is_empty()).then(|| back.into()))
}

/// The same answer, with writes that were not processed.
pub async fn unprocessed(answer: Response<Body>, back: &Value) -> Option<Response<Body>> {
    let (mut head, body) = answer.into_parts();
    let mut answer: Value = serde_json::from_slice(&to_bytes(body, MOST).await.ok()?).ok()?;
    answer["UnprocessedItems"] = back.clone();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove("x-amz-crc32");
    Some(Response::from_parts(head, Body::from(answer.to_string())))
}

/// It is too much for now.
pub fn throttled() -> Response<Body> {
    let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    refusal(StatusCode::BAD_REQUEST, kind, "The level of configured provisioned throughput for the table was exceeded.")
}

/// Something is wrong over there.
pub fn internal() -> Response<Body> {
    let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    refusal(StatusCode::INTERNAL_SERVER_ERROR, kind, "The request could not be processed because of an internal error.")
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let mut answer = Response::new(Body::from(json!({ "__type": kind, "message": message }).to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    answer
}
