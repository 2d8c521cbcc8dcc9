import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing';
import { describe, expect, it } from 'vitest';
import { compareObjects, DrawingOrder } from '../src/drawing-order.js';
import { keysForMove } from '../src/order/keys.js';
import { isOrderKey, keyBetween, keysBetween } from '../src/order-keys.js';
import type { CanvasObject } from '../src/object.js';
import { Random } from './random.js';

const object = (id: string, z?: string): CanvasObject => ({ id, rev: 1, props: z === undefined ? {} : { z } });
const sorted = (objects: readonly CanvasObject[]): CanvasObject[] => [...objects].sort(compareObjects);

describe('order keys', () => {
  it.each(['a0', 'a1', 'Zz', 'a0V', 'b00', 'z' + 'z'.repeat(26), 'A' + '0'.repeat(26) + '1'])('%s is one', (key) => {
    expect(isOrderKey(key)).toBe(true);
  });

  it.each(['', 'a', '0', 'a00', 'a0-', 'a0V0', 'b0', '~0', 'A' + '0'.repeat(26), 'a0' + 'V'.repeat(255), 'ä0'])('%j is none', (key) => {
    expect(isOrderKey(key)).toBe(false);
  });

  it('lie between their bounds, however often one inserts', () => {
    const random = new Random(5);
    const keys = ['a0'];
    for (let i = 0; i < 2_000; i += 1) {
      const at = random.below(keys.length + 1);
      const key = keyBetween(keys[at - 1] ?? null, keys[at] ?? null);
      keys.splice(at, 0, key);
      expect(isOrderKey(key)).toBe(true);
    }
    expect(keys).toEqual([...keys].sort());
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('in numbers are ascending and distinct', () => {
    const keys = keysBetween('a0', 'a1', 100);
    expect(keys).toEqual([...new Set(keys)].sort());
    expect(keys.length).toBe(100);
    expect(keysBetween(null, null, 0)).toEqual([]);
  });

  it('lie strictly between any two keys, and are those of another implementation', () => {
    const random = new Random(8);
    const digits = (count: number): string => Array.from({ length: count }, () => random.pick(['0', '1', 'A', 'Z', 'a', 'y', 'z', 'V'])).join('');
    const anyKey = (): string | null => {
      const head = random.pick(['A', 'B', 'Y', 'Z', 'a', 'b', 'y', 'z']);
      const length = head >= 'a' ? head.charCodeAt(0) - 96 : 91 - head.charCodeAt(0);
      const integer = random.chance(0.3) ? random.pick(['0', 'z']).repeat(length) : digits(length);
      return random.chance(0.1) ? null : `${head}${integer}${random.chance(0.5) ? '' : digits(random.below(4))}`;
    };
    let compared = 0;
    for (let i = 0; i < 20_000; i += 1) {
      let [below, above] = [anyKey(), anyKey()];
      if (below !== null && random.chance(0.3)) above = below + digits(1 + random.below(3));
      if (below !== null && above !== null && below > above) [below, above] = [above, below];
      if (below === above || ![below, above].every((key) => key === null || isOrderKey(key))) continue;
      const key = keyBetween(below, above);
      expect((below ?? '') < key && (above === null || key < above) && isOrderKey(key), `${below} ${key} ${above}`).toBe(true);
      expect(key, `${below} ${above}`).toBe(generateKeyBetween(below, above));
      const n = random.below(9);
      expect(keysBetween(below, above, n), `${below} ${above}`).toEqual(generateNKeysBetween(below, above, n));
      compared += 1;
    }
    expect(compared).toBeGreaterThan(5_000);
  });

  it.each([['a0', 'a0'], ['a1', 'a0'], ['x!', null], [null, 'a00']])('between %j and %j there is none', (below, above) => {
    expect(() => keyBetween(below, above)).toThrow(expect.objectContaining({ code: 'invalid_order_key' }));
    expect(() => keysBetween(below, above, 2)).toThrow(expect.objectContaining({ code: 'invalid_order_key' }));
  });
});

describe('moving', () => {
  const apply = (objects: readonly CanvasObject[], ids: string[], below: string | null, above: string | null): string[] => {
    const keys = keysForMove(sorted(objects), ids, below, above);
    return sorted(objects.map((o) => ({ ...o, props: { ...o.props, ...(keys.has(o.id) && { z: keys.get(o.id) ?? '' }) } }))).map((o) => o.id);
  };

  it('between two gives one object one key', () => {
    const objects = [object('a', 'a0'), object('b', 'a1'), object('c', 'a2')];
    expect([...keysForMove(objects, ['c'], 'a', 'b').keys()]).toEqual(['c']);
    expect(apply(objects, ['c'], 'a', 'b')).toEqual(['a', 'c', 'b']);
  });

  it('to the open ends', () => {
    const objects = [object('a', 'a0'), object('b', 'a1'), object('c', 'a2')];
    expect(apply(objects, ['a'], 'c', null)).toEqual(['b', 'c', 'a']);
    expect(apply(objects, ['a'], 'b', null)).toEqual(['b', 'c', 'a']);
    expect(apply(objects, ['c'], null, 'a')).toEqual(['c', 'a', 'b']);
    expect(apply(objects, ['a'], null, null)).toEqual(['b', 'c', 'a']);
    expect(apply([object('a')], ['a'], null, null)).toEqual(['a']);
  });

  it('several keep the order they are given in', () => {
    const objects = [object('a', 'a0'), object('b', 'a1'), object('c', 'a2'), object('d', 'a3')];
    expect(apply(objects, ['d', 'a'], 'b', 'c')).toEqual(['b', 'd', 'a', 'c']);
  });

  it('re-keys equal neighbours, and no others', () => {
    const objects = [object('a', 'a0'), object('b', 'a1'), object('c', 'a1'), object('d', 'a1'), object('e', 'a2'), object('f', 'a0')];
    const keys = keysForMove(sorted(objects), ['f'], 'b', 'c');
    expect([...keys.keys()].sort()).toEqual(['c', 'd', 'f']);
    expect(apply(objects, ['f'], 'b', 'c')).toEqual(['a', 'b', 'f', 'c', 'd', 'e']);
  });

  it('gives keys to objects without one when something must lie between them', () => {
    const objects = [object('a'), object('b'), object('c'), object('d', 'a0')];
    expect(apply(objects, ['d'], 'a', 'b')).toEqual(['a', 'd', 'b', 'c']);
    expect(apply(objects, ['d'], null, 'a')).toEqual(['d', 'a', 'b', 'c']);
  });

  it('next to what does not exist is an error', () => {
    expect(() => keysForMove([object('a', 'a0')], ['a'], 'gone', null)).toThrow(expect.objectContaining({ code: 'invalid_id' }));
  });

  it('leaves everybody else in order, whatever the keys were', () => {
    const random = new Random(6);
    for (let i = 0; i < 500; i += 1) {
      const objects = sorted(Array.from({ length: 8 }, (_, j) => object(`o${j}`, random.pick([undefined, 'a0', 'a1', 'a1', 'a2', 'Zz']))));
      const moved = objects[random.below(8)] as CanvasObject;
      const others = objects.filter((o) => o !== moved);
      const at = random.below(8);
      const want = [...others.slice(0, at), moved, ...others.slice(at)].map((o) => o.id);
      expect(apply(objects, [moved.id], others[at - 1]?.id ?? null, others[at]?.id ?? null)).toEqual(want);
    }
  });
});

describe('drawing order', () => {
  it('is (z, id), without z first', () => {
    const objects = new Map([object('b', 'a0'), object('a', 'a0'), object('d', 'Zz'), object('c')].map((o) => [o.id, o]));
    expect(new DrawingOrder().list(objects).map((o) => o.id)).toEqual(['c', 'd', 'a', 'b']);
  });

  it('is the same array until something changes, and then what sorting would give', () => {
    const random = new Random(7);
    let order = new DrawingOrder();
    const objects = new Map<string, CanvasObject>();
    for (let i = 0; i < 500; i += 1) {
      for (let n = random.below(random.chance(0.1) ? 100 : 4); n > 0; n -= 1) {
        const id = `o${random.below(60)}`;
        order.touch(id, objects.get(id));
        if (random.chance(0.3)) objects.delete(id);
        else objects.set(id, object(id, random.pick([undefined, 'a0', 'a1', 'a2', 'a0V', 'Zz'])));
      }
      if (random.chance(0.02)) order = new DrawingOrder();
      const list = order.list(objects);
      expect(list).toEqual(sorted([...objects.values()]));
      expect(order.list(objects)).toBe(list);
    }
  });
});
