//! The door: who is let in, and as whom.

use super::api_keys::ApiKeys;
use super::denied::Denied;
use super::grant::{Basis, Grant, NoRight};
use super::keys::Keys;
use super::links::{self, Link};
use super::registry::{Current, Registry, RightsError};
use super::tickets::{self, Tickets};
use super::token::{self, Expected};
use crate::beside;
use crate::clock;
use crate::ids::{Author, ClientId, ProjectId};
use crate::protocol::message::Role;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Passwords that are compared at the same time: each takes a processor for a tenth of a second.
const PASSWORDS: usize = 2;

/// What lets people in.
pub struct Access {
    keys: Keys,
    api_keys: ApiKeys,
    expected: Expected,
    tickets: Arc<dyn Tickets>,
    registry: Arc<Registry>,
    /// Whether somebody without a token may edit: only on a node for development.
    is_open: bool,
    passwords: Semaphore,
}

/// A session that was let in.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Whom as, and on what.
    pub grant: Grant,
    /// How commits name its client.
    pub author: Author,
    /// Its role now.
    pub role: Role,
    /// The rights of its project, for as long as it lasts.
    pub rights: watch::Receiver<Current>,
}

/// Whoever makes a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Whom as, and on what.
    pub grant: Grant,
    /// The role in the project of the request.
    pub role: Role,
}

impl Access {
    /// A door with these keys.
    #[must_use]
    pub fn new(keys: Keys, expected: Expected, tickets: Arc<dyn Tickets>, registry: Arc<Registry>) -> Self {
        Self {
            keys,
            api_keys: ApiKeys::default(),
            expected,
            tickets,
            registry,
            is_open: false,
            passwords: Semaphore::new(PASSWORDS),
        }
    }

    /// The same, and back ends with one of these keys may do everything.
    #[must_use]
    pub fn with_api_keys(mut self, api_keys: ApiKeys) -> Self {
        self.api_keys = api_keys;
        self
    }

    /// The same, and who has no token may edit: for development.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// The rights of projects.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Lets a client into a project, with what it says in `hello`: a token, a ticket, a share link with its password, or nothing.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn admit(
        &self,
        project: &ProjectId,
        client: &ClientId,
        token: Option<&str>,
        password: Option<&str>,
    ) -> Result<Admission, Denied> {
        let grant = match token {
            Some(link) if link.starts_with(links::PREFIX) => self.by_link(project, link, password).await?,
            Some(ticket) if ticket.starts_with(tickets::PREFIX) => tickets::take(&*self.tickets, ticket).await?,
            _ => self.by_token(token).await?,
        };
        let author = Author::of(&grant.user, client);
        let rights = self.registry.watch(project).await?;
        let role = grant.session_role(project, author, &rights.borrow().rights)?;
        Ok(Admission { grant, author, role, rights })
    }

    async fn by_token(&self, token: Option<&str>) -> Result<Grant, Denied> {
        match token {
            Some(token) => token::verify(token, &self.keys, &self.expected).await,
            None if self.is_open => Ok(Grant::anonymous(clock::now_ms())),
            None => Err(Denied::token("token_needed", "this server lets nobody in without a token")),
        }
    }

    async fn by_link(&self, project: &ProjectId, text: &str, password: Option<&str>) -> Result<Grant, Denied> {
        let now = clock::now_ms();
        let rights = self.registry.watch(project).await?.borrow().rights.clone();
        let (id, link) = links::find(text, project, &rights, now)?;
        self.check_password(link, password).await?;
        let user = smol_str::format_smolstr!("link:{id}");
        Ok(Grant { user, basis: Basis::Link(id), issued_ms: now, expires_ms: link.expires_ms })
    }

    async fn check_password(&self, link: &Link, password: Option<&str>) -> Result<(), Denied> {
        let Some(wanted) = link.password.clone() else { return Ok(()) };
        let Some(given) = password.map(str::to_owned) else {
            return Err(Denied::token("password_needed", "this share link wants a password"));
        };
        let Ok(_turn) = self.passwords.try_acquire() else {
            return Err(Denied::token("password_later", "too many passwords are being tried: try again in a moment"));
        };
        let is_right = beside::spawn(move || wanted.is(&given)).await;
        if is_right.unwrap_or(false) {
            Ok(())
        } else {
            Err(Denied::token("password_wrong", "this is not the password"))
        }
    }

    /// Who makes a request, by the token or the key of a back end in its `Authorization: Bearer`.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn bearer(&self, token: Option<&str>) -> Result<Grant, Denied> {
        match token.and_then(|token| self.api_keys.grant(token, clock::now_ms())) {
            Some(grant) => Ok(grant),
            None => self.by_token(token).await,
        }
    }

    /// The same, and the role in a project. A frozen project's owners are its owners.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn caller(&self, project: &ProjectId, token: Option<&str>) -> Result<Caller, Denied> {
        let grant = self.bearer(token).await?;
        let current = self.registry.read(project).await?;
        let role = grant.role(project, &current.rights)?;
        Ok(Caller { grant, role })
    }

    /// A one-time ticket that grants the same.
    ///
    /// # Errors
    /// [`Denied::Unavailable`].
    pub async fn ticket(&self, grant: &Grant) -> Result<String, Denied> {
        tickets::issue(&*self.tickets, grant).await
    }
}

impl From<RightsError> for Denied {
    fn from(error: RightsError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<NoRight> for Denied {
    fn from(error: NoRight) -> Self {
        match error {
            NoRight::TokenRevoked => Self::token("token_revoked", error.to_string()),
            NoRight::None | NoRight::Revoked => Self::Forbidden(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
