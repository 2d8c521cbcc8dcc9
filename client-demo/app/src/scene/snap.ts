import type { Point, Rect } from './geometry';

/** A line that shows what a moved rectangle is aligned with. */
export interface Guide {
  readonly from: Point;
  readonly to: Point;
}

export interface Snapped {
  readonly dx: number;
  readonly dy: number;
  readonly guides: readonly Guide[];
}

/** Start, middle and end of a side. */
const stops = (at: number, size: number): [number, number, number] => [at, at + size / 2, at + size];

interface Match {
  readonly by: number;
  /** The coordinate that both share then. */
  readonly at: number;
  readonly other: Rect;
}

function nearest(mine: readonly number[], others: readonly Rect[], side: (rect: Rect) => readonly number[], tolerance: number): Match | undefined {
  let best: Match | undefined;
  for (const other of others) {
    for (const theirs of side(other)) {
      for (const own of mine) {
        const by = theirs - own;
        if (Math.abs(by) <= tolerance && (best === undefined || Math.abs(by) < Math.abs(best.by))) best = { by, at: theirs, other };
      }
    }
  }
  return best;
}

/**
 * A movement changed a little so that an edge or the middle of what is moved lies in line with another rectangle's.
 * @param rect what is moved, where it was at the start
 * @param tolerance how much may be changed, in canvas units
 */
export function snapToOthers(rect: Rect, move: Point, others: readonly Rect[], tolerance: number): Snapped {
  const { x, y, w, h } = { ...rect, x: rect.x + move.x, y: rect.y + move.y };
  const across = nearest(stops(x, w), others, (o) => stops(o.x, o.w), tolerance);
  const along = nearest(stops(y, h), others, (o) => stops(o.y, o.h), tolerance);
  const dx = move.x + (across?.by ?? 0);
  const dy = move.y + (along?.by ?? 0);
  const moved = { x: rect.x + dx, y: rect.y + dy, w, h };
  const guides: Guide[] = [];
  if (across) {
    const { at, other } = across;
    guides.push({ from: { x: at, y: Math.min(moved.y, other.y) }, to: { x: at, y: Math.max(moved.y + h, other.y + other.h) } });
  }
  if (along) {
    const { at, other } = along;
    guides.push({ from: { x: Math.min(moved.x, other.x), y: at }, to: { x: Math.max(moved.x + w, other.x + other.w), y: at } });
  }
  return { dx, dy, guides };
}

/** A movement after which the rectangle's corner lies on the grid. */
export function snapToGrid(rect: Rect, move: Point, grid: number): Snapped {
  const on = (at: number): number => Math.round(at / grid) * grid;
  return { dx: on(rect.x + move.x) - rect.x, dy: on(rect.y + move.y) - rect.y, guides: [] };
}
