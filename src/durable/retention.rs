//! Which older checkpoints are kept, and until when entries are.
//!
//! Owns how history becomes coarser with age. Pure: a list and the time in, what may go out. Called by `checkpoint`.
//!
//! - **The last day, every commit.** The newest checkpoint that is a day old is the *base*: it stays, and all entries after it, so that the state after any
//!   commit since can be built. Entries that the base covers go; they have been covered for a day at least.
//! - **The last day, a checkpoint an hour**: of those made in the same hour the newest stays. They only make the way from the base shorter.
//! - **Before that, a checkpoint a day**, for as long as history is kept: of those made on the same day the newest stays.
//! - **The newest stays always**, and so does the base, however old they are: without them the project would be gone.

use super::Pointer;

/// For so long each commit can be gone back to, in ms, and so long after a checkpoint covers it an entry stays at least.
pub const FINE_MS: u64 = DAY;
/// Clocks of nodes differ by less than this, in ms: who made an entry may not be who made the checkpoint.
const SKEW_MS: u64 = 5 * 60 * 1000;
const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

/// Of `versions`, oldest first, those that need not be kept when history is kept for `history_ms`.
#[must_use]
pub fn superfluous(versions: &[Pointer], now_ms: u64, history_ms: u64) -> Vec<&Pointer> {
    let base = base(versions, now_ms);
    let goes = |(at, pair): (usize, &[Pointer])| {
        let (made, next) = (pair[0].at_ms, pair[1].at_ms);
        match base {
            Some(base) if at == base => false,
            Some(base) if at < base => is_older(made, now_ms, history_ms) || made / DAY == next / DAY,
            _ => made / HOUR == next / HOUR,
        }
    };
    // Each is looked at together with the one after it; the newest has none and stays.
    let pairs = versions.windows(2).enumerate();
    pairs.filter(|(at, pair)| goes((*at, *pair))).map(|(at, _)| &versions[at]).collect()
}

/// Entries made before this time may go if the newest checkpoint covers them. `None`: all stay.
#[must_use]
pub fn truncate_before(versions: &[Pointer], now_ms: u64) -> Option<u64> {
    // Its time was taken before the log was read: what was made earlier is in it, by a clock that is not far off.
    base(versions, now_ms).map(|base| versions[base].at_ms.saturating_sub(SKEW_MS))
}

/// Where the newest version is that is a day old.
fn base(versions: &[Pointer], now_ms: u64) -> Option<usize> {
    versions.iter().rposition(|version| is_older(version.at_ms, now_ms, FINE_MS))
}

fn is_older(made: u64, now_ms: u64, than: u64) -> bool {
    made.saturating_add(than) <= now_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CommitId, Seq};
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    const NOW: u64 = 1_000 * DAY + 13 * HOUR + 7;
    const MONTH: u64 = 30 * DAY;

    fn version(seq: Seq, at_ms: u64) -> Pointer {
        Pointer {
            epoch: 1,
            direct: false,
            seq,
            id: CommitId([1; 8]),
            build: seq,
            chunks: 1,
            objects: 0,
            clients: 0,
            recent: seq,
            at_ms,
        }
    }

    /// Versions made so many ms ago, oldest first.
    fn made(ago: &[u64]) -> Vec<Pointer> {
        (1..).zip(ago).map(|(seq, ago)| version(seq, NOW - ago)).collect()
    }

    /// How many ms ago those were made that stay.
    fn kept(ago: &[u64]) -> Vec<u64> {
        let versions = made(ago);
        let goes: Vec<_> = superfluous(&versions, NOW, MONTH).iter().map(|version| version.seq).collect();
        versions.iter().filter(|v| !goes.contains(&v.seq)).map(|v| NOW - v.at_ms).collect()
    }

    #[test]
    fn the_last_day_keeps_the_newest_of_each_hour() {
        // It is seven ms past the hour.
        let ago = [3 * HOUR + 9, 3 * HOUR + 8, 3 * HOUR, 2 * HOUR, 10, 9, 8, 5, 0];
        assert_eq!(kept(&ago), [3 * HOUR + 8, 3 * HOUR, 2 * HOUR, 8, 0]);
    }

    #[test]
    fn before_that_the_newest_of_each_day_stays_until_history_ends() {
        let ago = [40 * DAY, 31 * DAY, 29 * DAY + 2 * HOUR, 29 * DAY + HOUR, 3 * DAY + HOUR, 3 * DAY, 2 * DAY, 5];
        assert_eq!(kept(&ago), [29 * DAY + HOUR, 3 * DAY, 2 * DAY, 5]);
    }

    #[test]
    fn the_newest_and_the_base_stay_however_old_they_are() {
        assert_eq!(kept(&[90 * DAY]), [90 * DAY]);
        assert_eq!(kept(&[91 * DAY, 90 * DAY]), [90 * DAY]);
        assert_eq!(kept(&[91 * DAY, 90 * DAY, 7]), [90 * DAY, 7], "the last day begins with a state");
        assert!(kept(&[]).is_empty());
    }

    #[test]
    fn entries_go_a_day_after_they_are_covered() {
        assert_eq!(truncate_before(&made(&[DAY - 1, 5]), NOW), None);
        assert_eq!(truncate_before(&made(&[3 * DAY, DAY, 5]), NOW), Some(NOW - DAY - SKEW_MS));
        assert_eq!(truncate_before(&[], NOW), None);
    }

    /// A project that is worked on for two months, tidied after every checkpoint.
    #[test]
    fn history_is_whole_at_all_times_and_bounded() {
        for seed in 0..30 {
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut now, mut versions, mut from) = (NOW, Vec::<Pointer>::new(), 0);
            let pause = *[HOUR / 20, HOUR, 20 * HOUR].get(usize::try_from(seed % 3).expect("small")).expect("three");
            let mut entries: Vec<(Seq, u64)> = Vec::new();
            for seq in 1..1_500 {
                now += rng.random_range(1..2 * pause);
                entries.push((seq, now));
                if rng.random_range(0..3) > 0 {
                    continue;
                }
                versions.push(version(seq, now));
                let goes: Vec<_> = superfluous(&versions, now, MONTH).iter().map(|version| version.seq).collect();
                versions.retain(|version| !goes.contains(&version.seq));
                if let Some(before) = truncate_before(&versions, now) {
                    let covered = versions.last().map_or(0, |newest| newest.seq);
                    entries.retain(|(to, at)| *to > covered || *at >= before);
                }
                from = from.max(entries.first().map_or(0, |(seq, _)| *seq));
                let what = format!("seed {seed}, seq {seq}");
                assert_eq!(versions.last().map(|newest| newest.seq), Some(seq), "{what}");
                assert!(versions.len() <= 26 + 32, "{what}: {}", versions.len());
                assert!(versions.iter().rev().skip(2).all(|v| !is_older(v.at_ms, now, MONTH + DAY)), "{what}");
                // Every commit of the last day can be gone back to: there is a state at or before it, and all entries between.
                let first = entries.iter().find(|(_, at)| now - at < FINE_MS).expect("the one just made").0;
                if let Some(base) = versions.iter().rev().find(|v| v.seq < first) {
                    assert!(entries.iter().any(|(to, _)| *to == base.seq + 1), "{what}");
                } else {
                    assert_eq!(entries[0].0, 1, "{what}: from the very beginning");
                }
                assert!(entries.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{what}: no hole");
            }
        }
    }
}
