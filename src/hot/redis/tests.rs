//! What only Redis has: keys that expire, that are lost one by one, that others spoil; several nodes; a server that is full.

mod board;
mod cluster;
mod differential;
mod growth;
mod keys;
mod sentinel;
mod trouble;

use crate::hot::conformance::suite;
use board::Board;

suite!(Board);
