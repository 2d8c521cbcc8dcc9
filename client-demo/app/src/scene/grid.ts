import { overlaps, type Rect } from './geometry';

/** Canvas units. About two or three ordinary shapes wide, so that a shape lies in few cells. */
const CELL = 512;
/** A shape over more cells than this is kept in a list of its own, which every query looks through. */
const MAX_CELLS = 64;

interface Entry {
  readonly id: string;
  readonly bounds: Rect;
  /** The number of the last query that saw the entry: a shape in many cells is reported once. */
  seen: number;
}

interface Span {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const spanOf = (r: Rect): Span => ({
  left: Math.floor(r.x / CELL),
  top: Math.floor(r.y / CELL),
  right: Math.floor((r.x + r.w) / CELL),
  bottom: Math.floor((r.y + r.h) / CELL),
});

const cellsIn = (s: Span): number => (s.right - s.left + 1) * (s.bottom - s.top + 1);

/** Two cell numbers in one exact integer: each has 26 bits, so this holds within ± 17 billion units. */
const keyOf = (column: number, row: number): number => (column + 2 ** 25) * 2 ** 26 + (row + 2 ** 25);

/** A uniform grid over the ids of shapes: who lies in this rectangle? */
export class Grid {
  private readonly entries = new Map<string, Entry>();
  private readonly cells = new Map<number, Entry[]>();
  private readonly large = new Set<Entry>();
  private query = 0;

  get size(): number {
    return this.entries.size;
  }

  set(id: string, bounds: Rect): void {
    this.delete(id);
    const entry: Entry = { id, bounds, seen: 0 };
    this.entries.set(id, entry);
    const span = spanOf(bounds);
    if (cellsIn(span) > MAX_CELLS) {
      this.large.add(entry);
      return;
    }
    this.eachKey(span, (key) => {
      const cell = this.cells.get(key);
      if (cell) cell.push(entry);
      else this.cells.set(key, [entry]);
    });
  }

  delete(id: string): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.entries.delete(id);
    if (this.large.delete(entry)) return;
    this.eachKey(spanOf(entry.bounds), (key) => {
      const cell = this.cells.get(key);
      if (!cell) return;
      const at = cell.indexOf(entry);
      const last = cell.pop();
      if (last && last !== entry) cell[at] = last;
      if (cell.length === 0) this.cells.delete(key);
    });
  }

  clear(): void {
    this.entries.clear();
    this.cells.clear();
    this.large.clear();
  }

  /** Calls `found` once for every id whose bounds touch the rectangle, in no order. */
  search(rect: Rect, found: (id: string) => void): void {
    const span = spanOf(rect);
    if (cellsIn(span) > this.cells.size) {
      for (const entry of this.entries.values()) if (overlaps(entry.bounds, rect)) found(entry.id);
      return;
    }
    const query = ++this.query;
    const visit = (entry: Entry): void => {
      if (entry.seen === query) return;
      entry.seen = query;
      if (overlaps(entry.bounds, rect)) found(entry.id);
    };
    this.large.forEach(visit);
    this.eachKey(span, (key) => this.cells.get(key)?.forEach(visit));
  }

  private eachKey(span: Span, f: (key: number) => void): void {
    for (let row = span.top; row <= span.bottom; row++) {
      for (let column = span.left; column <= span.right; column++) f(keyOf(column, row));
    }
  }
}
