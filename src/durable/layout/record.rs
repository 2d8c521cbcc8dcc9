//! A project's record at rest.
//!
//! Owns that a damaged one, or one that stands where another should, is never taken for what was stored: somebody's rights hang on it. Never
//! looks into its bytes. Called by the backends.

use super::{Unsound, expect_end, expect_parts, seal, unseal};
use crate::durable::{DurableError, Record};
use crate::ids::ProjectId;
use crate::protocol::pack;
use crate::protocol::unpack::Reader;
use bytes::Bytes;

/// How errors name it.
pub const NAME: &str = "record";

/// Encodes the record that is to be stored as `version`.
#[must_use]
pub fn encode(version: u64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + body.len());
    pack::array(&mut out, 2);
    pack::uint(&mut out, version);
    pack::bin(&mut out, body);
    seal(&out)
}

/// Decodes a project's record, which is stored as `version`.
///
/// # Errors
/// [`DurableError::Corrupt`] when anything about it is wrong, also when it says that it has another version;
/// [`DurableError::NewerFormat`].
pub fn decode(project: &ProjectId, version: u64, stored: &[u8]) -> Result<Record, DurableError> {
    read(version, stored).map_err(|e| e.of(project, NAME.to_owned()))
}

fn read(version: u64, stored: &[u8]) -> Result<Record, Unsound> {
    let unsealed = unseal(stored)?;
    let mut reader = Reader::new(&unsealed);
    expect_parts(reader.array()?, 2)?;
    let record = Record { version: reader.uint()?, body: Bytes::copy_from_slice(reader.bin()?) };
    expect_end(&reader)?;
    if record.version != version {
        return Err(Unsound::Wrong(format!("it says that it has version {}", record.version)));
    }
    Ok(record)
}
