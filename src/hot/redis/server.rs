//! A redis-server of the test's own, which ends with it.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server on a free port. It is stopped when this is dropped, and also when the test's process dies in any way: then its standard input ends.
pub(crate) struct Server {
    shell: Child,
    port: u16,
    _directory: tempfile::TempDir,
}

impl Server {
    /// Starts one, with more arguments if need be.
    pub(crate) fn start(more: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let line = format!(
            "redis-server --port {port} --bind 127.0.0.1 --save '' --appendonly no {more} >/dev/null & read _; kill -9 $!"
        );
        let shell = Command::new("sh")
            .args(["-c", &line])
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh is there");
        let server = Self { shell, port, _directory: directory };
        let late = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < late, "redis-server does not start: is it installed?");
            std::thread::yield_now();
        }
        server
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
