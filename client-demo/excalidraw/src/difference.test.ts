import { describe, expect, it } from 'vitest';
import { difference, isSame } from './difference';

describe('the difference of properties', () => {
  it('names what is new, what is another, and what is gone', () => {
    expect(difference({ a: 1, b: [1, 2], c: 'x' }, { a: 1, b: [1, 3], d: null })).toEqual({ set: { b: [1, 3], d: null }, unset: ['c'] });
    expect(difference({ a: [{ b: 1 }] }, { a: [{ b: 1 }] })).toBeUndefined();
  });
});

describe('sameness', () => {
  it.each([
    [0, -0, true], [Number.NaN, Number.NaN, true], [null, {}, false], [[], {}, false], [{ a: 1 }, { a: 1, b: 2 }, false], [{ a: [1] }, { a: [1] }, true],
    ['1', 1, false], [{ a: undefined }, { b: undefined }, false],
  ])('of %j and %j is %j', (a, b, expected) => {
    expect(isSame(a, b)).toBe(expected);
  });
});
