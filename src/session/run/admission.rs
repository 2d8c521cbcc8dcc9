//! How a client is let in, and on with a new token.

use super::Shell;
use crate::access::Denied;
use crate::hub::{JoinError, Joiner};
use crate::ids::{ClientId, ProjectId, SESSION_END};
use crate::metrics::{self, limits};
use crate::protocol::Encoding;
use crate::protocol::close::Close;
use crate::protocol::message::{Credentials, Hello, Role, ServerMessage, Who};
use crate::protocol::props::Props;
use crate::protocol::short::FEATURE;
use crate::quota::Limited;
use crate::session::access::{self, Pass};
use crate::session::machine::Effect;
use rand::RngExt as _;
use std::time::Duration;
use tokio::time::Instant;

impl Shell {
    /// Finds out who a client is, and lets it join.
    pub(super) async fn admit(&mut self, client: ClientId, hello: Hello) {
        let started = Instant::now();
        let Some(project) = self.session.project.clone() else {
            return;
        };
        match Pass::get(&self.session.access, project.clone(), client, &hello.credentials).await {
            Ok(pass) => {
                let now = Instant::now();
                let (who, end) = (pass.who(), pass.end(now));
                self.machine.admitted(now, pass.role(), end);
                let user = (!pass.is_everybody()).then_some(&who.user);
                match self.session.quotas.allowance(&project, user) {
                    Ok(allowance) => self.allowance = Some(Box::new(allowance)),
                    Err(Limited { limit, .. }) => {
                        limits::hit(limit);
                        self.machine.closing(now);
                        let close = Close::TooManyConnections;
                        let message = "this user has as many sessions as may be: close some".to_owned();
                        return self.refuse(close, close.name(), message);
                    }
                }
                self.pass = Some(Box::new(pass));
                self.join(&project, who, hello, started).await;
            }
            Err(denied) => {
                let (close, code, message) = self.deny(&denied);
                self.refuse(close, code, message);
            }
        }
    }

    /// Goes on with a new token, or as long as the old one lasts.
    pub(super) async fn renew(&mut self, credentials: Credentials) {
        let Some(pass) = &self.pass else { return };
        match pass.renew(&self.session.access, &credentials).await {
            Ok(new) => {
                let now = Instant::now();
                let end = new.end(now);
                self.machine.renewed(now, end);
                self.tell_end(end.map(|end| end - now));
                if let Some(Effect::Permission(role)) = self.machine.role(new.role()) {
                    self.tell_role(role);
                }
                self.pass = Some(Box::new(new));
            }
            Err(denied) => {
                metrics::denied(denied.code());
                self.say(&ServerMessage::Error { code: denied.code().into(), message: denied.to_string() });
            }
        }
    }

    /// Begins to close on somebody who is not let in, or not any more.
    pub(super) fn deny(&mut self, denied: &Denied) -> (Close, &'static str, String) {
        metrics::denied(denied.code());
        self.machine.closing(Instant::now());
        (access::close(denied), denied.code(), denied.to_string())
    }

    /// Tells the client its role, now and in each later welcome.
    pub(super) fn tell_role(&self, role: Role) {
        self.say(&ServerMessage::Permission(role));
        if let Some(membership) = &self.membership {
            membership.set_role(role);
        }
    }

    pub(super) fn tell_end(&self, left: Option<Duration>) {
        let left = left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        self.say(&ServerMessage::Token(left));
    }

    async fn join(&mut self, project: &ProjectId, who: Who, hello: Hello, started: Instant) {
        let joiner = Joiner {
            session: rand::rng().random_range(1..SESSION_END),
            who,
            encoding: self.session.encoding,
            short: self.session.encoding == Encoding::MessagePack && hello.features.iter().any(|f| f == FEATURE),
            outbox: self.outbox.clone(),
            pulse: self.pulse.clone(),
            position: hello.position,
            saved: hello.saved,
            presence: Props::empty().patched(&hello.presence),
        };
        match self.session.hub.join(project, joiner).await {
            Ok(membership) => {
                self.membership = Some(membership);
                metrics::joins::joined(started.elapsed());
                // Loading a large project takes its time; nobody was listening meanwhile.
                self.machine.heard(Instant::now());
                self.counted = Some(metrics::session());
            }
            Err(error) => {
                let close = match error {
                    JoinError::Full(_) => Close::ProjectFull,
                    JoinError::Deleted => Close::Forbidden,
                    JoinError::Unavailable(_) => Close::Unavailable,
                };
                let message = error.to_string();
                self.say(&ServerMessage::Error { code: close.name().into(), message: message.clone() });
                self.outbox.close(close, message);
            }
        }
    }
}
