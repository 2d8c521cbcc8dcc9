//! How often clients should tell of their cursors. Pure.

/// How often a client should tell of its cursor, in ms, each with the number of moving sessions up to which it holds: everybody hears of about a
/// thousand cursors a second at most.
const PACES: [(u32, usize); 6] = [(16, 18), (33, 36), (50, 56), (100, 115), (200, 230), (400, usize::MAX)];
/// It becomes faster only when fewer move by this part, so that it does not waver.
const WAVER: usize = 5;

/// The pace for so many moving sessions, after this one.
pub(super) fn pace(moving: usize, before: Option<u32>) -> u32 {
    let fits = |(ms, most): &(u32, usize)| {
        let most = if before.is_some_and(|before| *ms < before) { *most - most / WAVER } else { *most };
        moving <= most
    };
    PACES.iter().find(|pace| fits(pace)).map_or(PACES[PACES.len() - 1].0, |(ms, _)| *ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_with_the_number_of_those_who_move_and_does_not_waver() {
        assert_eq!((pace(2, None), pace(100, None), pace(1_000, None)), (16, 100, 400));
        assert_eq!((pace(20, Some(16)), pace(17, Some(33)), pace(14, Some(33))), (33, 33, 16));
    }
}
