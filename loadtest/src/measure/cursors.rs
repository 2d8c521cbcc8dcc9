//! The cursors that a client has heard of. A server may make one of several, and may repeat one, but the newest must come. Pure.

/// The newest cursor of each other client of the room, by its place in the room: when it was due.
#[derive(Debug, Default)]
pub struct Cursors(Vec<Option<f64>>);

impl Cursors {
    /// Takes one; false when it is not newer than the last from there.
    pub fn hear(&mut self, from: usize, due: f64) -> bool {
        if self.0.len() <= from {
            self.0.resize(from + 1, None);
        }
        let is_new = self.0[from].is_none_or(|last| last < due);
        if is_new {
            self.0[from] = Some(due);
        }
        is_new
    }

    /// Whether this one has come, or a newer one.
    #[must_use]
    pub fn has(&self, from: usize, due: f64) -> bool {
        self.0.get(from).copied().flatten().is_some_and(|last| last >= due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_is_not_new_and_the_newest_is_known() {
        let mut cursors = Cursors::default();
        assert!(!cursors.has(3, 1.0), "nothing has come");
        assert!(cursors.hear(3, 5.0) && !cursors.hear(3, 5.0) && !cursors.hear(3, 4.0) && cursors.hear(3, 6.0));
        assert!(cursors.has(3, 6.0) && cursors.has(3, 5.5) && !cursors.has(3, 7.0));
        assert!(cursors.hear(0, 1.0) && !cursors.has(1, 0.0), "each sender by itself");
    }
}
