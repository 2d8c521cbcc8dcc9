import type { Theme } from '../palette';
import { inflate, type Rect } from '../scene/geometry';
import type { Damage, Scene } from '../scene/scene';
import { paintShape } from './shapes';

/** Device pixels along a tile's side. */
const SIDE = 512;
/** Milliseconds a frame may spend on painting tiles: while one moves about, and while one waits for a whole new scene. */
const BUDGET = 8;
const URGENT_BUDGET = 60;
/** A zoom is at rest when it has not changed for so many milliseconds. */
const REST = 110;
/** Pictures are stretched at most so far before they are painted at a new scale. */
const STRETCH = 2;

interface Tile {
  readonly column: number;
  readonly row: number;
  /** Missing while nothing lies here. */
  canvas: HTMLCanvasElement | undefined;
  /** The part to paint again, in canvas units; `all` before the first time. */
  stale: Damage | undefined;
  used: number;
}

/** The pictures of one scale (device pixels per canvas unit), by column and row. */
interface Level {
  readonly scale: number;
  readonly tiles: Map<string, Tile>;
}

export interface Frame {
  readonly ctx: CanvasRenderingContext2D;
  /** The canvas point in the top left corner, the scale, and the size in device pixels. */
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly w: number;
  readonly h: number;
  readonly now: number;
}

interface Range {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * The painted scene in square pictures. Panning copies pictures and paints only what comes into sight; zooming stretches
 * them until the zoom rests; an edit paints again just the rectangle that it touched.
 */
export class Tiles {
  private level: Level = { scale: 0, tiles: new Map() };
  /** The pictures before the last change of scale, shown where new ones are not painted yet. */
  private former: Level | undefined;
  private scale = 0;
  private scaledAt = 0;
  private frame = 0;
  private urgent = true;

  constructor(
    private readonly scene: Scene,
    private theme: Theme,
  ) {
    scene.onDamage((damage) => this.damage(damage));
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.level = { scale: 0, tiles: new Map() };
    this.former = undefined;
    this.urgent = true;
  }

  /** Draws the scene. False: something is missing or blurred, and the next frame should go on. */
  draw(view: Frame): boolean {
    this.frame += 1;
    const atRest = this.chooseLevel(view);
    const range = rangeOf(view, this.level.scale);
    const deadline = performance.now() + (this.urgent ? URGENT_BUDGET : BUDGET);
    const complete = this.paintStale(range, deadline);
    if (complete) this.settle();
    else if (this.former) this.copyFormer(view, range);
    this.copy(view, this.level, range);
    const ahead = complete && this.paintAhead(range, deadline);
    this.forget(range);
    return atRest && ahead;
  }

  private settle(): void {
    this.former = undefined;
    this.urgent = false;
  }

  private chooseLevel(view: Frame): boolean {
    if (view.scale !== this.scale) {
      this.scale = view.scale;
      this.scaledAt = view.now;
    }
    if (this.level.scale === view.scale) return true;
    const ratio = view.scale / this.level.scale;
    const tooFar = ratio > STRETCH || ratio < 1 / STRETCH;
    if (!tooFar && view.now - this.scaledAt < REST) return false;
    if (this.level.tiles.size > 0) this.former = this.level;
    this.level = { scale: view.scale, tiles: new Map() };
    return true;
  }

  private damage(damage: Damage): void {
    if (damage === 'all') this.urgent = true;
    for (const level of [this.level, this.former]) {
      if (!level) continue;
      // Antialiasing reaches a device pixel beyond the shape.
      const part = damage === 'all' ? damage : inflate(damage, 2 / level.scale);
      const range = part === 'all' ? undefined : rangeIn(part, level.scale);
      for (const tile of level.tiles.values()) {
        if (!range || part === 'all') tile.stale = 'all';
        else if (isWithin(tile, range)) tile.stale = tile.stale === undefined ? part : join(tile.stale, part);
      }
    }
  }

  /** Paints what is out of date within the range, the middle first. True when all of it is done. */
  private paintStale(range: Range, deadline: number): boolean {
    let complete = true;
    for (const [column, row] of cellsFromMiddle(range)) {
      const tile = this.tileAt(column, row);
      tile.used = this.frame;
      if (!tile.stale) continue;
      // An edit is painted whatever the time: it is small, and it is what one looks at.
      if (tile.stale === 'all' && performance.now() > deadline) complete = false;
      else this.paint(tile);
    }
    return complete;
  }

  /** Paints one missing tile of the ring around the range, so that a pan finds it ready. */
  private paintAhead(range: Range, deadline: number): boolean {
    const ring = { left: range.left - 1, top: range.top - 1, right: range.right + 1, bottom: range.bottom + 1 };
    for (const [column, row] of cellsFromMiddle(ring)) {
      const tile = this.tileAt(column, row);
      tile.used = this.frame;
      if (!tile.stale) continue;
      if (performance.now() > deadline) return false;
      this.paint(tile);
    }
    return true;
  }

  private tileAt(column: number, row: number): Tile {
    const key = `${column},${row}`;
    let tile = this.level.tiles.get(key);
    if (!tile) {
      tile = { column, row, canvas: undefined, stale: 'all', used: this.frame };
      this.level.tiles.set(key, tile);
    }
    return tile;
  }

  private paint(tile: Tile): void {
    const { column, row } = tile;
    const { scale } = this.level;
    const side = SIDE / scale;
    const whole = { x: column * side, y: row * side, w: side, h: side };
    const part = !tile.stale || tile.stale === 'all' ? whole : tile.stale;
    tile.stale = undefined;
    const shapes = this.scene.within(part);
    if (shapes.length === 0 && !tile.canvas) return;
    tile.canvas ??= blankTile();
    const ctx = tile.canvas.getContext('2d');
    if (!ctx) return;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.save();
    // Clipped to whole device pixels: a soft clip edge would show as a seam.
    const left = Math.max(0, Math.floor((part.x - whole.x) * scale));
    const top = Math.max(0, Math.floor((part.y - whole.y) * scale));
    const right = Math.min(SIDE, Math.ceil((part.x + part.w - whole.x) * scale));
    const bottom = Math.min(SIDE, Math.ceil((part.y + part.h - whole.y) * scale));
    ctx.beginPath();
    ctx.rect(left, top, right - left, bottom - top);
    ctx.clip();
    ctx.clearRect(left, top, right - left, bottom - top);
    ctx.setTransform(scale, 0, 0, scale, -column * SIDE, -row * SIDE);
    const brush = { ctx, theme: this.theme, scale };
    for (const shape of shapes) paintShape(brush, shape, shape.id !== this.scene.editing);
    ctx.restore();
  }

  private copy(view: Frame, level: Level, range: Range): void {
    const ratio = view.scale / level.scale;
    const left = Math.round(-view.x * view.scale);
    const top = Math.round(-view.y * view.scale);
    for (let row = range.top; row <= range.bottom; row++) {
      for (let column = range.left; column <= range.right; column++) {
        const tile = level.tiles.get(`${column},${row}`);
        if (!tile?.canvas) continue;
        // Both edges are rounded, so that neighbours meet without a seam at any ratio.
        const x = Math.round(column * SIDE * ratio) + left;
        const y = Math.round(row * SIDE * ratio) + top;
        const w = Math.round((column + 1) * SIDE * ratio) + left - x;
        const h = Math.round((row + 1) * SIDE * ratio) + top - y;
        view.ctx.drawImage(tile.canvas, x, y, w, h);
      }
    }
  }

  /** Shows the former pictures where the present level has holes. */
  private copyFormer(view: Frame, range: Range): void {
    if (!this.former) return;
    const { ctx } = view;
    const ratio = (view.scale / this.level.scale) * SIDE;
    ctx.save();
    ctx.beginPath();
    for (const [column, row] of cellsFromMiddle(range)) {
      if (this.tileAt(column, row).stale !== 'all') continue;
      const x = Math.round(column * ratio - view.x * view.scale);
      const y = Math.round(row * ratio - view.y * view.scale);
      ctx.rect(x, y, Math.ceil(ratio) + 1, Math.ceil(ratio) + 1);
    }
    ctx.clip();
    this.copy(view, this.former, rangeOf(view, this.former.scale));
    ctx.restore();
  }

  /** Keeps about three screens of tiles; the longest unused go first. */
  private forget(range: Range): void {
    const { tiles } = this.level;
    const limit = 3 * (range.right - range.left + 3) * (range.bottom - range.top + 3);
    if (tiles.size <= limit) return;
    const unused = [...tiles].filter(([, tile]) => tile.used !== this.frame).sort(([, a], [, b]) => a.used - b.used);
    for (const [key] of unused.slice(0, tiles.size - limit)) tiles.delete(key);
  }
}

function blankTile(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  return canvas;
}

function rangeIn(rect: Rect, scale: number): Range {
  const side = SIDE / scale;
  return {
    left: Math.floor(rect.x / side),
    top: Math.floor(rect.y / side),
    right: Math.floor((rect.x + rect.w) / side),
    bottom: Math.floor((rect.y + rect.h) / side),
  };
}

const rangeOf = (view: Frame, scale: number): Range =>
  rangeIn({ x: view.x, y: view.y, w: view.w / view.scale, h: view.h / view.scale }, scale);

function cellsFromMiddle({ left, top, right, bottom }: Range): [number, number][] {
  const cells: [number, number][] = [];
  for (let row = top; row <= bottom; row++) for (let column = left; column <= right; column++) cells.push([column, row]);
  const x = (left + right) / 2;
  const y = (top + bottom) / 2;
  return cells.sort(([ax, ay], [bx, by]) => Math.hypot(ax - x, ay - y) - Math.hypot(bx - x, by - y));
}

const isWithin = ({ column, row }: Tile, range: Range): boolean =>
  column >= range.left && column <= range.right && row >= range.top && row <= range.bottom;

function join(a: Damage, b: Rect): Damage {
  if (a === 'all') return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return { x, y, w: Math.max(a.x + a.w, b.x + b.w) - x, h: Math.max(a.y + a.h, b.y + b.h) - y };
}
