//! A connection of this process to itself.

use std::io;
use std::net::Ipv4Addr;
use tokio::net::{TcpSocket, TcpStream};

/// Bytes that the system keeps for each direction at either end. What a browser does not read is to wait in its sessions' outboxes, which know what to
/// do about it: left to itself the system would keep ten times as much.
const BUFFER: u32 = 256 << 10;

/// Both ends of a new connection.
///
/// # Errors
/// When the system has none: too many files are open, or all ports are in use.
pub(super) async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listening = socket()?;
    listening.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = listening.listen(1)?;
    let ours = socket()?.connect(listener.local_addr()?).await?;
    let own = ours.local_addr()?;
    // Any other program of this machine could connect, too: it must not get a session that nobody has asked the origin of.
    let theirs = loop {
        let (stream, peer) = listener.accept().await?;
        if peer == own {
            break stream;
        }
    };
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    Ok((ours, theirs))
}

fn socket() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.set_recv_buffer_size(BUFFER)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_ends_are_each_others() {
        let (one, other) = pair().await.expect("there are ports");
        assert_eq!(one.local_addr().ok(), other.peer_addr().ok());
        assert_eq!(one.peer_addr().ok(), other.local_addr().ok());
        assert!(one.nodelay().expect("a socket") && other.nodelay().expect("a socket"));
    }
}
