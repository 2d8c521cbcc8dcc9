/** Full-jitter back-off (PROTOCOL §5): a random time up to a bound that doubles at each failure. */

const FIRST_MS = 250;
const LAST_MS = 10_000;

/** @param random a number in [0, 1) @returns milliseconds to wait before attempt `failures` + 1 */
export function backoff(failures: number, random: number): number {
  return random * Math.min(LAST_MS, FIRST_MS * 2 ** failures);
}

/** The wait after `retry_slowly`: between 10 and 20 s. */
export function slowBackoff(random: number): number {
  return LAST_MS + random * LAST_MS;
}
