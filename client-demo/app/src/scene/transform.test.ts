import { describe, expect, it } from 'vitest';
import { centerOf, cornersOf, type Box } from './geometry';
import { carryBox, frameOf, gripPoint, resizeBox, snapDirection, snapSquare, turnBox, wrapAngle } from './transform';

const free = { keepAspect: false, fromCentre: false };
const box: Box = { x: 10, y: 20, w: 100, h: 50, rotation: 0 };
const turned: Box = { ...box, rotation: 0.6 };
const southEast = { x: 1, y: 1 } as const;

describe('resizeBox', () => {
  it('moves the dragged corner to the pointer', () => {
    expect(resizeBox(box, southEast, { x: 60, y: 120 }, free)).toEqual({ x: 10, y: 20, w: 50, h: 100, rotation: 0 });
  });

  it('leaves the opposite corner of a turned box where it is', () => {
    const after = resizeBox(turned, southEast, { x: 200, y: 160 }, free);
    const [before] = cornersOf(turned);
    const [now] = cornersOf(after);
    expect(now.x).toBeCloseTo(before.x);
    expect(now.y).toBeCloseTo(before.y);
    const held = gripPoint(after, southEast);
    expect(held.x).toBeCloseTo(200);
    expect(held.y).toBeCloseTo(160);
  });

  it('keeps proportions when asked to', () => {
    const after = resizeBox(box, southEast, { x: 210, y: 40 }, { ...free, keepAspect: true });
    expect(after.w / after.h).toBeCloseTo(2);
    expect(after.w).toBeCloseTo(200);
  });

  it('keeps the centre when asked to', () => {
    const after = resizeBox(turned, southEast, { x: 220, y: 140 }, { ...free, fromCentre: true });
    expect(centerOf(after).x).toBeCloseTo(centerOf(turned).x);
    expect(centerOf(after).y).toBeCloseTo(centerOf(turned).y);
  });

  it('never turns inside out', () => {
    const after = resizeBox(box, southEast, { x: -500, y: -500 }, free);
    expect(after).toMatchObject({ x: 10, y: 20 });
    expect(after.w).toBeGreaterThan(0);
    expect(after.h).toBeGreaterThan(0);
  });

  it('changes one direction at a side', () => {
    expect(resizeBox(box, { x: 1, y: 0 }, { x: 60, y: 999 }, free)).toMatchObject({ w: 50, h: 50, y: 20 });
  });
});

describe('groups', () => {
  it('scale their members with the frame', () => {
    const from = { x: 0, y: 0, w: 100, h: 100 };
    const to = { x: 10, y: 10, w: 200, h: 50 };
    expect(carryBox({ x: 50, y: 0, w: 50, h: 100, rotation: 0 }, from, to)).toEqual({ x: 110, y: 10, w: 100, h: 50, rotation: 0 });
  });

  it('turn around a common middle and back again', () => {
    const there = turnBox(box, { x: 300, y: 300 }, 1.1);
    const back = turnBox(there, { x: 300, y: 300 }, -1.1);
    expect(back.x).toBeCloseTo(box.x);
    expect(back.y).toBeCloseTo(box.y);
    expect(back.rotation).toBe(0);
  });

  it('have an upright frame, a single shape its own', () => {
    expect(frameOf([turned])?.rotation).toBe(0.6);
    expect(frameOf([box, { ...box, x: 300 }])).toEqual({ x: 10, y: 20, w: 390, h: 50, rotation: 0 });
    expect(frameOf([])).toBeUndefined();
  });
});

describe('snapping', () => {
  it('keeps angles within half a turn', () => {
    expect(Math.abs(wrapAngle(3 * Math.PI))).toBeCloseTo(Math.PI);
    expect(wrapAngle(2 * Math.PI)).toBe(0);
  });

  it('makes directions multiples of 15° and rectangles squares', () => {
    const p = snapDirection({ x: 0, y: 0 }, { x: 100, y: 3 });
    expect(p.y).toBeCloseTo(0);
    expect(snapSquare({ x: 0, y: 0 }, { x: -10, y: 30 })).toEqual({ x: -30, y: 30 });
  });
});
