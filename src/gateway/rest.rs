//! What back ends and owners ask over HTTP: who may do what, who is there, tickets.
//!
//! Owns how a request says who it is from, and how it is answered: with JSON, or with a status and a sentence that says what to do. What it is
//! about lies beneath, a file each.

mod links;
mod members;
mod project;
mod revoke;
mod sessions;
mod tickets;

use super::upgrade::{Gateway, Serves};
use crate::access::registry::RightsError;
use crate::access::{Caller, Denied};
use crate::hub::JoinError;
use crate::ids::ProjectId;
use crate::metrics;
use crate::protocol::message::Role;
use axum::Router;
use axum::body::Body;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The routes.
pub(super) fn router() -> Router<Gateway> {
    owners().route("/v1/tickets", post(tickets::post))
}

/// Those that are for owners, and on the admin listener for the operator.
pub(super) fn owners() -> Router<Gateway> {
    Router::new()
        .route("/v1/projects/{project}", delete(project::delete))
        .route("/v1/projects/{project}/links", get(links::get).post(links::post))
        .route("/v1/projects/{project}/links/{link}", delete(links::delete))
        .route("/v1/projects/{project}/members", get(members::get))
        .route("/v1/projects/{project}/members/{user}", put(members::put).delete(members::delete))
        .route("/v1/projects/{project}/frozen", put(members::freeze))
        .route("/v1/projects/{project}/revoke", post(revoke::post))
        .route("/v1/projects/{project}/sessions", get(sessions::get))
        .route("/v1/projects/{project}/sessions/{session}", delete(sessions::delete))
}

/// Why a request is not done.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// A sentence.
    message: String,
    /// The fixed word of a token that is not taken.
    denied: Option<&'static str>,
}

/// An answer, or why there is none.
pub(super) type Answer = Result<Response<Body>, Problem>;

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), denied: None }
    }

    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        metrics::denied(denied.code());
        let status = match denied {
            Denied::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Denied::Forbidden(_) => StatusCode::FORBIDDEN,
            Denied::Deleted => StatusCode::GONE,
            Denied::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Denied::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, denied: Some(denied.code()), message: denied.to_string() }
    }
}

impl From<RightsError> for Problem {
    fn from(error: RightsError) -> Self {
        match error {
            // What a store says of itself is for its operator.
            RightsError::Unavailable(_) => Denied::from(error).into(),
            RightsError::Refused(why) => Self::new(StatusCode::CONFLICT, why),
        }
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        let status = match error {
            JoinError::Full(_) => StatusCode::TOO_MANY_REQUESTS,
            JoinError::Deleted => StatusCode::GONE,
            JoinError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.message)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = format!("Bearer error=\"{}\"", self.denied.unwrap_or("token_needed"));
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer")),
            );
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE || self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Answers with JSON, which nobody may keep.
fn json(value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer could not be written: {error}"))
    })?;
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// It is done, and there is nothing to say.
fn done() -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// Reads a body; an empty one is `{}`.
fn read<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Problem::wrong(format!("send JSON such as {example}: {error}")))
}

/// The token or the key of a back end in a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The project, and who asks.
pub(super) async fn caller(
    gateway: &Gateway,
    project: &str,
    headers: &HeaderMap,
) -> Result<(ProjectId, Caller), Problem> {
    let (project, caller) = caller_of_any(gateway, project, headers).await?;
    if caller.is_deleted { Err(Denied::Deleted.into()) } else { Ok((project, caller)) }
}

/// The same, of a project that may be deleted.
async fn caller_of_any(gateway: &Gateway, project: &str, headers: &HeaderMap) -> Result<(ProjectId, Caller), Problem> {
    let project = ProjectId::parse(project).map_err(|error| Problem::wrong(format!("the project's id: {error}")))?;
    let caller = match gateway.serves {
        Serves::Clients => gateway.access.caller(&project, bearer(headers)).await?,
        Serves::Operator => gateway.access.operator(&project).await?,
    };
    Ok((project, caller))
}

/// The project, if one of its owners asks.
async fn owned(gateway: &Gateway, project: &str, headers: &HeaderMap) -> Result<ProjectId, Problem> {
    let (project, caller) = caller(gateway, project, headers).await?;
    must_own(&caller)?;
    Ok(project)
}

fn must_own(caller: &Caller) -> Result<(), Problem> {
    if caller.role == Role::Owner {
        return Ok(());
    }
    Err(Denied::Forbidden("only owners of the project may do this".to_owned()).into())
}
