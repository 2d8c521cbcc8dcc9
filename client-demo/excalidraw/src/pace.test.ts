import { describe, expect, it } from 'vitest';
import { Pace } from './pace';

describe('the pace of a stroke', () => {
  it('falls with its length, to a bound', () => {
    const pace = new Pace();
    expect(pace.isDue('s', 1000, 0)).toBe(true);
    pace.sent('s', 0);
    expect([pace.isDue('s', 10, 4), pace.isDue('s', 100, 39), pace.isDue('s', 100, 40), pace.isDue('s', 100_000, 600)]).toEqual([true, false, true, true]);
    pace.reset();
    expect(pace.isDue('s', 1000, 1)).toBe(true);
  });
});
