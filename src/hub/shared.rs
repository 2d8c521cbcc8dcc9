//! Frames that many members get: encoded once for each way in which they take them.

use crate::protocol::frame::Frame;
use crate::protocol::message::ServerMessage;
use crate::protocol::{Encoding, encode};

/// A frame for each way in which members take them, made when the first one needs it.
#[derive(Default)]
pub(super) struct Shared([Option<Frame>; 3]);

impl Shared {
    pub(super) fn frame(&mut self, encoding: Encoding, short: bool, make: impl FnOnce() -> Frame) -> Frame {
        let way = match (encoding, short) {
            (Encoding::Json, _) => 0,
            (Encoding::MessagePack, false) => 1,
            (Encoding::MessagePack, true) => 2,
        };
        self.0[way].get_or_insert_with(make).clone()
    }
}

/// A message for everybody, encoded when the first one needs it.
pub(super) struct Encoded {
    message: ServerMessage,
    shared: Shared,
}

impl Encoded {
    pub(super) fn new(message: ServerMessage) -> Self {
        Self { message, shared: Shared::default() }
    }

    pub(super) fn frame(&mut self, encoding: Encoding) -> Frame {
        self.shared.frame(encoding, false, || encode::message(&self.message, encoding))
    }
}
