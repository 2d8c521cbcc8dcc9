//! `DELETE /v1/projects/{project}`: a project goes, for good.

use super::{Answer, Problem, caller_of_any, done, must_own};
use crate::access::rights::Rights;
use crate::clock;
use crate::gateway::upgrade::Gateway;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

/// Ends every right to it first, so that nobody adds to what is then sealed and erased. An answer that was lost, or a node that died in the middle, is
/// made good by asking again.
pub(super) async fn delete(State(gateway): State<Gateway>, Path(project): Path<String>, headers: HeaderMap) -> Answer {
    let (project, caller) = caller_of_any(&gateway, &project, &headers).await?;
    must_own(&caller)?;
    // However soon whoever asks goes away.
    let deleting = tokio::spawn(async move {
        let end = |rights: &mut Rights| {
            rights.delete(clock::now_ms());
            Ok(())
        };
        gateway.access.registry().change(&project, end).await?;
        gateway.hub.delete(&project).await.map_err(|error| {
            tracing::warn!(%project, %error, "a project could not be deleted");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the project is closed, and not all of it could be erased: ask again",
            )
        })
    });
    deleting.await.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))??;
    done()
}
