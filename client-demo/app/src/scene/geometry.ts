/** Points, rectangles and boxes in canvas units. Pure; everything else builds on it. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** A rectangle turned around its own centre by `rotation` radians. */
export interface Box extends Rect {
  readonly rotation: number;
}

export const centerOf = (r: Rect): Point => ({ x: r.x + r.w / 2, y: r.y + r.h / 2 });

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

export const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

export function rotatePoint(p: Point, pivot: Point, angle: number): Point {
  if (angle === 0) return p;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const dx = p.x - pivot.x;
  const dy = p.y - pivot.y;
  return { x: pivot.x + dx * cos - dy * sin, y: pivot.y + dx * sin + dy * cos };
}

/** The point as seen by the box before it was turned. */
export const intoBox = (p: Point, box: Box): Point => rotatePoint(p, centerOf(box), -box.rotation);

/** Corners clockwise from the top left. */
export function cornersOf(box: Box): [Point, Point, Point, Point] {
  const c = centerOf(box);
  const turn = (x: number, y: number): Point => rotatePoint({ x, y }, c, box.rotation);
  const right = box.x + box.w;
  const bottom = box.y + box.h;
  return [turn(box.x, box.y), turn(right, box.y), turn(right, bottom), turn(box.x, bottom)];
}

export function rectOfPoints(points: readonly Point[]): Rect {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const p of points) {
    left = Math.min(left, p.x);
    top = Math.min(top, p.y);
    right = Math.max(right, p.x);
    bottom = Math.max(bottom, p.y);
  }
  return { x: left, y: top, w: right - left, h: bottom - top };
}

/** The upright rectangle around a turned box. */
export function boundsOf(box: Box): Rect {
  if (box.rotation === 0) return { x: box.x, y: box.y, w: box.w, h: box.h };
  const cos = Math.abs(Math.cos(box.rotation));
  const sin = Math.abs(Math.sin(box.rotation));
  const w = box.w * cos + box.h * sin;
  const h = box.w * sin + box.h * cos;
  const c = centerOf(box);
  return { x: c.x - w / 2, y: c.y - h / 2, w, h };
}

export function unionOf(rects: Iterable<Rect>): Rect | undefined {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const r of rects) {
    left = Math.min(left, r.x);
    top = Math.min(top, r.y);
    right = Math.max(right, r.x + r.w);
    bottom = Math.max(bottom, r.y + r.h);
  }
  return left > right ? undefined : { x: left, y: top, w: right - left, h: bottom - top };
}

export const inflate = (r: Rect, by: number): Rect => ({ x: r.x - by, y: r.y - by, w: r.w + 2 * by, h: r.h + 2 * by });

export const overlaps = (a: Rect, b: Rect): boolean =>
  a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h;

export const contains = (r: Rect, p: Point): boolean =>
  p.x >= r.x && p.x <= r.x + r.w && p.y >= r.y && p.y <= r.y + r.h;

/** The rectangle that two opposite corners span, in any order. */
export const rectBetween = (a: Point, b: Point): Rect => ({
  x: Math.min(a.x, b.x),
  y: Math.min(a.y, b.y),
  w: Math.abs(a.x - b.x),
  h: Math.abs(a.y - b.y),
});

export function distanceToSegment(p: Point, a: Point, b: Point): number {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / length, 0, 1);
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/** Whether a segment touches an upright rectangle (Liang–Barsky). */
export function segmentTouchesRect(a: Point, b: Point, r: Rect): boolean {
  let from = 0;
  let to = 1;
  const edges: [number, number][] = [
    [-(b.x - a.x), a.x - r.x],
    [b.x - a.x, r.x + r.w - a.x],
    [-(b.y - a.y), a.y - r.y],
    [b.y - a.y, r.y + r.h - a.y],
  ];
  for (const [step, room] of edges) {
    if (step === 0) {
      if (room < 0) return false;
    } else if (step < 0) {
      from = Math.max(from, room / step);
    } else {
      to = Math.min(to, room / step);
    }
    if (from > to) return false;
  }
  return true;
}

/** Whether a turned box and an upright rectangle share a point (separating axes). */
export function boxTouchesRect(box: Box, rect: Rect): boolean {
  if (!overlaps(boundsOf(box), rect)) return false;
  if (box.rotation === 0) return true;
  const local = cornersOf({ ...rect, rotation: 0 }).map((p) => intoBox(p, box));
  return overlaps(rectOfPoints(local), box);
}
