//! A cursor over raw MessagePack: the reading twin of `pack`.

use super::limits::FRAME_DEPTH;
use super::scan::{self, Head, Malformed};

/// Reads one value after the other from a slice.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn head(&mut self, wanted: &'static str, pick: impl Fn(Head) -> Option<usize>) -> Result<usize, Malformed> {
        let (head, length) = scan::head(self.rest)?;
        let picked = pick(head).ok_or(Malformed::Expected(wanted))?;
        self.rest = self.rest.get(length..).ok_or(Malformed::Truncated)?;
        Ok(picked)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Enters a list; returns the number of its members.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    pub fn array(&mut self) -> Result<usize, Malformed> {
        self.head("a list", |h| if let Head::Array(n) = h { Some(n) } else { None })
    }

    /// Enters a map; returns the number of its pairs.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    pub fn map(&mut self) -> Result<usize, Malformed> {
        self.head("a map", |h| if let Head::Map(n) = h { Some(n) } else { None })
    }

    /// Reads text.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else or not UTF-8.
    pub fn str(&mut self) -> Result<&'a str, Malformed> {
        let length = self.head("text", |h| if let Head::Str(n) = h { Some(n) } else { None })?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Malformed::Expected("UTF-8 text"))
    }

    /// Reads bytes.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    pub fn bin(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.head("bytes", |h| if let Head::Bin(n) = h { Some(n) } else { None })?;
        self.take(length)
    }

    /// Reads exactly eight bytes written as bin: an author or a commit id at rest.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    pub fn bin8(&mut self) -> Result<[u8; 8], Malformed> {
        self.bin()?.try_into().map_err(|_| Malformed::Expected("8 bytes"))
    }

    /// Reads an integer from zero up.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    pub fn uint(&mut self) -> Result<u64, Malformed> {
        match scan::head(self.rest)? {
            (Head::Unsigned(n), length) => {
                self.take(length)?;
                Ok(n)
            }
            _ => Err(Malformed::Expected("an integer from zero up")),
        }
    }

    /// Reads true or false.
    ///
    /// # Errors
    /// [`Malformed`] when it is something else.
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        match scan::head(self.rest)? {
            (Head::Bool(b), length) => {
                self.take(length)?;
                Ok(b)
            }
            _ => Err(Malformed::Expected("true or false")),
        }
    }

    /// Passes a nil, if there is one here.
    pub fn nil(&mut self) -> bool {
        let nil = super::value::is_nil(self.rest.get(..1).unwrap_or_default());
        if nil {
            self.rest = &self.rest[1..];
        }
        nil
    }

    /// Takes one whole value, whatever it is, as its bytes. The number of its parts is not limited: what a client sends is counted at the
    /// door, and what the server makes of many clients' frames may have more.
    ///
    /// # Errors
    /// [`Malformed`] when it is not sound.
    pub fn raw(&mut self) -> Result<&'a [u8], Malformed> {
        let length = scan::skip(self.rest, FRAME_DEPTH, self.rest.len())?;
        self.take(length)
    }

    /// Number of bytes that have not been read.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
