import {
  boxTouchesRect,
  contains,
  distanceToSegment,
  inflate,
  intoBox,
  overlaps,
  segmentTouchesRect,
  type Point,
  type Rect,
} from './geometry';
import { outlineOf } from './outline';
import { NO_FILL } from '../palette';
import { hasPoints, type Shape } from './shape';

/** What a point meets: the ink of a shape, the empty inside of a hollow one, or nothing. */
export type Hit = 'ink' | 'inside' | undefined;

const isHollow = (s: Shape): boolean => (s.type === 'rect' || s.type === 'ellipse') && s.fill === NO_FILL && s.text === '';

function hitEllipse(s: Shape, p: Point, reach: number): Hit {
  const x = p.x - s.x - s.w / 2;
  const y = p.y - s.y - s.h / 2;
  const outer = Math.hypot(x / (s.w / 2 + reach), y / (s.h / 2 + reach));
  if (outer > 1) return undefined;
  if (!isHollow(s)) return 'ink';
  const rx = s.w / 2 - reach;
  const ry = s.h / 2 - reach;
  return rx > 0 && ry > 0 && Math.hypot(x / rx, y / ry) < 1 ? 'inside' : 'ink';
}

function hitBox(s: Shape, p: Point, reach: number): Hit {
  if (!contains(inflate(s, reach), p)) return undefined;
  if (!isHollow(s)) return 'ink';
  const inner = inflate(s, -reach);
  return inner.w > 0 && inner.h > 0 && contains(inner, p) ? 'inside' : 'ink';
}

function hitLine(s: Shape, p: Point, reach: number): Hit {
  const points = outlineOf(s);
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1];
    const b = points[i];
    if (a && b && distanceToSegment(p, a, b) <= reach) return 'ink';
  }
  return undefined;
}

/** @param tolerance how near counts as touching, in canvas units */
export function hitShape(s: Shape, p: Point, tolerance: number): Hit {
  if (!contains(inflate(s.painted, tolerance), p)) return undefined;
  const reach = tolerance + s.strokeWidth / 2;
  if (hasPoints(s.type)) return hitLine(s, p, reach);
  const local = intoBox(p, s);
  return s.type === 'ellipse' ? hitEllipse(s, local, reach) : hitBox(s, local, s.type === 'text' ? tolerance : reach);
}

/** Whether an area selection that covers `rect` takes the shape: it must touch what is drawn. */
export function areaTakes(s: Shape, rect: Rect): boolean {
  if (!overlaps(s.painted, rect)) return false;
  if (!hasPoints(s.type)) return boxTouchesRect(s, rect);
  const points = outlineOf(s);
  return points.some((b, i) => {
    const a = points[i - 1];
    return a !== undefined && segmentTouchesRect(a, b, rect);
  });
}

/**
 * The shape that a click means. `shapes` is back to front. Ink wins over the empty inside of a hollow shape, and
 * of several hollow ones the smallest is meant: the large one is a frame around the others. A larger filled shape behind
 * a hollow one is its backdrop.
 */
export function pick(shapes: readonly Shape[], p: Point, tolerance: number): Shape | undefined {
  let inside: Shape | undefined;
  for (let i = shapes.length - 1; i >= 0; i--) {
    const shape = shapes[i];
    if (!shape) continue;
    const hit = hitShape(shape, p, tolerance);
    if (hit === 'ink') {
      const isBackdrop = inside && !hasPoints(shape.type) && inside.w * inside.h < shape.w * shape.h;
      return isBackdrop ? inside : shape;
    }
    if (hit === 'inside' && (!inside || shape.w * shape.h < inside.w * inside.h)) inside = shape;
  }
  return inside;
}
