//! Why a room ends, and how.

use super::Room;
use crate::metrics;
use crate::protocol::close::Close;
use crate::protocol::message::ServerMessage;

/// Why a room ends.
pub(super) enum End {
    /// Nobody is there and everything is saved.
    Idle,
    /// What it was told cannot be read: load the project anew.
    Lost(String),
    /// The project was deleted, and whatever is unsaved with it.
    Deleted,
}

impl Room {
    /// Says goodbye to whoever is left.
    pub(super) async fn leave(mut self) {
        if self.roster.has_news() {
            self.tell_presence();
        }
        match self.end.take() {
            Some(End::Lost(why)) => {
                tracing::error!(project = %self.project, why, "the room starts over");
                metrics::room_lost();
                self.members.close_all(Close::Unavailable, "the project is loaded anew; reconnect");
            }
            Some(End::Deleted) => {
                let message = "this project was deleted";
                self.members.say_to_all(&ServerMessage::Error { code: "deleted".into(), message: message.into() });
                self.members.close_all(Close::Forbidden, message);
                self.members.flush();
            }
            Some(End::Idle) | None => self.release().await,
        }
    }

    /// Lets the hot store forget what is saved.
    async fn release(self) {
        if let Err(error) = self.stores.hot.forget(&self.project, self.replica.position()).await {
            tracing::debug!(project = %self.project, %error, "the hot store kept a saved project");
        }
    }
}
