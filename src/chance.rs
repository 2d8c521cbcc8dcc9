//! Randomness, taken here and nowhere else where it decides what the program does; a simulated world hands out its own.

/// A source of randomness: the thread's, or in a simulated world the one that its seed determines.
#[cfg(not(test))]
#[must_use]
pub fn rng() -> rand::rngs::ThreadRng {
    rand::rng()
}

#[cfg(test)]
pub use simulated::{Dice, rng, seed};

#[cfg(test)]
mod simulated {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng as _, TryRng};
    use std::cell::RefCell;
    use std::convert::Infallible;

    thread_local! {
        static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
    }

    /// The thread's source, seeded or not.
    #[derive(Debug, Clone, Copy)]
    pub struct Dice;

    /// The thread's source.
    #[must_use]
    pub fn rng() -> Dice {
        Dice
    }

    /// From now on, this thread's randomness is that of a seed; `None` makes it random again.
    pub fn seed(seed: Option<u64>) {
        SEEDED.set(seed.map(StdRng::seed_from_u64));
    }

    fn with<T>(draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
        SEEDED.with_borrow_mut(|rng| match rng {
            Some(rng) => draw(rng),
            None => draw(&mut rand::rng()),
        })
    }

    impl TryRng for Dice {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(with(|rng| rng.next_u32()))
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(with(|rng| rng.next_u64()))
        }

        fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
            with(|rng| rng.fill_bytes(to));
            Ok(())
        }
    }
}
