//! Writing MessagePack into a `Vec`, each value in its shortest form.
//!
//! Thin over `rmp::encode`: a write into memory cannot fail, and saying so here once keeps every caller readable.

use rmp::encode;

/// Why no result is looked at: `Vec` never refuses a write.
const INFALLIBLE: &str = "writing into a Vec cannot fail";

/// Writes nil.
pub fn nil(out: &mut Vec<u8>) {
    encode::write_nil(out).expect(INFALLIBLE);
}

/// Writes true or false.
pub fn bool(out: &mut Vec<u8>, value: bool) {
    encode::write_bool(out, value).expect(INFALLIBLE);
}

/// Writes an integer from zero up.
pub fn uint(out: &mut Vec<u8>, value: u64) {
    encode::write_uint(out, value).expect(INFALLIBLE);
}

/// Writes any signed integer.
pub fn int(out: &mut Vec<u8>, value: i64) {
    encode::write_sint(out, value).expect(INFALLIBLE);
}

/// Writes a 64-bit float.
pub fn float(out: &mut Vec<u8>, value: f64) {
    encode::write_f64(out, value).expect(INFALLIBLE);
}

/// Writes text.
pub fn str(out: &mut Vec<u8>, value: &str) {
    encode::write_str(out, value).expect(INFALLIBLE);
}

/// Writes bytes.
pub fn bin(out: &mut Vec<u8>, value: &[u8]) {
    encode::write_bin(out, value).expect(INFALLIBLE);
}

/// Writes the head of a list; its members are to follow.
///
/// # Panics
/// When the list has more than 2^32 − 1 members, which no frame or stored item can.
pub fn array(out: &mut Vec<u8>, members: usize) {
    encode::write_array_len(out, u32::try_from(members).expect("a list has fewer than 2^32 members"))
        .expect(INFALLIBLE);
}

/// Writes the head of a map; its pairs are to follow.
///
/// # Panics
/// When the map has more than 2^32 − 1 pairs, which no frame or stored item can.
pub fn map(out: &mut Vec<u8>, pairs: usize) {
    encode::write_map_len(out, u32::try_from(pairs).expect("a map has fewer than 2^32 pairs")).expect(INFALLIBLE);
}
