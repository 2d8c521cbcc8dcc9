//! A shared socket as a test's client has it: frames of channels, and well-behaved clients on them.

use super::peers::Node;
use super::process::PATIENCE;
use collabcanvas::protocol::Encoding;
use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::client::{Ended, Socket};
use loadtest::core::Core;
use loadtest::history::Keep;
use loadtest::say;
use loadtest::wire::Message;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

/// What the server says of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is open, with this subprotocol.
    Opened(String),
    /// A message, and whether it came as text.
    Message(Vec<u8>, bool),
    /// It is closed: code and reason.
    Closed(u16, String),
}

/// A shared socket.
pub struct Shared {
    /// The socket.
    pub socket: Socket,
}

impl Shared {
    /// Connects to a node.
    pub async fn connect(node: &Node) -> Self {
        let address = format!("{}/v1/shared", node.server.url);
        let mut request = address.into_client_request().expect("an address");
        let protocol = HeaderValue::from_static("collabcanvas.v1.shared");
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        let connected = tokio_tungstenite::connect_async_with_config(request, None, true).await;
        Self { socket: connected.expect("the upgrade is made").0 }
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: u8, channel: u32, payload: &[u8]) {
        let frame = [&[kind], &channel.to_be_bytes()[..], payload].concat();
        self.send_frame(Frame::Binary(frame.into())).await;
    }

    /// Sends any WebSocket message.
    pub async fn send_frame(&mut self, frame: Frame) {
        // The server may have closed already; what it said before is still to be read.
        let _ = self.socket.send(frame).await;
    }

    /// Asks for a channel.
    pub async fn open(&mut self, channel: u32, project: &str, encoding: Encoding) {
        self.send(b'o', channel, format!("{project} {}", encoding.subprotocol()).as_bytes()).await;
    }

    /// What comes next, of any channel; an error when the socket is closed, or nothing comes.
    pub async fn next(&mut self) -> Result<(u32, Said), Ended> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            return match frame.map_err(|_| Ended::TimedOut("a frame", PATIENCE))? {
                Some(Ok(Frame::Binary(frame))) => Ok(read(&frame)),
                Some(Ok(Frame::Close(close))) => {
                    let (code, text) = close.map_or((1005, String::new()), |c| (c.code.into(), c.reason.to_string()));
                    Err(Ended::Closed(code, text))
                }
                Some(Ok(Frame::Text(text))) => panic!("a shared socket says nothing as text: {text}"),
                Some(Ok(_)) => continue,
                Some(Err(error)) => Err(Ended::Broken(error.to_string())),
                None => Err(Ended::Broken("the end".to_owned())),
            };
        }
    }

    /// What comes next of this channel; what comes of others is not of interest.
    pub async fn next_of(&mut self, channel: u32) -> Said {
        loop {
            let (of, said) = self.next().await.expect("the socket goes on");
            if of == channel {
                return said;
            }
        }
    }

    /// Listens until a channel is closed: the code and the reason.
    pub async fn is_closed(&mut self, channel: u32) -> (u16, String) {
        loop {
            if let Said::Closed(code, reason) = self.next_of(channel).await {
                return (code, reason);
            }
        }
    }

    /// Listens until the whole socket is closed: the code; asserts that there is a sentence.
    pub async fn ends(&mut self) -> u16 {
        loop {
            match self.next().await {
                Ok(_) => {}
                Err(Ended::Closed(code, text)) => {
                    assert!(text.len() > 10, "no sentence: {code} {text:?}");
                    return code;
                }
                Err(ended) => panic!("{ended}"),
            }
        }
    }
}

fn read(frame: &[u8]) -> (u32, Said) {
    let (head, payload) = frame.split_first_chunk::<5>().expect("a head");
    let text = || String::from_utf8(payload.to_vec()).expect("UTF-8");
    let said = match head[0] {
        b'o' => Said::Opened(text()),
        b'b' => Said::Message(payload.to_vec(), false),
        b't' => Said::Message(payload.to_vec(), true),
        b'c' => {
            let (code, reason) = payload.split_first_chunk::<2>().expect("a code");
            Said::Closed(u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).expect("UTF-8"))
        }
        kind => panic!("unknown kind {kind}"),
    };
    (u32::from_be_bytes([head[1], head[2], head[3], head[4]]), said)
}

/// A client on a channel.
pub struct Tab {
    /// What it knows and what it has lived through.
    pub core: Core,
    /// Whether it was told to come again later.
    pub warned: bool,
    /// How its channel was closed.
    pub closed: Option<(u16, String)>,
    opened: bool,
}

/// Clients on a shared socket, by channel.
pub struct Tabs {
    /// The socket.
    pub shared: Shared,
    tabs: BTreeMap<u32, Tab>,
}

impl Tabs {
    /// Connects to a node.
    pub async fn connect(node: &Node) -> Self {
        Self { shared: Shared::connect(node).await, tabs: BTreeMap::new() }
    }

    /// Opens a channel with a client that has synced.
    pub async fn join(&mut self, channel: u32, project: &str, encoding: Encoding) {
        let id = format!("tab-{:016x}", rand::random::<u64>());
        let mut core = Core::new(id, encoding, Keep::Whole);
        core.begin();
        self.tabs.insert(channel, Tab { core, warned: false, closed: None, opened: false });
        self.shared.open(channel, project, encoding).await;
        self.until("the first sync", |tabs| tabs.tab(channel).core.is_synced()).await;
    }

    /// A client.
    pub fn tab(&self, channel: u32) -> &Tab {
        &self.tabs[&channel]
    }

    /// Hands a batch in.
    pub fn submit(&mut self, channel: u32, ops: &str) {
        self.tabs.get_mut(&channel).expect("it has joined").core.submit(Instant::now(), say::from_json(ops));
    }

    /// Hands a batch in and waits for its ack.
    pub async fn works(&mut self, channel: u32, ops: &str) {
        self.submit(channel, ops);
        self.until("an answer", |tabs| tabs.tab(channel).core.open_batches().1 == 0).await;
        assert!(self.tab(channel).core.history.rejected.is_empty());
    }

    /// Sends what waits, and takes what comes next, of any channel.
    pub async fn step(&mut self) -> Result<(), Ended> {
        for (channel, tab) in &mut self.tabs {
            while let Some(frame) = tab.core.take_out().filter(|_| tab.closed.is_none()) {
                let kind = if tab.core.encoding() == Encoding::Json { b't' } else { b'b' };
                self.shared.send(kind, *channel, &frame).await;
            }
        }
        let (channel, said) = self.shared.next().await?;
        let tab = self.tabs.get_mut(&channel).expect("only channels that are open are spoken of");
        assert_eq!(tab.closed, None, "nothing follows a close: {said:?}");
        match said {
            Said::Opened(subprotocol) => {
                assert_eq!(subprotocol, tab.core.encoding().subprotocol());
                assert!(!std::mem::replace(&mut tab.opened, true), "it is opened once");
            }
            Said::Message(frame, is_text) => {
                assert!(tab.opened, "opened comes first");
                assert_eq!(is_text, tab.core.encoding() == Encoding::Json, "each message comes as its kind");
                let message = tab.core.hear(Instant::now(), &frame).expect("the server is right");
                tab.warned |= matches!(message, Message::Goaway(..));
            }
            Said::Closed(code, reason) => tab.closed = Some((code, reason)),
        }
        Ok(())
    }

    /// Goes on until something holds.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            let step = tokio::time::timeout_at(deadline.into(), self.step()).await;
            let step = step.unwrap_or_else(|_| panic!("{what} did not come"));
            step.unwrap_or_else(|ended| panic!("{what} did not come: {ended}"));
        }
    }
}
