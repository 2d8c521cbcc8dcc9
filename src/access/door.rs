//! The door: who is let in, and as whom.

use super::api_keys::{self, ApiKeys};
use super::denied::Denied;
use super::grant::{Basis, Grant, NoRight};
use super::keys::Keys;
use super::links::{self, Link};
use super::registry::{Current, Registry, RightsError};
use super::tickets::{self, Tickets};
use super::token::{self, Expected};
use crate::beside;
use crate::bucket::Buckets;
use crate::clock;
use crate::ids::{Author, ClientId, ProjectId};
use crate::protocol::message::Role;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// Passwords that are worked on at the same time: each takes a processor for a tenth of a second.
const PASSWORDS: usize = 2;
/// How long one waits for its turn.
const TURN: Duration = Duration::from_secs(3);
/// After ten tries a link's password may be tried once in five seconds: in units of which one comes each second.
const TRY: u32 = 5;
const TRIES: Duration = Duration::from_secs(50);
/// Records that are read in a second for share links to projects which nobody here has open, whether the links are good or not.
const LINK_READS: u32 = 200;
/// Tickets that a user gets in a second; back ends get as many as they ask for.
const TICKETS: u32 = 5;
/// After a pause as many at once as in this time.
const BURST: Duration = Duration::from_secs(10);

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
    /// How often each link's password may be tried.
    tries: Buckets,
    link_reads: Buckets,
    /// How many tickets each user may get.
    issued: Buckets,
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
    /// Whether that project was deleted: then there is nothing to ask of it but that.
    pub is_deleted: bool,
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
            tries: Buckets::new(1, TRIES),
            link_reads: Buckets::new(LINK_READS, BURST),
            issued: Buckets::new(TICKETS, BURST),
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
        // Nothing is kept of a project, and little is read, for whoever only claims to have a link.
        let rights = match self.registry.known(project) {
            Some(rights) => rights,
            None => {
                let later = |_| Denied::TooOften("too many share links are being tried: come again later".to_owned());
                self.link_reads.try_take("", Instant::now(), 1).map_err(later)?;
                self.registry.read(project).await?.rights
            }
        };
        let (id, link) = links::find(text, project, &rights, now)?;
        self.check_password(&id, link, password).await?;
        let user = smol_str::format_smolstr!("link:{id}");
        Ok(Grant { user, basis: Basis::Link(id), issued_ms: now, expires_ms: link.expires_ms })
    }

    async fn check_password(&self, id: &str, link: &Link, password: Option<&str>) -> Result<(), Denied> {
        let Some(wanted) = link.password.clone() else { return Ok(()) };
        let Some(given) = password.map(str::to_owned) else {
            return Err(Denied::token("password_needed", "this share link wants a password"));
        };
        if !self.tries.has(id, Instant::now(), TRY) {
            return Err(later());
        }
        let is_right = self.password(move || wanted.is(&given)).await.map_err(|denied| match denied {
            Denied::TooOften(_) => later(),
            other => other,
        })?;
        if is_right {
            return Ok(());
        }
        // Whoever knows it does not use up the tries of others.
        self.tries.take(id, Instant::now(), TRY);
        Err(Denied::token("password_wrong", "this is not the password"))
    }

    /// Works on a password, when it is its turn.
    ///
    /// # Errors
    /// [`Denied::TooOften`], [`Denied::Unavailable`].
    pub async fn password<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Denied> {
        let busy = || Denied::TooOften("too many passwords are being worked on: come again later".to_owned());
        let turn = tokio::time::timeout(TURN, self.passwords.acquire()).await;
        let _turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        beside::spawn(work).await.map_err(|error| Denied::Unavailable(error.to_string()))
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

    /// The same, and the role in a project. A frozen project's owners are its owners, and so are those of a deleted one.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn caller(&self, project: &ProjectId, token: Option<&str>) -> Result<Caller, Denied> {
        let grant = self.bearer(token).await?;
        let rights = self.registry.read(project).await?.rights;
        let role = grant.role(project, &rights)?;
        Ok(Caller { grant, role, is_deleted: rights.deleted_ms.is_some() })
    }

    /// The operator as the owner of a project.
    ///
    /// # Errors
    /// [`Denied::Unavailable`].
    pub async fn operator(&self, project: &ProjectId) -> Result<Caller, Denied> {
        let rights = self.registry.read(project).await?.rights;
        let grant = Grant::operator(clock::now_ms());
        Ok(Caller { grant, role: Role::Owner, is_deleted: rights.deleted_ms.is_some() })
    }

    /// A one-time ticket that grants the same, for whoever asks as `caller`.
    ///
    /// # Errors
    /// [`Denied::TooOften`], [`Denied::Unavailable`].
    pub async fn ticket(&self, caller: &str, grant: &Grant) -> Result<String, Denied> {
        let later = |_| Denied::TooOften(format!("you get {TICKETS} tickets a second: come again later"));
        if !caller.starts_with(api_keys::USER) {
            self.issued.try_take(caller, Instant::now(), 1).map_err(later)?;
        }
        tickets::issue(&*self.tickets, grant).await
    }
}

fn later() -> Denied {
    Denied::token("password_later", "too many passwords are being tried: try again in a moment")
}

impl From<RightsError> for Denied {
    fn from(error: RightsError) -> Self {
        // What a store says of itself is for its operator.
        tracing::warn!(%error, "who may do what cannot be found out");
        Self::Unavailable("who may do what cannot be found out now: come again".to_owned())
    }
}

impl From<NoRight> for Denied {
    fn from(error: NoRight) -> Self {
        match error {
            NoRight::TokenRevoked => Self::token("token_revoked", error.to_string()),
            NoRight::Deleted => Self::Deleted,
            NoRight::None | NoRight::Revoked => Self::Forbidden(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
