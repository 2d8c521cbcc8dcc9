/**
 * A remote cursor, drawn a little in the past so that it can be moved along the line between the points that arrived.
 *
 * Points arrive at the server's presence rate, unevenly. Drawing them as they come looks choppy; drawing the place of 100 ms ago
 * means that the next point is there already when it is needed. Where points come more rarely, the delay grows with their distance.
 */

const MIN_DELAY_MS = 100;
const MAX_DELAY_MS = 400;
/** Points further apart than this belong to two movements with a rest in between. */
const REST_MS = 500;
const MAX_POINTS = 32;

interface Point {
  readonly t: number;
  readonly x: number;
  readonly y: number;
}

export class CursorTrack {
  /** Ascending in time. */
  private points: Point[] = [];
  /** A moving average of the time between points. */
  private interval = MIN_DELAY_MS / 2;

  /** A point arrived at `t` (milliseconds). */
  move(t: number, x: number, y: number): void {
    const last = this.points.at(-1);
    if (last !== undefined && t <= last.t) {
      // Two points in one millisecond: the later one counts.
      this.points[this.points.length - 1] = { t: last.t, x, y };
      return;
    }
    if (last !== undefined) {
      const gap = t - last.t;
      if (gap < REST_MS) this.interval += (gap - this.interval) * 0.2;
      // The cursor rested, and set off shortly before this point: it must not creep all through the rest.
      else this.points.push({ ...last, t: t - this.interval });
    }
    this.points.push({ t, x, y });
    if (this.points.length > MAX_POINTS) this.points.splice(0, this.points.length - MAX_POINTS);
  }

  /** Where to draw the cursor at `now`; undefined before the first point. */
  at(now: number): { x: number; y: number } | undefined {
    const t = now - Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, this.interval * 1.5));
    const next = this.points.findIndex((point) => point.t > t);
    const to = this.points.at(next < 0 ? -1 : next);
    const from = next > 0 ? this.points[next - 1] : to;
    if (from === undefined || to === undefined) return undefined;
    const part = from === to ? 0 : (t - from.t) / (to.t - from.t);
    return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
  }
}
