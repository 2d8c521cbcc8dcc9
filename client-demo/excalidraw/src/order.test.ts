import type { CanvasObject } from '@collabcanvas/sdk';
import { describe, expect, it } from 'vitest';
import { byIndex, distinct, repairs, type Placed } from './order';

const placed = (...indices: (string | null)[]): Placed[] => indices.map((index, i) => ({ id: `e${i}`, index })).sort(byIndex);
const after = (list: readonly Placed[], rank: (item: Placed) => number = () => 0): (string | null)[] => {
  const moved = distinct(list, rank);
  return list.map((item) => moved.get(item) ?? item.index);
};

describe('distinct indices', () => {
  it('leaves alone what is distinct already', () => {
    expect(distinct(placed('a0', 'a1', 'a1V'), () => 0).size).toBe(0);
  });

  it('puts equal ones in the order of their ids, between their neighbours', () => {
    expect(after(placed('a1', 'a1', 'a1', 'a2'))).toEqual(['a1', 'a1G', 'a1V', 'a2']);
    expect(after(placed('a0', 'a0'))).toEqual(['a0', 'a1']);
  });

  it('moves the others around the one that must stay', () => {
    const list = placed('a0', 'a1', 'a1', 'a1');
    expect(after(list, ({ id }) => (id === 'e2' ? 1 : 0))).toEqual(['a0', 'a0V', 'a1', 'a2']);
  });

  it('puts those without an index at the bottom, as the canvas does', () => {
    expect(after(placed(null, 'a0', null))).toEqual(['Zy', 'Zz', 'a0']);
    expect(after(placed(null, null))).toEqual(['a0', 'a1']);
  });

  it('is ascending whatever it is given', () => {
    const list = placed(null, 'a1', 'a1', 'a1', 'a1V', 'a1V', 'a2', 'a2', 'a2', 'a5', 'Zz', 'Zz');
    for (const keeper of list) {
      const indices = after(list, (item) => (item === keeper ? 1 : 0));
      expect(indices).toEqual([...new Set(indices)].sort((a, b) => ((a ?? '') < (b ?? '') ? -1 : 1)));
    }
  });
});

describe('repairs', () => {
  it('tell objects apart that share a key', () => {
    const object = (id: string, z: string): CanvasObject => ({ id, rev: 1, props: { z } });
    const found = repairs([object('a', 'a0'), object('b', 'a0'), object('c', 'a1')]);
    expect(found.map(({ object: { id }, z }) => [id, z])).toEqual([['b', 'a0V']]);
  });
});
