//! How large the body of a request may be, and how long it may take, whatever becomes of it.

use crate::metrics::limits::{self, Limit};
use axum::BoxError;
use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream::try_unfold;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes of a body.
const BYTES: usize = 256 << 10;
/// Time for a body, from the end of the head.
const TIME: Duration = Duration::from_secs(10);
/// How long is read on when a body is too large. To close a connection of which not everything was read could destroy the answer before the client
/// has it.
const READING_ON: Duration = Duration::from_secs(1);

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("a request's body may have {BYTES} bytes")]
    TooLarge,
    #[error("a request's body must come within {} seconds", TIME.as_secs())]
    TooSlow,
}

impl Fault {
    fn answer(self) -> Response {
        limits::hit(Limit::Body);
        let status = match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
        };
        (status, [(CONNECTION, "close")], format!("{self}\n")).into_response()
    }
}

/// Gives a handler a body that ends with an error where it exceeds what it may have, and answers then itself.
pub(super) async fn bound(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    if request.body().size_hint().lower() > BYTES as u64 {
        read_on(request.into_body().into_data_stream()).await;
        return Fault::TooLarge.answer();
    }
    let found = Arc::new(OnceLock::new());
    let response = next.run(request.map(|body| bounded(body, found.clone()))).await;
    found.get().map_or(response, |fault: &Fault| fault.answer())
}

fn bounded(body: Body, found: Arc<OnceLock<Fault>>) -> Body {
    let until = Instant::now() + TIME;
    let whole = (body.into_data_stream(), BYTES, found);
    Body::from_stream(try_unfold(whole, move |(mut rest, left, found)| async move {
        let next = timeout_at(until, rest.next()).await;
        let fault = match next {
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(BoxError::from(error)),
            Ok(Some(Ok(part))) if part.len() <= left => {
                let left = left - part.len();
                return Ok(Some((part, (rest, left, found))));
            }
            Ok(Some(Ok(_))) => {
                read_on(rest).await;
                Fault::TooLarge
            }
            Err(_) => Fault::TooSlow,
        };
        let _ = found.set(fault);
        Err(fault.into())
    }))
}

async fn read_on(mut rest: BodyDataStream) {
    let _ = timeout(READING_ON, async { while let Some(Ok(_)) = rest.next().await {} }).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Bytes, to_bytes};
    use futures_util::stream;

    fn pieces(count: usize) -> Body {
        let piece = Ok::<_, &str>(Bytes::from(vec![0; 1 << 10]));
        Body::from_stream(stream::iter(std::iter::repeat_n(piece, count)))
    }

    async fn read(body: Body) -> (Option<usize>, Option<Fault>) {
        let found = Arc::new(OnceLock::new());
        let read = to_bytes(bounded(body, found.clone()), usize::MAX).await;
        (read.ok().map(|bytes| bytes.len()), found.get().copied())
    }

    #[tokio::test]
    async fn a_body_may_have_so_many_bytes() {
        assert_eq!(read(pieces(256)).await, (Some(BYTES), None));
        assert_eq!(read(pieces(257)).await, (None, Some(Fault::TooLarge)));
        assert_eq!(read(Body::empty()).await, (Some(0), None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_take_so_long() {
        let started = Instant::now();
        let drip = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Some((Ok::<_, &str>(Bytes::from_static(b"x")), ()))
        });
        assert_eq!(read(Body::from_stream(drip)).await, (None, Some(Fault::TooSlow)));
        let took = started.elapsed();
        assert!(took >= TIME && took < TIME + READING_ON, "however often a byte comes: {took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_no_end_is_not_read_for_long() {
        let endless = stream::repeat_with(|| Ok::<_, &str>(Bytes::from(vec![0; 1 << 16])));
        let drip = endless.then(|piece| async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            piece
        });
        let started = Instant::now();
        assert_eq!(read(Body::from_stream(drip)).await.1, Some(Fault::TooLarge));
        assert!(started.elapsed() < 2 * READING_ON);
    }
}
