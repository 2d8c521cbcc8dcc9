//! The yardstick: a relay without any state. It accepts, reads, and passes each message on to all others of the same path; nothing else.
//!
//! What it costs is what a server of this kind cannot avoid. It is meant to be as good as such a relay can be: one thread, no lock, no copy of a
//! message, small buffers, and one write for all that waits for a socket. Never keeps anything; run by `loadtest floor`.

use futures_util::{SinkExt as _, StreamExt as _};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::LocalSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

/// What the only line begins with that it prints; the address follows.
pub const READY: &str = "The floor listens on ";

/// Bytes of a socket's read buffer: the default of 128 KiB is nearly all of an idle connection's memory.
const READ_BUFFER: usize = 4 << 10;

/// Who is on which path.
#[derive(Debug, Default)]
struct Rooms {
    rooms: HashMap<String, Vec<(u64, UnboundedSender<Message>)>>,
}

impl Rooms {
    fn enter(&mut self, path: &str, number: u64, queue: UnboundedSender<Message>) {
        self.rooms.entry(path.to_owned()).or_default().push((number, queue));
    }

    fn pass_on(&self, path: &str, from: u64, message: &Message) {
        for (number, queue) in self.rooms.get(path).into_iter().flatten() {
            if *number != from {
                // Who has just gone misses nothing.
                let _ = queue.send(message.clone());
            }
        }
    }

    fn leave(&mut self, path: &str, number: u64) {
        if let Some(room) = self.rooms.get_mut(path) {
            room.retain(|(other, _)| *other != number);
            if room.is_empty() {
                self.rooms.remove(path);
            }
        }
    }
}

/// Listens until the process ends. `announce` hears where.
///
/// # Errors
/// When the address cannot be taken.
pub async fn run(listen: SocketAddr, announce: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    announce(listener.local_addr()?);
    LocalSet::new().run_until(serve(listener)).await
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    let rooms = Rc::new(RefCell::new(Rooms::default()));
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No file descriptor is free, for example.
            tokio::task::yield_now().await;
            continue;
        };
        number += 1;
        drop(tokio::task::spawn_local(client(stream, rooms.clone(), number)));
    }
}

async fn client(stream: TcpStream, rooms: Rc<RefCell<Rooms>>, number: u64) {
    let Ok((mut socket, path)) = accept(stream).await else { return };
    let (queue, mut waiting) = mpsc::unbounded_channel();
    rooms.borrow_mut().enter(&path, number, queue);
    // However it ended, this client is gone.
    let _ = relay(&mut socket, &mut waiting, |message| rooms.borrow().pass_on(&path, number, message)).await;
    rooms.borrow_mut().leave(&path, number);
}

async fn accept(stream: TcpStream) -> Result<(WebSocketStream<TcpStream>, String), Error> {
    stream.set_nodelay(true)?;
    let mut path = String::new();
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut path);
        Ok(response)
    };
    let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
    let socket = tokio_tungstenite::accept_hdr_async_with_config(stream, look, Some(config)).await?;
    Ok((socket, path))
}

async fn relay(
    socket: &mut WebSocketStream<TcpStream>,
    waiting: &mut UnboundedReceiver<Message>,
    pass_on: impl Fn(&Message),
) -> Result<(), Error> {
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message @ (Message::Binary(_) | Message::Text(_)))) => pass_on(&message),
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
            },
            Some(message) = waiting.recv() => {
                socket.feed(message).await?;
                while let Ok(message) = waiting.try_recv() {
                    socket.feed(message).await?;
                }
                socket.flush().await?;
            }
        }
    }
}
