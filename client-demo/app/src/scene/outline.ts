import { rotatePoint, centerOf, type Point } from './geometry';
import type { Shape } from './shape';

interface Extent {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const extents = new WeakMap<readonly number[], Extent>();

/** The rectangle that a list of points fills by itself. */
export function extentOf(points: readonly number[]): Extent {
  const known = extents.get(points);
  if (known) return known;
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let i = 0; i + 1 < points.length; i += 2) {
    const x = points[i] ?? 0;
    const y = points[i + 1] ?? 0;
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  const extent = { x: left, y: top, w: right - left, h: bottom - top };
  extents.set(points, extent);
  return extent;
}

/** How the points are stretched to fill the shape's box; a flat direction keeps its size. */
export function stretchOf(shape: Shape): { x: number; y: number } {
  const { w, h } = extentOf(shape.points);
  return { x: w > 0 ? shape.w / w : 1, y: h > 0 ? shape.h / h : 1 };
}

/** The shape's points where they are on the canvas, turned and stretched. */
export function outlineOf(shape: Shape): Point[] {
  const extent = extentOf(shape.points);
  const stretch = stretchOf(shape);
  const pivot = centerOf(shape);
  const outline: Point[] = [];
  for (let i = 0; i + 1 < shape.points.length; i += 2) {
    const x = shape.x + ((shape.points[i] ?? 0) - extent.x) * stretch.x;
    const y = shape.y + ((shape.points[i + 1] ?? 0) - extent.y) * stretch.y;
    outline.push(rotatePoint({ x, y }, pivot, shape.rotation));
  }
  return outline;
}

/** The properties of a shape that goes through these canvas points, unturned. */
export function propsThrough(points: readonly Point[], precision: number): {
  x: number;
  y: number;
  w: number;
  h: number;
  points: number[];
} {
  const round = (n: number): number => Math.round(n * precision) / precision;
  const left = round(Math.min(...points.map((p) => p.x)));
  const top = round(Math.min(...points.map((p) => p.y)));
  const flat = points.flatMap((p) => [round(p.x - left), round(p.y - top)]);
  const { w, h } = extentOf(flat);
  return { x: left, y: top, w, h, points: flat };
}
