//! A WebSocket of the generator: a plain TCP stream whose frames are read in place, out of one buffer that all share.
//!
//! It takes what these measurements need of the WebSocket and no more: whole binary messages, ping and pong, close.

use super::frame::{self, Kind, Written};
use rand::RngExt as _;
use std::cell::{Cell, RefCell};
use std::io;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Bytes that one look takes at most: what many frames under load have, and a megabyte of snapshot in a few looks.
const LOOK: usize = 256 << 10;
/// Most bytes of the answer to the upgrade.
const ANSWER: usize = 8 << 10;

thread_local! {
    /// What a look has read: frames that are complete need no buffer of their connection's own.
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; LOOK]);
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
    /// What the socket did not take yet.
    out: RefCell<Vec<u8>>,
    /// There is something in `out`.
    more: Notify,
    /// What came together with the answer to the upgrade.
    early: RefCell<Vec<u8>>,
    /// The start of a frame whose end has not come.
    part: RefCell<Vec<u8>>,
    /// Bytes of all frames that came, headers included.
    received: Cell<u64>,
    mask: Cell<u32>,
}

fn other(why: impl Into<String>) -> io::Error {
    io::Error::other(why.into())
}

impl Conn {
    /// Connects and upgrades. `url` is like `ws://127.0.0.1:8080`, `path` begins with a slash.
    ///
    /// # Errors
    /// When there is no connection, or the answer is another one.
    pub async fn open(url: &str, path: &str, protocol: &str) -> io::Result<Self> {
        let host = url.strip_prefix("ws://").ok_or_else(|| other(format!("{url} is no ws:// address")))?;
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        // The key protects from caches that mistake one protocol for the other, of which there are none here.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
            if protocol.is_empty() { String::new() } else { format!("Sec-WebSocket-Protocol: {protocol}\r\n") }
        );
        let conn = Self {
            stream,
            out: RefCell::default(),
            more: Notify::new(),
            early: RefCell::default(),
            part: RefCell::default(),
            received: Cell::new(0),
            mask: Cell::new(rand::rng().random()),
        };
        conn.out.borrow_mut().extend_from_slice(request.as_bytes());
        conn.flush()?;
        conn.upgraded().await?;
        Ok(conn)
    }

    async fn upgraded(&self) -> io::Result<()> {
        let mut answer = Vec::new();
        loop {
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut answer) {
                Ok(0) => return Err(other("closed during the upgrade")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            if let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") {
                if !answer.starts_with(b"HTTP/1.1 101 ") {
                    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
                    return Err(other(format!("the upgrade was answered {}", String::from_utf8_lossy(line))));
                }
                *self.early.borrow_mut() = answer.split_off(end + 4);
                return Ok(());
            }
            if answer.len() > ANSWER {
                return Err(other("an endless answer to the upgrade"));
            }
        }
    }

    /// Bytes of all frames that came, headers included.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    /// Writes a message as soon as [`Conn::flush`] is called.
    pub fn queue(&self, kind: Written, payload: &[u8]) {
        // Not random, but no two masks in a row are the same.
        self.mask.set(self.mask.get().wrapping_mul(0x9e37_79b1).wrapping_add(1));
        frame::write(&mut self.out.borrow_mut(), kind, self.mask.get().to_be_bytes(), payload);
    }

    /// Sends what is queued, as much as the socket takes; the rest goes while [`Conn::look`] is awaited.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush(&self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        while !out.is_empty() {
            match self.stream.try_write(&out) {
                Ok(written) => drop(out.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.more.notify_one();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for something to come and hands each frame out; pings are answered. False when the other side has closed.
    ///
    /// # Errors
    /// When the connection is broken, or what came is no frame, or `each` fails.
    pub async fn look(&self, mut each: impl FnMut(Kind, &[u8]) -> io::Result<()>) -> io::Result<bool> {
        let early = self.early.take();
        if !early.is_empty() {
            return self.take(&early, &mut each).map(|()| true);
        }
        loop {
            let waiting = !self.out.borrow().is_empty();
            let interest = if waiting { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            let ready = tokio::select! {
                ready = self.stream.ready(interest) => ready?,
                () = self.more.notified() => continue,
            };
            if ready.is_writable() {
                self.flush()?;
            }
            if !ready.is_readable() {
                continue;
            }
            let read = SHARED.with_borrow_mut(|shared| match self.stream.try_read(shared) {
                Ok(0) => Ok(Some(false)),
                Ok(count) => self.take(&shared[..count], &mut each).map(|()| Some(true)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(error),
            });
            if let Some(open) = read? {
                return Ok(open);
            }
        }
    }

    fn take(&self, bytes: &[u8], each: &mut impl FnMut(Kind, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut part = self.part.borrow_mut();
        if part.is_empty() {
            let used = self.frames(bytes, each)?;
            part.extend_from_slice(&bytes[used..]);
        } else {
            part.extend_from_slice(bytes);
            let used = self.frames(&part, each)?;
            part.drain(..used);
        }
        if part.is_empty() && part.capacity() > 0 {
            // Ten thousand connections are idle most of the time.
            *part = Vec::new();
        }
        Ok(())
    }

    /// Hands out the frames that are complete; returns their bytes.
    fn frames(&self, bytes: &[u8], each: &mut impl FnMut(Kind, &[u8]) -> io::Result<()>) -> io::Result<usize> {
        let mut used = 0;
        while let Some(frame) = frame::first(&bytes[used..]).map_err(|e| other(e.to_string()))? {
            used += frame.length;
            self.received.set(self.received.get() + frame.length as u64);
            match frame.kind {
                Kind::Ping => {
                    self.queue(Written::Pong, frame.payload);
                    self.flush()?;
                }
                Kind::Continuation => return Err(other("a message in parts, which these clients do not read")),
                _ if !frame.last => return Err(other("a message in parts, which these clients do not read")),
                kind => each(kind, frame.payload)?,
            }
        }
        Ok(used)
    }
}
