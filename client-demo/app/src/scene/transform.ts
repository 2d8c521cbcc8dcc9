import { boundsOf, centerOf, intoBox, rotatePoint, type Box, type Point, type Rect } from './geometry';

/** Which side of a box a handle holds: -1 is left or top, 1 right or bottom, 0 neither. */
export interface Grip {
  readonly x: -1 | 0 | 1;
  readonly y: -1 | 0 | 1;
}

export const CORNERS: readonly Grip[] = [
  { x: -1, y: -1 },
  { x: 1, y: -1 },
  { x: 1, y: 1 },
  { x: -1, y: 1 },
];
export const SIDES: readonly Grip[] = [
  { x: 0, y: -1 },
  { x: 1, y: 0 },
  { x: 0, y: 1 },
  { x: -1, y: 0 },
];

/** Canvas units: a shape never gets smaller by dragging, so it never turns inside out. */
const SMALLEST = 4;

export interface ResizeOptions {
  readonly keepAspect: boolean;
  readonly fromCentre: boolean;
}

/** Where a grip sits on the turned box. */
export function gripPoint(box: Box, grip: Grip): Point {
  const c = centerOf(box);
  return rotatePoint({ x: c.x + (grip.x * box.w) / 2, y: c.y + (grip.y * box.h) / 2 }, c, box.rotation);
}

/** The box after its grip was dragged to the point; the opposite side (or the centre) stays where it is. */
export function resizeBox(box: Box, grip: Grip, to: Point, { keepAspect, fromCentre }: ResizeOptions): Box {
  const p = intoBox(to, box);
  const c = centerOf(box);
  const anchor = {
    x: fromCentre ? c.x : c.x - (grip.x * box.w) / 2,
    y: fromCentre ? c.y : c.y - (grip.y * box.h) / 2,
  };
  const share = fromCentre ? 2 : 1;
  let w = grip.x === 0 ? box.w : Math.max(SMALLEST, (p.x - anchor.x) * grip.x * share);
  let h = grip.y === 0 ? box.h : Math.max(SMALLEST, (p.y - anchor.y) * grip.y * share);
  if (keepAspect && box.w > 0 && box.h > 0) {
    const scale = grip.x === 0 ? h / box.h : grip.y === 0 ? w / box.w : Math.max(w / box.w, h / box.h);
    w = box.w * scale;
    h = box.h * scale;
  }
  const local = {
    x: fromCentre ? c.x : anchor.x + (grip.x * w) / 2,
    y: fromCentre ? c.y : anchor.y + (grip.y * h) / 2,
  };
  const centre = rotatePoint(local, c, box.rotation);
  return { x: centre.x - w / 2, y: centre.y - h / 2, w, h, rotation: box.rotation };
}

/** A box of a group after the group's frame went from one rectangle to another. */
export function carryBox(box: Box, from: Rect, to: Rect): Box {
  const sx = from.w > 0 ? to.w / from.w : 1;
  const sy = from.h > 0 ? to.h / from.h : 1;
  const c = centerOf(box);
  const centre = { x: to.x + (c.x - from.x) * sx, y: to.y + (c.y - from.y) * sy };
  const w = box.w * sx;
  const h = box.h * sy;
  return { x: centre.x - w / 2, y: centre.y - h / 2, w, h, rotation: box.rotation };
}

export function turnBox(box: Box, pivot: Point, angle: number): Box {
  const centre = rotatePoint(centerOf(box), pivot, angle);
  return { x: centre.x - box.w / 2, y: centre.y - box.h / 2, w: box.w, h: box.h, rotation: wrapAngle(box.rotation + angle) };
}

/** The same direction between -π and π. */
export function wrapAngle(angle: number): number {
  const turn = 2 * Math.PI;
  const wrapped = angle - turn * Math.round(angle / turn);
  return Math.abs(wrapped) < 1e-9 ? 0 : wrapped;
}

export const snapAngle = (angle: number, step = Math.PI / 12): number => Math.round(angle / step) * step;

/** Moves `to` so that the way from `from` runs along the nearest multiple of 15°. */
export function snapDirection(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const angle = snapAngle(Math.atan2(to.y - from.y, to.x - from.x));
  return { x: from.x + Math.cos(angle) * length, y: from.y + Math.sin(angle) * length };
}

/** Stretches `to` so that the rectangle from `from` is a square. */
export function snapSquare(from: Point, to: Point): Point {
  const side = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y));
  return { x: from.x + side * (to.x < from.x ? -1 : 1), y: from.y + side * (to.y < from.y ? -1 : 1) };
}

/** The frame around a selection: one shape's own turned box, or the upright rectangle around several. */
export function frameOf(boxes: readonly Box[]): Box | undefined {
  const [first, ...rest] = boxes;
  if (!first) return undefined;
  if (rest.length === 0) return { x: first.x, y: first.y, w: first.w, h: first.h, rotation: first.rotation };
  let { x, y, w, h } = boundsOf(first);
  for (const r of rest.map(boundsOf)) {
    const right = Math.max(x + w, r.x + r.w);
    const bottom = Math.max(y + h, r.y + r.h);
    x = Math.min(x, r.x);
    y = Math.min(y, r.y);
    w = right - x;
    h = bottom - y;
  }
  return { x, y, w, h, rotation: 0 };
}
