import { describe, expect, it } from 'vitest';
import { outlineOf, propsThrough } from './outline';
import { shapeOf } from './shape';
import { simplify, Stroke } from './stroke';

describe('Stroke', () => {
  it('ends where the pen is', () => {
    const stroke = new Stroke(2);
    for (let x = 0; x <= 50; x += 5) stroke.add({ x, y: 0 });
    expect(stroke.points().at(-1)).toEqual({ x: 50, y: 0 });
  });

  it('makes a dot of a single touch', () => {
    const stroke = new Stroke(2);
    stroke.add({ x: 3, y: 4 });
    expect(stroke.points()).toEqual([{ x: 3, y: 4 }, { x: 3, y: 4 }]);
  });

  it('takes the shake out', () => {
    const stroke = new Stroke(0.1);
    for (let x = 0; x <= 100; x += 2) stroke.add({ x, y: x % 4 === 0 ? 2 : -2 });
    const middle = stroke.points().slice(5, -2);
    expect(Math.max(...middle.map(({ y }) => Math.abs(y)))).toBeLessThan(1.6);
  });
});

describe('simplify', () => {
  it('keeps the ends and the corners', () => {
    const points = [0, 1, 2, 3, 4].map((x) => ({ x, y: 0 })).concat([1, 2, 3].map((y) => ({ x: 4, y })));
    expect(simplify(points, 0.1)).toEqual([{ x: 0, y: 0 }, { x: 4, y: 0 }, { x: 4, y: 3 }]);
  });

  it('stays within the tolerance', () => {
    const points = Array.from({ length: 200 }, (_, i) => ({ x: i, y: Math.sin(i / 10) * 20 }));
    const fewer = simplify(points, 0.5);
    expect(fewer.length).toBeLessThan(80);
    for (const p of points) {
      const near = fewer.findIndex(({ x }) => x >= p.x);
      const a = fewer[Math.max(0, near - 1)];
      const b = fewer[near];
      if (!a || !b || a.x === b.x) continue;
      const y = a.y + ((b.y - a.y) * (p.x - a.x)) / (b.x - a.x);
      expect(Math.abs(y - p.y)).toBeLessThan(1.2);
    }
  });
});

describe('propsThrough', () => {
  it('gives back the same points from the object', () => {
    const way = [{ x: 10, y: 40 }, { x: -20, y: 5 }, { x: 35, y: 60 }];
    const shape = shapeOf({ id: 'a', rev: 1, props: { type: 'line', ...propsThrough(way, 1) } });
    expect(shape && outlineOf(shape)).toEqual(way);
  });
});
