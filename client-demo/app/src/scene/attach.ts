import { boundsOf, centerOf, distance, inflate, rotatePoint, type Point } from './geometry';
import { outlineOf, propsThrough } from './outline';
import { hasPoints, isLinear, overhang, type Shape } from './shape';

/** Canvas units between a shape and the end of a line that is attached to it. */
const GAP = 4;
const PRECISION = 10;

/** Whether a line can be attached to it. */
export const isAnchor = (shape: Shape): boolean => !hasPoints(shape.type);

/** The shapes that a line is attached to. */
export const anchorsOf = ({ ends }: Shape): string[] => [ends.start, ends.end].filter((id) => id !== undefined);

/**
 * The line as it lies now: each end that is attached to a shape ends at its edge, on the way to the middle. A line whose shapes are gone stays where it
 * was drawn.
 */
export function attached(line: Shape, get: (id: string) => Shape | undefined): Shape {
  if (!isLinear(line.type) || anchorsOf(line).length === 0) return line;
  const anchor = (id: string | undefined): Shape | undefined => {
    const shape = id === undefined ? undefined : get(id);
    return shape && isAnchor(shape) ? shape : undefined;
  };
  const [start, end] = [anchor(line.ends.start), anchor(line.ends.end)];
  if (!start && !end) return line;
  const points = outlineOf(line);
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last) return line;
  const isStraight = points.length === 2;
  const towardsEnd = isStraight ? (end ? centerOf(end) : last) : (points[1] ?? last);
  const towardsStart = isStraight ? (start ? centerOf(start) : first) : (points.at(-2) ?? first);
  const [tail, tip] = [start && edgePoint(start, towardsEnd), end && edgePoint(end, towardsStart)];
  // Its free end lies on the shape: nothing would be left of the line.
  const isGone = (tail && !tip && distance(tail, last) === 0) || (tip && !tail && distance(tip, first) === 0);
  if (isStraight && isGone) return line;
  points[0] = tail ?? first;
  points[points.length - 1] = tip ?? last;
  const way = propsThrough(points, PRECISION);
  const box = { x: way.x, y: way.y, w: way.w, h: way.h, rotation: 0 };
  return { ...line, ...box, points: way.points, painted: inflate(boundsOf(box), overhang(line.type, line.strokeWidth)) };
}

/** Where the way from the middle of a shape to a point leaves it. */
export function edgePoint(shape: Shape, to: Point): Point {
  const c = centerOf(shape);
  const local = rotatePoint(to, c, -shape.rotation);
  const [dx, dy] = [local.x - c.x, local.y - c.y];
  if (dx === 0 && dy === 0) return c;
  const [w, h] = [shape.w / 2 + GAP, shape.h / 2 + GAP];
  const scale = shape.type === 'ellipse' ? 1 / Math.hypot(dx / w, dy / h) : Math.min(w / Math.abs(dx), h / Math.abs(dy));
  // A point inside is left alone: a line must not turn round.
  if (scale >= 1) return to;
  return rotatePoint({ x: c.x + dx * scale, y: c.y + dy * scale }, c, shape.rotation);
}
