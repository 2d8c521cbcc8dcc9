//! What saving has cost, as the nodes count it.

use crate::ask;
use std::fmt;

/// Counts of one node, or the sum of several.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cost {
    /// Commits made durable.
    pub commits: f64,
    /// Entries that they were in.
    pub entries: f64,
    /// Objects that entries changed, each once per entry: the writes of a store that keeps one item per object and writes at the same times, a unit each at
    /// least.
    pub objects: f64,
    /// Bytes of entries before compression.
    pub bytes: f64,
    /// Write units, where the store counts such; appends, checkpoints and whatever else it wrote.
    pub units: f64,
    /// Bytes of checkpoints.
    pub checkpoints: f64,
}

impl Cost {
    /// Asks a node, by its admin address.
    ///
    /// # Errors
    /// A sentence, when it does not tell.
    pub async fn scrape(node: &str) -> Result<Self, String> {
        ask::metrics(node).await.map(|text| Self::read(&text))
    }

    /// Reads metrics as Prometheus gets them.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let sum = |name: &str| {
            let values =
                text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse::<f64>().ok());
            values.sum()
        };
        Self {
            commits: sum("collab_saved_commits_total"),
            entries: sum("collab_saved_entries_total"),
            objects: sum("collab_saved_objects_total"),
            bytes: sum("collab_saved_bytes_total"),
            units: sum("collab_durable_write_units_total"),
            checkpoints: sum("collab_checkpoint_bytes_total"),
        }
    }

    /// Adds another node's.
    pub fn add(&mut self, other: &Self) {
        *self = self.with(other, |a, b| a + b);
    }

    /// What has come to it since.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        self.with(before, |a, b| a - b)
    }

    fn with(&self, other: &Self, of: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            commits: of(self.commits, other.commits),
            entries: of(self.entries, other.entries),
            objects: of(self.objects, other.objects),
            bytes: of(self.bytes, other.bytes),
            units: of(self.units, other.units),
            checkpoints: of(self.checkpoints, other.checkpoints),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commits, entries, objects, bytes, units, checkpoints } = self;
        let per_million = 1_000_000.0 / commits.max(1.0);
        write!(
            f,
            "{commits:.0} commits in {entries:.0} entries of {:.0} commits, {:.0} objects and {:.0} bytes; {checkpoints:.0} bytes of checkpoints; \
             per million commits {:.0} entries, {:.0} writes of an item per object",
            commits / entries.max(1.0),
            objects / entries.max(1.0),
            bytes / entries.max(1.0),
            entries * per_million,
            objects * per_million,
        )?;
        if *units > 0.0 {
            write!(f, ", {:.0} write units: {:.3} of that", units * per_million, units / objects.max(1.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_added_and_compared() {
        let text = "# TYPE collab_saved_commits_total counter\ncollab_saved_commits_total 40\ncollab_saved_entries_total 2\n\
                    collab_saved_objects_total 20\ncollab_durable_write_units_total 3.5\ncollab_saved_commits_total_other 7\n";
        let one = Cost::read(text);
        assert_eq!((one.commits, one.entries, one.objects, one.units, one.bytes), (40.0, 2.0, 20.0, 3.5, 0.0));
        let mut both = one.clone();
        both.add(&one);
        assert_eq!(both.since(&one), one);
        let said = one.to_string();
        assert!(said.contains("87500 write units: 0.175 of that"), "{said}");
        assert!(!Cost { units: 0.0, ..one }.to_string().contains("units"), "a store that counts none");
    }
}
