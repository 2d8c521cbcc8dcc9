/**
 * Order keys (PROTOCOL §6): numbers as text, between any two of which there is another. The same as those of `fractional-indexing`.
 *
 * A key is an integer and, if need be, digits behind its point, both to the base 62. The integer's first letter says how many digits it has: `a` one, `b`
 * two, … `z` 26; below zero `Z` one, `Y` two, … `A` 26.
 */
import { BASE_62 } from './base-62.js';
import { CanvasError } from './errors.js';

const MAX_KEY = 256;
const KEY = /^[A-Za-z][0-9A-Za-z]*$/;
/** The one integer that is no key: nothing would lie below it. */
const SMALLEST = `A${'0'.repeat(26)}`;

/** Whether the server would take `key` as a `z`. */
export function isOrderKey(key: string): boolean {
  if (key.length > MAX_KEY || !KEY.test(key)) return false;
  const length = integerLength(key);
  if (key.length < length || key === SMALLEST) return false;
  return key.length === length || !key.endsWith('0');
}

/**
 * A key between two keys; null is the open end.
 * @throws CanvasError `invalid_order_key` when a bound is not a key, or the bounds are equal or the wrong way round
 */
export function keyBetween(below: string | null, above: string | null): string {
  checkBounds(below, above);
  if (below === null) {
    if (above === null) return 'a0';
    const integer = integerOf(above);
    if (integer === SMALLEST) return integer + middle('', fractionOf(above));
    return integer < above ? integer : (neighbour(integer, -1) as string); // only the smallest has none
  }
  const integer = integerOf(below);
  if (above !== null && integerOf(above) === integer) return integer + middle(fractionOf(below), fractionOf(above));
  const next = neighbour(integer, 1);
  return next !== undefined && (above === null || next < above) ? next : integer + middle(fractionOf(below), null);
}

/** `n` keys between two keys, ascending, as short as they can be. Throws like `keyBetween`. */
export function keysBetween(below: string | null, above: string | null, n: number): string[] {
  const first = keyBetween(below, above);
  if (n <= 0) return [];
  if (below !== null && above !== null) {
    const half = Math.floor(n / 2);
    return [...keysBetween(below, first, half), first, ...keysBetween(first, above, n - half - 1)];
  }
  const keys = [first];
  for (let last = first; keys.length < n; keys.push(last)) last = above === null ? keyBetween(last, null) : keyBetween(null, last);
  return above === null ? keys : keys.reverse();
}

function checkBounds(below: string | null, above: string | null): void {
  for (const key of [below, above]) {
    if (key !== null && !isOrderKey(key)) throw new CanvasError('invalid_order_key', `not an order key: ${key}`);
  }
  if (below !== null && above !== null && below >= above) {
    throw new CanvasError('invalid_order_key', `nothing lies between ${below} and ${above}`);
  }
}

/** The length of the integer part, its first letter included. */
function integerLength(key: string): number {
  const letter = key.charCodeAt(0);
  return letter >= 97 ? letter - 95 : 92 - letter;
}

const integerOf = (key: string): string => key.slice(0, integerLength(key));
const fractionOf = (key: string): string => key.slice(integerLength(key));

/** The next integer up or down; undefined above the largest. */
function neighbour(integer: string, by: 1 | -1): string | undefined {
  const [full, empty] = by > 0 ? ['z', '0'] : ['0', 'z'];
  let at = integer.length - 1;
  while (at > 0 && integer[at] === full) at -= 1;
  const digit = BASE_62[BASE_62.indexOf(integer.charAt(at)) + by];
  // The letters follow one another as digits do: when all digits are full, the next letter begins.
  const beginning = digit && integer.slice(0, at) + digit;
  return beginning && beginning.padEnd(at > 0 ? integer.length : integerLength(beginning), empty);
}

/** Digits behind the point between two such; null: the next integer. There is always room above `low`; no digit counts as 0. */
function middle(low: string, high: string | null): string {
  let same = 0;
  if (high !== null) while ((low[same] ?? '0') === high[same]) same += 1;
  if (high !== null && same > 0) return high.slice(0, same) + middle(low.slice(same), high.slice(same));
  const from = BASE_62.indexOf(low.charAt(0));
  const to = high === null ? BASE_62.length : BASE_62.indexOf(high.charAt(0));
  if (to - from > 1) return BASE_62.charAt(Math.round((from + to) / 2));
  return high !== null && high.length > 1 ? high.charAt(0) : BASE_62.charAt(from) + middle(low.slice(1), null);
}
