//! What a commit did: resulting values, never preconditions or increments.
//!
//! The same bytes go to every client, into the log and into the durable store; they are encoded once, by [`Changes::encode`].

use super::limits::FRAME_DEPTH;
use super::pack;
use super::props::{InvalidProps, Props, check_name};
use super::scan::Malformed;
use super::unpack::Reader;
use crate::ids::ObjectId;
use bytes::Bytes;
use smol_str::SmolStr;

/// The change of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The object is now this.
    Put {
        /// Which object.
        id: ObjectId,
        /// All its properties.
        props: Props,
    },
    /// Some properties of an existing object are now these.
    Set {
        /// Which object.
        id: ObjectId,
        /// Properties that have new values.
        set: Props,
        /// Names that are gone.
        unset: Vec<SmolStr>,
    },
    /// The object is gone.
    Delete {
        /// Which object.
        id: ObjectId,
    },
}

impl Change {
    /// The object that changed.
    #[must_use]
    pub fn id(&self) -> &ObjectId {
        match self {
            Self::Put { id, .. } | Self::Set { id, .. } | Self::Delete { id } => id,
        }
    }
}

/// The changes of one commit, encoded as a MessagePack list of `PROTOCOL.md` §4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes(Bytes);

/// Why stored or received bytes are not a list of changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChanges {
    /// Not sound MessagePack or not of the shape of a change.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A change's properties are not valid.
    #[error(transparent)]
    Props(#[from] InvalidProps),
    /// A change's object id is not valid.
    #[error(transparent)]
    Id(#[from] crate::ids::InvalidId),
    /// A change of a kind that this build does not know.
    #[error("unknown kind of change {0:?}")]
    Unknown(String),
}

impl Changes {
    /// No changes: a refused batch or a seal.
    #[must_use]
    pub fn none() -> Self {
        Self(Bytes::from_static(&[0x90]))
    }

    /// Encodes changes.
    #[must_use]
    pub fn encode(changes: &[Change]) -> Self {
        let mut out = Vec::with_capacity(64 * changes.len() + 3);
        pack::array(&mut out, changes.len());
        for change in changes {
            encode_one(&mut out, change);
        }
        Self(out.into())
    }

    /// Takes bytes from the log or the wire and checks every change.
    ///
    /// # Errors
    /// [`InvalidChanges`] when they are not what [`Changes::encode`] writes.
    pub fn parse(raw: &[u8]) -> Result<Self, InvalidChanges> {
        // One after the other: a list of the smallest changes is many times as large as their bytes.
        each(raw, drop)?;
        Ok(Self(Bytes::copy_from_slice(raw)))
    }

    /// The MessagePack list.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The changes, decoded.
    ///
    /// # Errors
    /// [`InvalidChanges`]; never for a value made by [`Changes::encode`] or [`Changes::parse`].
    pub fn decode(&self) -> Result<Vec<Change>, InvalidChanges> {
        let mut changes = Vec::new();
        each(&self.0, |change| changes.push(change))?;
        Ok(changes)
    }

    /// The id of each changed object, as often as it is changed, without a look at the rest.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let mut reader = Reader::new(&self.0);
        let count = reader.array().unwrap_or(0);
        (0..count).map_while(move |_| {
            let parts = reader.array().ok()?;
            reader.str().ok()?;
            let id = reader.str().ok()?;
            (2..parts).try_for_each(|_| reader.raw().map(drop)).ok()?;
            Some(id)
        })
    }
}

fn encode_one(out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Put { id, props } => {
            pack::array(out, 3);
            pack::str(out, "put");
            pack::str(out, id.as_str());
            out.extend_from_slice(props.as_bytes());
        }
        Change::Set { id, set, unset } => {
            pack::array(out, if unset.is_empty() { 3 } else { 4 });
            pack::str(out, "set");
            pack::str(out, id.as_str());
            out.extend_from_slice(set.as_bytes());
            if !unset.is_empty() {
                pack::array(out, unset.len());
                unset.iter().for_each(|name| pack::str(out, name));
            }
        }
        Change::Delete { id } => {
            pack::array(out, 2);
            pack::str(out, "del");
            pack::str(out, id.as_str());
        }
    }
}

/// Reads the changes of a list, one after the other.
fn each(raw: &[u8], mut take: impl FnMut(Change)) -> Result<(), InvalidChanges> {
    let mut reader = Reader::new(raw);
    for _ in 0..reader.array()? {
        take(decode_one(&mut reader)?);
    }
    if reader.is_empty() { Ok(()) } else { Err(Malformed::Trailing.into()) }
}

fn decode_one(reader: &mut Reader<'_>) -> Result<Change, InvalidChanges> {
    let parts = reader.array()?;
    let kind = reader.str()?;
    let id = ObjectId::parse(reader.str()?)?;
    match (kind, parts) {
        ("put", 3) => Ok(Change::Put { id, props: Props::parse(reader.raw()?, FRAME_DEPTH - 1)? }),
        ("set", 3 | 4) => {
            let set = Props::parse(reader.raw()?, FRAME_DEPTH - 1)?;
            let unset = if parts == 4 { names(reader)? } else { Vec::new() };
            Ok(Change::Set { id, set, unset })
        }
        ("del", 2) => Ok(Change::Delete { id }),
        _ => Err(InvalidChanges::Unknown(kind.chars().take(32).collect())),
    }
}

fn names(reader: &mut Reader<'_>) -> Result<Vec<SmolStr>, InvalidChanges> {
    let count = reader.array()?;
    // Each takes two bytes at least, whatever the list says.
    let mut names = Vec::with_capacity(count.min(reader.left() / 2));
    for _ in 0..count {
        let name = reader.str()?;
        check_name(name)?;
        names.push(SmolStr::new(name));
    }
    Ok(names)
}
