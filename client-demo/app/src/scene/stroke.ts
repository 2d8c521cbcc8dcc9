import { distance, distanceToSegment, type Point } from './geometry';

/** How much of the way to the new position the line follows: takes the shake out of a hand. */
const FOLLOW = 0.55;

/** A freehand line while it is drawn: steadied, without points on top of each other. */
export class Stroke {
  private readonly line: Point[] = [];
  private tip: Point | undefined;

  /** @param spacing canvas units; nearer points are left out */
  constructor(private readonly spacing: number) {}

  add(p: Point): void {
    this.tip = p;
    const last = this.line.at(-1);
    if (!last) {
      this.line.push(p);
      return;
    }
    const next = { x: last.x + (p.x - last.x) * FOLLOW, y: last.y + (p.y - last.y) * FOLLOW };
    if (distance(last, next) >= this.spacing) this.line.push(next);
  }

  /** The line so far, up to where the pen is. */
  points(): Point[] {
    const last = this.line.at(-1);
    if (!last || !this.tip) return [];
    return distance(last, this.tip) > 0 || this.line.length === 1 ? [...this.line, this.tip] : [...this.line];
  }
}

/** Leaves out points that the line would pass within `tolerance` of anyway (Ramer–Douglas–Peucker). */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  const keep = new Set([0, points.length - 1]);
  const spans: [number, number][] = [[0, points.length - 1]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [from, to] = span;
    const farthest = farthestBetween(points, from, to);
    if (farthest && farthest.distance > tolerance) {
      keep.add(farthest.at);
      spans.push([from, farthest.at], [farthest.at, to]);
    }
  }
  return points.filter((_, i) => keep.has(i));
}

function farthestBetween(points: readonly Point[], from: number, to: number): { at: number; distance: number } | undefined {
  const a = points[from];
  const b = points[to];
  if (!a || !b) return undefined;
  let found: { at: number; distance: number } | undefined;
  for (let at = from + 1; at < to; at++) {
    const p = points[at];
    if (!p) continue;
    const away = distanceToSegment(p, a, b);
    if (!found || away > found.distance) found = { at, distance: away };
  }
  return found;
}
