//! The keys and values of a message, by name.

use crate::unreadable::Unreadable;
use collabcanvas::protocol::scan::Malformed;
use collabcanvas::protocol::unpack::Reader;
use smol_str::SmolStr;

/// The pairs of a map.
pub(crate) struct Map<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Map<'a> {
    pub(crate) fn read(raw: &'a [u8]) -> Result<Self, Unreadable> {
        let mut reader = Reader::new(raw);
        let pairs = reader.map()?;
        let pairs = (0..pairs).map(|_| Ok((reader.str()?, reader.raw()?)));
        Ok(Self(pairs.collect::<Result<_, Malformed>>()?))
    }

    pub(crate) fn find(&self, key: &str) -> Option<Reader<'a>> {
        let found = self.0.iter().find(|(k, _)| *k == key);
        found.map(|(_, raw)| Reader::new(raw))
    }

    pub(crate) fn get(&self, key: &str) -> Result<Reader<'a>, Unreadable> {
        self.find(key).ok_or_else(|| Unreadable::new(format!("the key {key:?} is missing")))
    }

    pub(crate) fn uint(&self, key: &str) -> Result<u64, Unreadable> {
        Ok(self.get(key)?.uint()?)
    }

    pub(crate) fn text(&self, key: &str) -> Result<SmolStr, Unreadable> {
        Ok(self.get(key)?.str()?.into())
    }
}
