/**
 * A remote cursor, drawn a little in the past so that it can be moved along the way that it took.
 *
 * An update carries all points since the one before, by its sender's clock. Drawing them as they come would look choppy; drawing the place of a short
 * while ago means that the next points are there already when they are needed. How long a while, the updates themselves show: as much as they come later
 * than they might. A client that tells only where its cursor is, is drawn as if each point had been passed when it arrived.
 */

/** A point of a way, by its sender's clock in milliseconds. */
export interface WayPoint {
  readonly t: number;
  readonly x: number;
  readonly y: number;
}

/** Most points that an update carries; a hand moves through no more in the longest time between two of them. */
export const MAX_STEPS = 32;
/** Parts of a canvas unit that steps are told in. */
export const PARTS = 8;

const MARGIN_MS = 8;
const MAX_DELAY_MS = 600;
/** Points further apart than this belong to two movements with a rest in between: a moving hand is sampled more often. */
const REST_MS = 100;
/** How long the way from a resting place to the first new point is drawn. */
const SET_OFF_MS = 32;
/** A client without a clock: how far in the past its points are drawn, and what is a rest. */
const PLAIN_DELAY_MS = 100;
const PLAIN_REST_MS = 500;
const MAX_POINTS = 96;
/** Two clocks may drift apart by so much, per millisecond. */
const DRIFT = 0.001;
/** The delay shrinks by this part of what is too much with each update … */
const SHRINK = 0.03;
/** … and changes at most by this part of the time that has passed, so that the cursor neither jumps nor stands still. */
const SLEW = 0.2;

export class CursorTrack {
  /** Ascending in time. */
  #points: WayPoint[] = [];
  /** The least time that an update took, plus the difference of the clocks. */
  #offset = Infinity;
  #heardAt = -Infinity;
  /** How much later than that the points come which are needed first. */
  #wanted = 0;
  #delay = 0;
  /** Without a clock: a moving average of the time between points. */
  #interval = PLAIN_DELAY_MS / 2;
  #isPlain = false;

  /** An update arrived at `now`: points in ascending time. */
  hear(now: number, way: readonly WayPoint[]): void {
    this.#isPlain = false;
    const last = this.#points.at(-1);
    const fresh = way.filter(({ t }) => last === undefined || t > last.t);
    const [first] = fresh;
    const newest = fresh.at(-1);
    if (first === undefined || newest === undefined) return;
    this.#follow(now, first.t, newest.t);
    if (last !== undefined && first.t - last.t > REST_MS) this.#points.push({ ...last, t: first.t - SET_OFF_MS });
    this.#add(fresh);
  }

  /** Only where the cursor is, arrived at `now`. */
  move(now: number, x: number, y: number): void {
    this.#isPlain = true;
    const last = this.#points.at(-1);
    if (last !== undefined && now <= last.t) {
      // Two points in one millisecond: the later one counts.
      this.#points[this.#points.length - 1] = { t: last.t, x, y };
      return;
    }
    if (last !== undefined) {
      const gap = now - last.t;
      if (gap < PLAIN_REST_MS) this.#interval += (gap - this.#interval) * 0.2;
      // The cursor rested, and set off shortly before this point: it must not creep all through the rest.
      else this.#points.push({ ...last, t: now - this.#interval });
    }
    this.#add([{ t: now, x, y }]);
  }

  /** Where to draw the cursor at `now`; undefined before the first point. */
  at(now: number): { x: number; y: number } | undefined {
    const t = this.#isPlain ? now - Math.min(MAX_DELAY_MS, Math.max(PLAIN_DELAY_MS, this.#interval * 1.5)) : now - this.#offset - this.#delay - MARGIN_MS;
    const next = this.#points.findIndex((point) => point.t > t);
    const to = this.#points.at(next < 0 ? -1 : next);
    const from = next > 0 ? this.#points[next - 1] : to;
    if (from === undefined || to === undefined) return undefined;
    const part = from === to ? 0 : (t - from.t) / (to.t - from.t);
    return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
  }

  /** Measures how late an update is whose new points reach from `first` to `newest`. */
  #follow(now: number, first: number, newest: number): void {
    const passed = Math.max(0, now - this.#heardAt);
    this.#heardAt = now;
    this.#offset = Math.min(now - newest, this.#offset + Math.min(passed, 60_000) * DRIFT);
    const late = Math.min(MAX_DELAY_MS, now - first - this.#offset);
    this.#wanted = late > this.#wanted ? late : this.#wanted + (late - this.#wanted) * SHRINK;
    // After a rest nothing is drawn that could jump.
    const most = passed > REST_MS * 5 ? Infinity : passed * SLEW;
    this.#delay += Math.max(-most, Math.min(most, this.#wanted - this.#delay));
  }

  #add(points: readonly WayPoint[]): void {
    this.#points.push(...points);
    if (this.#points.length > MAX_POINTS) this.#points.splice(0, this.#points.length - MAX_POINTS);
  }
}

/** Our own cursor's way since it was last told. */
export class Way {
  #points: WayPoint[] = [];

  /** The cursor came here. */
  add(t: number, x: number, y: number): void {
    const point = { t: Math.round(t), x: Math.round(x * PARTS), y: Math.round(y * PARTS) };
    if (this.#points.at(-1)?.t === point.t) this.#points.pop();
    this.#points.push(point);
    if (this.#points.length > MAX_STEPS + 1) this.#points.shift();
  }

  /** The field as it travels (PROTOCOL §7): the latest point, when, and the steps back from it. Forgets the way. */
  take(): number[] | undefined {
    const points = this.#points.splice(0).reverse();
    const [last] = points;
    if (last === undefined) return undefined;
    const steps = points.slice(1).flatMap(({ t, x, y }, i) => {
      const later = points[i] as WayPoint;
      return [later.t - t, later.x - x, later.y - y];
    });
    return [last.x / PARTS, last.y / PARTS, last.t, ...steps];
  }
}

/** The points of a cursor field, ascending in time; one without `t` when it does not tell; undefined for what is no cursor. */
export function wayOf(cursor: readonly unknown[]): { at: { x: number; y: number }; way?: WayPoint[] } | undefined {
  const [x, y, t] = cursor;
  if (typeof x !== 'number' || typeof y !== 'number') return undefined;
  if (typeof t !== 'number' || cursor.length % 3 !== 0 || !cursor.every((n) => typeof n === 'number')) return { at: { x, y } };
  const way = [{ t, x, y }];
  for (let i = 3; i < cursor.length; i += 3) {
    const [dt, dx, dy] = cursor.slice(i) as number[] as [number, number, number];
    const later = way.at(-1) as WayPoint;
    way.push({ t: later.t - dt, x: later.x - dx / PARTS, y: later.y - dy / PARTS });
  }
  return { at: { x, y }, way: way.reverse() };
}
