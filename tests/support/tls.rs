//! A certificate authority of a test's own, and a certificate of 127.0.0.1 from it.

use super::process::missing;
use std::path::Path;
use std::process::Command;

/// What is said of the server's certificate.
const EXTENSIONS: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost\nbasicConstraints=critical,CA:FALSE\n";

/// The files, as long as they are needed.
#[derive(Debug)]
pub struct Certs(tempfile::TempDir);

impl Certs {
    /// Makes them.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("extensions"), EXTENSIONS).expect("it can be written");
        let run = |args: &str| openssl(directory.path(), args);
        run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 \
             -subj /CN=tests -addext keyUsage=critical,keyCertSign");
        run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr \
             -subj /CN=localhost");
        run("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem \
             -extfile extensions");
        Self(directory)
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The certificate that clients must trust.
    pub fn ca(&self) -> String {
        self.file("ca.pem")
    }

    /// The server's certificate.
    pub fn certificate(&self) -> String {
        self.file("server.pem")
    }

    /// The server's key.
    pub fn key(&self) -> String {
        self.file("server.key")
    }
}

fn openssl(directory: &Path, args: &str) {
    let made = Command::new("openssl").args(args.split_whitespace()).current_dir(directory).output();
    let made = made.unwrap_or_else(|error| panic!("{}", missing("openssl", &error)));
    assert!(made.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&made.stderr));
}
