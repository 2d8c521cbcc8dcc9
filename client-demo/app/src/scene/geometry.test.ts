import { describe, expect, it } from 'vitest';
import {
  boundsOf,
  boxTouchesRect,
  cornersOf,
  distanceToSegment,
  intoBox,
  rectBetween,
  rectOfPoints,
  rotatePoint,
  segmentTouchesRect,
  unionOf,
} from './geometry';

const rect = { x: 0, y: 0, w: 10, h: 10 };

describe('turning', () => {
  it('turns a quarter clockwise on the screen', () => {
    const p = rotatePoint({ x: 10, y: 0 }, { x: 0, y: 0 }, Math.PI / 2);
    expect(p.x).toBeCloseTo(0);
    expect(p.y).toBeCloseTo(10);
  });

  it('finds the bounds of a turned box from its corners', () => {
    const box = { x: 5, y: 7, w: 40, h: 12, rotation: 0.7 };
    const bounds = boundsOf(box);
    const corners = rectOfPoints(cornersOf(box));
    for (const side of ['x', 'y', 'w', 'h'] as const) expect(bounds[side]).toBeCloseTo(corners[side]);
  });

  it('sees a corner of a turned box where it was before', () => {
    const box = { x: 5, y: 7, w: 40, h: 12, rotation: 2.1 };
    const [corner] = cornersOf(box);
    const local = intoBox(corner, box);
    expect(local.x).toBeCloseTo(5);
    expect(local.y).toBeCloseTo(7);
  });
});

describe('rectangles', () => {
  it('spans two corners in any order', () => {
    expect(rectBetween({ x: 9, y: 1 }, { x: 4, y: 6 })).toEqual({ x: 4, y: 1, w: 5, h: 5 });
  });

  it('unites, and knows when there is nothing to unite', () => {
    expect(unionOf([rect, { x: 20, y: -5, w: 1, h: 1 }])).toEqual({ x: 0, y: -5, w: 21, h: 15 });
    expect(unionOf([])).toBeUndefined();
  });
});

describe('segments', () => {
  it('measures to the nearest end beyond the ends', () => {
    expect(distanceToSegment({ x: 13, y: 4 }, { x: 0, y: 0 }, { x: 10, y: 0 })).toBe(5);
    expect(distanceToSegment({ x: 5, y: 4 }, { x: 0, y: 0 }, { x: 10, y: 0 })).toBe(4);
    expect(distanceToSegment({ x: 3, y: 4 }, { x: 0, y: 0 }, { x: 0, y: 0 })).toBe(5);
  });

  it('crosses a rectangle without an end in it', () => {
    expect(segmentTouchesRect({ x: -5, y: 5 }, { x: 15, y: 5 }, rect)).toBe(true);
    expect(segmentTouchesRect({ x: -5, y: 8 }, { x: 3, y: 16 }, rect)).toBe(false);
    expect(segmentTouchesRect({ x: 4, y: 4 }, { x: 4, y: 4 }, rect)).toBe(true);
  });
});

describe('boxTouchesRect', () => {
  it('is not fooled by the bounds of a turned box', () => {
    const diagonal = { x: -50, y: -2, w: 100, h: 4, rotation: Math.PI / 4 };
    expect(boxTouchesRect(diagonal, { x: 20, y: -30, w: 8, h: 8 })).toBe(false);
    expect(boxTouchesRect(diagonal, { x: 18, y: 18, w: 8, h: 8 })).toBe(true);
  });
});
