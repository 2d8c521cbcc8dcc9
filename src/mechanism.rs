//! The mechanisms of the recovery protocol, each of which a test can switch off to see what it is for.
//!
//! Outside tests every one is on, and asking costs nothing. Asked at the line that is the mechanism. Called by whoever has such a line.

/// A mechanism. What each is for stands at the line that asks for it, and in the table of `sim`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are the documentation's; one line each would only repeat it")]
pub enum Mechanism {
    Pos,
    Contig,
    Cas,
    Fence,
    Retain,
    Fp,
    Lease,
    Finish,
    Resend,
    Union,
    Buffer,
    Link,
    Behind,
    Direct,
    Rewind,
    Seal,
    Void,
    Dupack,
    Welcome,
    Savedid,
    Savedcid,
    Believe,
    Reptr,
    Close,
    Trimmed,
    Fresh,
    Repeat,
    Ackhole,
    Greet,
}

#[cfg(test)]
impl Mechanism {
    /// All of them, in order.
    pub const ALL: [Self; 29] = [
        Self::Pos,
        Self::Contig,
        Self::Cas,
        Self::Fence,
        Self::Retain,
        Self::Fp,
        Self::Lease,
        Self::Finish,
        Self::Resend,
        Self::Union,
        Self::Buffer,
        Self::Link,
        Self::Behind,
        Self::Direct,
        Self::Rewind,
        Self::Seal,
        Self::Void,
        Self::Dupack,
        Self::Welcome,
        Self::Savedid,
        Self::Savedcid,
        Self::Believe,
        Self::Reptr,
        Self::Close,
        Self::Trimmed,
        Self::Fresh,
        Self::Repeat,
        Self::Ackhole,
        Self::Greet,
    ];
}

/// Whether a mechanism is on.
#[cfg(not(test))]
#[must_use]
#[inline(always)]
pub const fn on(_: Mechanism) -> bool {
    true
}

#[cfg(test)]
pub use simulated::{on, switch_off};

#[cfg(test)]
mod simulated {
    use super::Mechanism;
    use std::cell::Cell;

    thread_local! {
        static OFF: Cell<u64> = const { Cell::new(0) };
    }

    /// Whether a mechanism is on, on this thread.
    #[must_use]
    pub fn on(mechanism: Mechanism) -> bool {
        OFF.get() & (1 << mechanism as u8) == 0
    }

    /// Switches these off on this thread, and all others on.
    pub fn switch_off(mechanisms: &[Mechanism]) {
        OFF.set(mechanisms.iter().fold(0, |off, mechanism| off | 1 << *mechanism as u8));
    }
}
