//! The key of a node for development: made when no other is configured, so that tokens can be tried on a laptop.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngExt as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Its file in the data directory.
const FILE: &str = "development.key";

/// A secret that anybody may know who can reach this node anyway: it listens on the loopback alone.
#[derive(Clone, PartialEq, Eq)]
pub struct DevelopmentKey(String);

/// Why the file of the key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the development key {path} cannot be used: {error}; remove it, or set COLLAB_AUTH_KEYS", path = path.display())]
pub struct KeyFileError {
    path: PathBuf,
    error: std::io::Error,
}

impl std::fmt::Debug for DevelopmentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl DevelopmentKey {
    /// One for this process alone.
    #[must_use]
    pub fn random() -> Self {
        Self(URL_SAFE_NO_PAD.encode(rand::rng().random::<[u8; 32]>()))
    }

    /// The one in the directory; makes it, for its owner's eyes alone, when there is none.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn in_directory(directory: &Path) -> Result<Self, KeyFileError> {
        let path = directory.join(FILE);
        Self::read_or_make(directory, &path).map_err(|error| KeyFileError { path, error })
    }

    fn read_or_make(directory: &Path, path: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(mut file) => {
                let key = Self::random();
                file.write_all(key.0.as_bytes())?;
                Ok(key)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let text = std::fs::read_to_string(path)?;
                let key = text.trim();
                if key.len() < super::keys::SECRET_BYTES {
                    return Err(std::io::Error::other("it is too short"));
                }
                Ok(Self(key.to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stays_the_same_and_is_its_owners() {
        let directory = tempfile::tempdir().expect("a directory");
        let key = DevelopmentKey::in_directory(directory.path()).expect("made");
        assert_eq!(DevelopmentKey::in_directory(directory.path()).expect("read"), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(directory.path().join(FILE)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(directory.path().join(FILE), "short").expect("written");
        let error = DevelopmentKey::in_directory(directory.path()).expect_err("refused").to_string();
        assert!(error.contains("too short") && error.contains("COLLAB_AUTH_KEYS"), "{error}");
    }
}
