//! Batches, valid and not, against the naive model.

use super::board::Board;
use super::dice::Dice;

/// Most batches of one input: more find nothing that these do not.
const BATCHES: usize = 40;
/// The same beside the long chain, a thousand objects that are compared each time.
const CHAINED: usize = 3;

/// Every batch does what the model says, or is refused for what it says and changes nothing.
pub(crate) fn check(data: &[u8]) {
    let mut dice = Dice::new(data);
    let chain = dice.byte() == 255;
    let mut board = Board::new(chain);
    for _ in 0..if chain { CHAINED } else { BATCHES } {
        if dice.is_empty() {
            return;
        }
        board.batch(&mut dice);
    }
}
