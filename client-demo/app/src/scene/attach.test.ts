import { describe, expect, it } from 'vitest';
import { attached, edgePoint } from './attach';
import { outlineOf } from './outline';
import { shapeOf, type Shape } from './shape';

const shape = (id: string, props: Record<string, never | string | number | number[]>): Shape => {
  const made = shapeOf({ id, rev: 1, props });
  if (!made) throw new Error('not a shape');
  return made;
};
const rect = shape('r', { type: 'rect', x: 0, y: 0, w: 100, h: 60 });
const disc = shape('d', { type: 'ellipse', x: 300, y: -20, w: 100, h: 100 });
const arrow = shape('a', { type: 'arrow', x: 500, y: 500, w: 10, h: 10, points: [0, 0, 10, 10], startAt: 'r', endAt: 'd' });
const all = new Map([rect, disc, arrow].map((s) => [s.id, s]));

describe('an attached line', () => {
  it('goes from edge to edge, whatever it was drawn as', () => {
    expect(outlineOf(attached(arrow, (id) => all.get(id)))).toEqual([{ x: 104, y: 30 }, { x: 296, y: 30 }]);
  });

  it('follows a shape that has moved, and keeps a free end', () => {
    const moved = shape('r', { type: 'rect', x: 0, y: 470, w: 100, h: 60 });
    const half = { ...arrow, ends: { start: 'r', end: undefined } };
    const [from, to] = outlineOf(attached(half, () => moved));
    expect(to).toEqual({ x: 510, y: 510 });
    expect(from?.x).toBeCloseTo(104, 0);
  });

  it('stays where it was when its shapes are gone or are none', () => {
    expect(attached(arrow, () => undefined)).toBe(arrow);
    expect(attached(arrow, () => arrow)).toBe(arrow);
    expect(attached(rect, (id) => all.get(id))).toBe(rect);
  });

  it('is as it was drawn while its free end lies on the shape', () => {
    const large = shape('r', { type: 'rect', x: 400, y: 400, w: 300, h: 300 });
    const half = { ...arrow, ends: { start: 'r', end: undefined } };
    expect(attached(half, () => large)).toBe(half);
  });

  it('ends on the edge of a turned shape too', () => {
    const turned = shape('t', { type: 'rect', x: 0, y: 0, w: 100, h: 60, rotation: Math.PI / 2 });
    expect(edgePoint(turned, { x: 50, y: 500 }).y).toBeCloseTo(84);
    expect(edgePoint(turned, { x: 50, y: 40 })).toEqual({ x: 50, y: 40 });
  });
});
