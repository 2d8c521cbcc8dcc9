//! Leases: who alone may change an object for a while. Pure.
//!
//! A lease is a property of its object, so that it travels, survives and is ordered as every other value: whoever takes it first has it, on whatever node.
//! Only lease and release ops touch the property. Its token is higher than that of every lease of the object before it.

use super::canvas::Object;
use crate::ids::{Author, Seq};
use crate::protocol::op::{LEASE, Op};
use crate::protocol::pack;
use crate::protocol::props::Props;
use crate::protocol::refusal::{Code, Refusal};
use crate::protocol::unpack::Reader;

/// Who has a batch applied, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Maker {
    /// The client; `None` for the server, which no lease stops.
    pub author: Option<Author>,
    /// The wall clock, in ms since 1970: what tells whether a lease is over.
    pub now_ms: u64,
}

/// One object's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Who has it.
    pub by: Author,
    /// Tells it from every other lease of the object, and grows.
    pub token: Seq,
    /// When it is over unless it is renewed, in ms since 1970.
    pub until_ms: u64,
}

impl Lease {
    /// The lease that stands in an object's props, over or not.
    #[must_use]
    pub fn of(props: &Props) -> Option<Self> {
        let mut reader = Reader::new(props.get(LEASE)?);
        if reader.array().ok()? != 3 {
            return None;
        }
        let by = Author::parse(reader.str().ok()?)?;
        Some(Self { by, token: reader.uint().ok()?, until_ms: reader.uint().ok()? })
    }

    /// The property, as props of one.
    #[must_use]
    pub fn to_props(&self) -> Props {
        let mut raw = Vec::with_capacity(32);
        pack::array(&mut raw, 3);
        pack::str(&mut raw, &self.by.text());
        pack::uint(&mut raw, self.token);
        pack::uint(&mut raw, self.until_ms);
        Props::from_pairs(&[(LEASE, &raw)])
    }

    /// The lease that a lease op at `seq` leads to: renewed under its token if its maker has it already.
    #[must_use]
    pub fn taken(object: &Object, maker: Maker, seq: Seq, ttl_ms: u32) -> Option<Self> {
        let by = maker.author?;
        let token = live(object, maker.now_ms).map_or(seq, |held| held.token);
        Some(Self { by, token, until_ms: maker.now_ms.saturating_add(ttl_ms.into()) })
    }
}

/// An object's lease that is not over.
fn live(object: &Object, now_ms: u64) -> Option<Lease> {
    Lease::of(&object.props).filter(|lease| lease.until_ms > now_ms)
}

/// Whether the maker may change the object by this op.
pub(super) fn check(object: &Object, op: &Op, maker: Maker) -> Result<(), Refusal> {
    if let Some(held) = live(object, maker.now_ms)
        && maker.author.is_some_and(|author| author != held.by)
    {
        let left = held.until_ms.saturating_sub(maker.now_ms);
        let message = format!("the object is leased to another for {left} ms, unless that is renewed; try again later");
        return Err(Refusal { by: Some(held.by), ..Refusal::new(Code::Leased, message) });
    }
    let Some(token) = op.token else { return Ok(()) };
    let found = match maker.author {
        Some(_) => live(object, maker.now_ms),
        None => Lease::of(&object.props),
    };
    if found.is_none_or(|lease| lease.token != token) {
        return Err(Refusal::new(Code::Precondition, format!("token: the lease with the token {token} is over")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Author = Author([1; 8]);

    #[test]
    fn a_lease_reads_back() {
        let lease = Lease { by: ANN, token: 7, until_ms: 1_780_000_000_000 };
        assert_eq!(Lease::of(&lease.to_props()), Some(lease));
        assert_eq!(Lease::of(&Props::empty()), None);
        for raw in [&[0xc0][..], &[0x93, 1, 2, 3], &[0x90]] {
            assert_eq!(Lease::of(&Props::from_pairs(&[(LEASE, raw)])), None, "{raw:?}");
        }
    }
}
