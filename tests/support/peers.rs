//! Clients of a test: well-behaved ones, bystanders, and raw sockets that send whatever they are told to.

use super::process::PATIENCE;
use super::server::{Server, Setup};
use bytes::Bytes;
use collabcanvas::protocol::Encoding;
use futures_util::{SinkExt as _, StreamExt as _};
use loadtest::client::{self, Client, Ended, Socket};
use loadtest::core::Core;
use loadtest::history::Keep;
use loadtest::say;
use loadtest::short::Names;
use loadtest::wire::{Message, Position};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message as Frame;

/// A server with a directory of its own.
pub struct Node {
    /// The process.
    pub server: Server,
    /// How it was started.
    pub setup: Setup,
    /// Its directory.
    pub data: tempfile::TempDir,
}

impl Node {
    /// Starts one.
    pub fn start() -> Self {
        Self::with(|setup| setup)
    }

    /// Starts one with another configuration.
    pub fn with(change: impl FnOnce(Setup) -> Setup) -> Self {
        let data = tempfile::tempdir().expect("a temporary directory");
        let setup = change(Setup::new(data.path()));
        Self { server: setup.start(), setup, data }
    }

    /// Kills the process and starts another on the same data.
    pub fn restart(self) -> Self {
        let Self { server, setup, data } = self;
        server.kill();
        Self { server: setup.start(), setup, data }
    }

    /// A client that has joined.
    pub async fn join(&self, project: &str, encoding: Encoding) -> Client {
        let id = format!("test-{:016x}", rand::random::<u64>());
        self.join_as(project, &id, encoding).await
    }

    /// A client of this id that has joined.
    pub async fn join_as(&self, project: &str, id: &str, encoding: Encoding) -> Client {
        let mut client = Client::new(&self.server.url, project, id, encoding, Keep::Whole);
        client.connect().await.expect("the server is there");
        synced(&mut client).await;
        client
    }

    /// A raw socket without a hello.
    pub async fn raw(&self, project: &str, encoding: Encoding) -> Raw {
        let address = client::address(&self.server.url, project);
        let socket = client::open(&address, encoding).await.expect("the upgrade is made");
        Raw::new(socket, encoding)
    }

    /// A raw socket after a good hello and its first sync.
    pub async fn raw_joined(&self, project: &str, encoding: Encoding) -> Raw {
        let id = format!("raw-{:016x}", rand::random::<u64>());
        self.raw_hello(project, &id, None, encoding).await.0
    }

    /// A raw socket after a hello with a position, and its welcome.
    pub async fn raw_hello(
        &self,
        project: &str,
        id: &str,
        at: Option<&Position>,
        encoding: Encoding,
    ) -> (Raw, Message) {
        let mut raw = self.raw(project, encoding).await;
        raw.send(say::hello(id, at, 0)).await;
        let welcome = raw.next().await.expect("a welcome");
        assert!(matches!(welcome, Message::Welcome(_)), "{welcome:?}");
        (raw, welcome)
    }
}

/// Waits until a client is synced.
pub async fn synced(client: &mut Client) {
    let joined = client.until("the first sync", PATIENCE, Core::is_synced).await;
    joined.expect("the server syncs");
}

/// Sends ops and waits for the answer: the code of a refusal, if it is one.
pub async fn send(client: &mut Client, ops: &str) -> Option<String> {
    send_raw(client, say::from_json(ops)).await
}

/// The same with ops as MessagePack.
pub async fn send_raw(client: &mut Client, ops: Bytes) -> Option<String> {
    let cid = client.submit(ops);
    let answered = |core: &Core| core.open_batches().1 == 0;
    client.until("an answer", PATIENCE, answered).await.expect("an answer");
    client.core.history.rejected.get(&cid).map(ToString::to_string)
}

/// Waits until two clients are at the same position, and compares them.
pub async fn agree(one: &mut Client, other: &mut Client) {
    let seq = |c: &Client| c.core.position().map_or(0, |p| p.seq);
    loop {
        let head = seq(one).max(seq(other));
        for client in [&mut *one, &mut *other] {
            let there = |core: &Core| core.is_synced() && core.position().is_some_and(|p| p.seq >= head);
            client.until("the other's commits", PATIENCE, there).await.expect("they come");
        }
        // Several commits may have come in one message.
        if seq(one) == seq(other) {
            break;
        }
    }
    assert_eq!(one.core.replica().difference(other.core.replica()), None);
}

/// Two clients that notice when anybody disturbs their project.
pub struct Bystanders(Client, Client);

impl Bystanders {
    /// Joins a project, one in each encoding.
    pub async fn join(node: &Node, project: &str) -> Self {
        Self(node.join(project, Encoding::MessagePack).await, node.join(project, Encoding::Json).await)
    }

    /// Asserts that each is still in its first session, gets acks, and sees the other's commits.
    pub async fn are_undisturbed(&mut self) {
        let id = format!("by-{:08x}", rand::random::<u32>());
        let create = format!(r#"[{{"op":"create","id":"{id}","props":{{"n":1}}}}]"#);
        assert_eq!(send(&mut self.0, &create).await, None);
        let update = format!(r#"[{{"op":"update","id":"{id}","set":{{"n":2}}}}]"#);
        agree(&mut self.0, &mut self.1).await;
        assert_eq!(send(&mut self.1, &update).await, None);
        agree(&mut self.0, &mut self.1).await;
        assert_eq!((self.0.core.history.welcomes, self.1.core.history.welcomes), (1, 1));
    }

    /// Asserts that both come to the same state, however often they had to be brought back.
    pub async fn have_caught_up(&mut self) {
        agree(&mut self.0, &mut self.1).await;
    }
}

/// A socket on which a test says what it likes.
pub struct Raw {
    /// The socket.
    pub socket: Socket,
    encoding: Encoding,
    names: Names,
}

impl Raw {
    /// A socket that has just been opened.
    pub fn new(socket: Socket, encoding: Encoding) -> Self {
        Self { socket, encoding, names: Names::default() }
    }

    /// Sends a message of the protocol, MessagePack, in the socket's encoding.
    pub async fn send(&mut self, packed: Vec<u8>) {
        let frame = say::frame(packed, self.encoding);
        match self.encoding {
            Encoding::MessagePack => self.send_frame(Frame::Binary(frame)).await,
            Encoding::Json => {
                let text = String::from_utf8(frame.into()).expect("JSON is UTF-8");
                self.send_frame(Frame::text(text)).await;
            }
        }
    }

    /// Sends a message that is written as JSON, in the socket's encoding.
    pub async fn send_json(&mut self, json: &str) {
        self.send(say::from_json(json).into()).await;
    }

    /// Sends any frame.
    pub async fn send_frame(&mut self, frame: Frame) {
        // The server may have closed already; what it said before is still to be read.
        let _ = self.socket.send(frame).await;
    }

    /// The next message, besides those that only give numbers; an error when the socket is closed, or nothing comes.
    pub async fn next(&mut self) -> Result<Message, Ended> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.socket.next()).await;
            let mut read = |frame: &[u8]| self.names.read(frame, self.encoding).expect("readable");
            return match frame.map_err(|_| Ended::TimedOut("a message", PATIENCE))? {
                Some(Ok(Frame::Binary(frame))) => match read(&frame) {
                    Message::Names => continue,
                    message => Ok(message),
                },
                Some(Ok(Frame::Text(text))) => Ok(read(text.as_bytes())),
                Some(Ok(Frame::Close(close))) => {
                    let (code, text) = close.map_or((1005, String::new()), |c| (c.code.into(), c.reason.to_string()));
                    Err(Ended::Closed(code, text))
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => Err(Ended::Broken(error.to_string())),
                None => Err(Ended::Broken("the end".to_owned())),
            };
        }
    }

    /// Listens until a message fits, and returns what it makes of it.
    pub async fn until<T>(&mut self, mut pick: impl FnMut(Message) -> Option<T>) -> T {
        loop {
            let message = self.next().await.expect("the session goes on");
            if let Some(picked) = pick(message) {
                return picked;
            }
        }
    }

    /// Listens until the socket is closed; asserts the code, and that an `error` with a sentence came before it.
    pub async fn is_closed(&mut self, wanted: u16) {
        let mut sentence = String::new();
        let listening = async {
            loop {
                match self.next().await {
                    Ok(Message::Error(_, text)) => sentence = text,
                    Ok(_) => {}
                    Err(ended) => break ended,
                }
            }
        };
        let ended = within(PATIENCE, listening).await;
        let Ended::Closed(code, text) = ended else { panic!("{ended}") };
        assert_eq!(code, wanted, "{text}");
        assert!(text.len() > 10 || sentence.len() > 10, "no sentence: {text:?} {sentence:?}");
    }
}

/// A bounded wait for anything.
pub async fn within<T>(time: Duration, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(time, what).await.expect("in time")
}
