//! What a session was let in on, and how it is let in.

use crate::access::grant::ANONYMOUS;
use crate::access::{Access, Admission, Denied};
use crate::clock;
use crate::ids::{ClientId, ProjectId};
use crate::protocol::close::Close;
use crate::protocol::message::{Credentials, Role, Who};
use std::time::Duration;
use tokio::time::Instant;

/// Time to find out who a client is.
const ADMISSION: Duration = Duration::from_secs(5);

/// What a session was let in on.
pub(super) struct Pass {
    project: ProjectId,
    client: ClientId,
    admission: Admission,
}

impl Pass {
    /// Shows credentials at the door.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) async fn get(
        access: &Access,
        project: ProjectId,
        client: ClientId,
        credentials: &Credentials,
    ) -> Result<Self, Denied> {
        let token = credentials.token.as_ref().map(|secret| secret.reveal());
        let password = credentials.password.as_ref().map(|secret| secret.reveal());
        let asked = tokio::time::timeout(ADMISSION, access.admit(&project, &client, token, password)).await;
        let late = || Denied::Unavailable("it could not be found out in time who this is".to_owned());
        let admission = asked.unwrap_or_else(|_| Err(late()))?;
        Ok(Self { project, client, admission })
    }

    /// The same client's pass with new credentials, which must be the same user's.
    ///
    /// # Errors
    /// [`Denied`].
    pub(super) async fn renew(&self, access: &Access, credentials: &Credentials) -> Result<Self, Denied> {
        let new = Self::get(access, self.project.clone(), self.client.clone(), credentials).await?;
        if new.admission.grant.user == self.admission.grant.user {
            return Ok(new);
        }
        let message = "the new token is another user's: connect anew for that".to_owned();
        Err(Denied::Unauthenticated { code: "token_user", message })
    }

    /// Whether its user stands for everybody without a token.
    pub(super) fn is_everybody(&self) -> bool {
        self.admission.grant.user == ANONYMOUS
    }

    pub(super) fn role(&self) -> Role {
        self.admission.role
    }

    pub(super) fn who(&self) -> Who {
        let Admission { grant, author, role, .. } = &self.admission;
        Who { author: *author, user: grant.user.clone(), role: *role }
    }

    /// When access ends.
    pub(super) fn end(&self, now: Instant) -> Option<Instant> {
        let left = self.admission.grant.expires_ms?.saturating_sub(clock::now_ms());
        // So far away that no clock has it: never.
        now.checked_add(Duration::from_millis(left))
    }

    /// Completes when the rights of the project have changed: with the role now, or with why there is none any more. Never without a pass.
    pub(super) async fn changed(pass: &mut Option<Box<Self>>) -> Result<Role, Denied> {
        let Some(pass) = pass else { return std::future::pending().await };
        let Admission { grant, author, rights, .. } = &mut pass.admission;
        if rights.changed().await.is_err() {
            // Whoever tells of changes is gone, which only happens at the end of the process.
            return std::future::pending().await;
        }
        let now = rights.borrow_and_update().rights.clone();
        Ok(grant.session_role(&pass.project, *author, &now)?)
    }
}

/// How a socket is closed whose client is not let in.
pub(super) fn close(denied: &Denied) -> Close {
    match denied {
        Denied::Unauthenticated { .. } => Close::Unauthenticated,
        Denied::Forbidden(_) | Denied::Deleted => Close::Forbidden,
        Denied::TooOften(_) => Close::TooManyConnections,
        Denied::Unavailable(_) => Close::Unavailable,
    }
}
