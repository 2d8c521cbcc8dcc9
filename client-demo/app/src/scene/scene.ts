import type { CanvasObject, Value } from '@collabcanvas/sdk';
import { Grid } from './grid';
import { areaTakes, pick } from './hit';
import { anchorsOf, attached, isAnchor } from './attach';
import { boundsOf, contains, unionOf, type Point, type Rect } from './geometry';
import { byDepth, shapeOf, type Shape } from './shape';

export type Props = Readonly<Record<string, Value>>;

/** What became different: a part of the canvas, or everything. */
export type Damage = Rect | 'all';

/** Where the scene reads objects from: the SDK's canvas, or a plain map in tests. */
export interface Source {
  readonly objects: ReadonlyMap<string, CanvasObject>;
  get(id: string): CanvasObject | undefined;
}

/**
 * The objects as shapes, with an index of where they are. Follows the source change by change and tells the renderer
 * which part of the canvas to paint again. Owns no state of its own except previews: how a shape looks in the middle of
 * a drag, between two updates sent.
 */
export class Scene {
  private readonly shapes = new Map<string, Shape>();
  private readonly grid = new Grid();
  private readonly previews = new Map<string, Props>();
  private readonly listeners = new Set<(damage: Damage) => void>();
  private silenced: string | undefined;
  /** By shape: the lines that are attached to it. */
  private readonly lines = new Map<string, Set<string>>();
  /** By group: its shapes. */
  private readonly groups = new Map<string, Set<string>>();

  constructor(private readonly source: Source) {}

  get size(): number {
    return this.shapes.size;
  }

  onDamage(listener: (damage: Damage) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  get(id: string): Shape | undefined {
    return this.shapes.get(id);
  }

  all(): IterableIterator<Shape> {
    return this.shapes.values();
  }

  apply(ids: ReadonlySet<string> | 'all'): void {
    if (ids === 'all') this.reset();
    else for (const id of ids) this.refresh(id);
  }

  /** Shows these properties over the object's own until `settle`. */
  preview(id: string, props: Props): void {
    this.previews.set(id, props);
    this.refresh(id);
  }

  settle(id: string): void {
    if (this.previews.delete(id)) this.refresh(id);
  }

  /** The shape whose text is being typed in a field over the canvas, and so is not painted. */
  get editing(): string | undefined {
    return this.silenced;
  }

  setEditing(id: string | undefined): void {
    const before = this.silenced;
    this.silenced = id;
    for (const changed of [before, id]) {
      const shape = changed === undefined ? undefined : this.shapes.get(changed);
      if (shape) this.damage(shape.painted);
    }
  }

  /** Everything of a type looks different now, though nothing has changed. */
  repaint(type: Shape['type']): void {
    for (const shape of this.shapes.values()) if (shape.type === type) this.damage(shape.painted);
  }

  /** Shapes that paint within the rectangle, back to front. */
  within(rect: Rect): Shape[] {
    const found: Shape[] = [];
    this.grid.search(rect, (id) => {
      const shape = this.shapes.get(id);
      if (shape) found.push(shape);
    });
    return found.sort(byDepth);
  }

  at(p: Point, tolerance: number): Shape | undefined {
    const around = { x: p.x - tolerance, y: p.y - tolerance, w: 2 * tolerance, h: 2 * tolerance };
    return pick(this.within(around), p, tolerance);
  }

  inArea(rect: Rect): Shape[] {
    return this.within(rect).filter((shape) => areaTakes(shape, rect));
  }

  /** A shape with all others of its group. */
  mates(id: string): string[] {
    const group = this.shapes.get(id)?.group;
    return group === undefined ? [id] : [...(this.groups.get(group) ?? [id])];
  }

  /** The lines that are attached to a shape. */
  linesAt(id: string): Shape[] {
    return [...(this.lines.get(id) ?? [])].map((line) => this.shapes.get(line)).filter((line) => line !== undefined);
  }

  /** The topmost shape that a line's end at `p` can be attached to. One that holds the other end too is only the ground under the line. */
  anchorAt(p: Point, otherEnd: Point): Shape | undefined {
    const holds = (shape: Shape, point: Point): boolean => contains(boundsOf(shape), point);
    return this.within({ x: p.x, y: p.y, w: 0, h: 0 }).findLast((shape) => isAnchor(shape) && holds(shape, p) && !holds(shape, otherEnd));
  }

  /** The rectangle around everything. */
  bounds(): Rect | undefined {
    return unionOf([...this.shapes.values()].map(boundsOf));
  }

  private reset(): void {
    this.shapes.clear();
    this.grid.clear();
    this.lines.clear();
    this.groups.clear();
    for (const object of this.source.objects.values()) {
      const shape = shapeOf(object, this.previews.get(object.id));
      if (shape) this.shapes.set(shape.id, shape);
      this.regroup(undefined, shape);
    }
    // Lines lie where their shapes are, which are all there now.
    for (const drawn of [...this.shapes.values()]) {
      const shape = this.placed(drawn);
      this.shapes.set(shape.id, shape);
      this.grid.set(shape.id, shape.painted);
    }
    this.damage('all');
  }

  private refresh(id: string): void {
    const before = this.shapes.get(id);
    const object = this.source.get(id);
    const drawn = object && shapeOf(object, this.previews.get(id));
    this.regroup(before, drawn);
    if (before) {
      this.damage(before.painted);
      for (const anchor of anchorsOf(before)) this.lines.get(anchor)?.delete(id);
    }
    if (drawn) this.put(this.placed(drawn), before);
    else {
      this.shapes.delete(id);
      this.grid.delete(id);
    }
    for (const line of [...(this.lines.get(id) ?? [])]) if (line !== id) this.refresh(line);
  }

  private regroup(before: Shape | undefined, after: Shape | undefined): void {
    if (before?.group !== undefined && before.group !== after?.group) {
      const rest = this.groups.get(before.group);
      rest?.delete(before.id);
      if (rest?.size === 0) this.groups.delete(before.group);
    }
    if (after?.group === undefined) return;
    const all = this.groups.get(after.group) ?? new Set();
    this.groups.set(after.group, all.add(after.id));
  }

  private put(after: Shape, before: Shape | undefined): void {
    this.shapes.set(after.id, after);
    if (!before || !sameRect(before.painted, after.painted)) this.grid.set(after.id, after.painted);
    this.damage(after.painted);
  }

  /** A line goes to the edges of the shapes that it is attached to, wherever they are now. */
  private placed(shape: Shape): Shape {
    for (const anchor of anchorsOf(shape)) {
      const lines = this.lines.get(anchor) ?? new Set();
      this.lines.set(anchor, lines.add(shape.id));
    }
    return attached(shape, (id) => this.shapes.get(id));
  }

  private damage(damage: Damage): void {
    for (const listener of this.listeners) listener(damage);
  }
}

const sameRect = (a: Rect, b: Rect): boolean => a.x === b.x && a.y === b.y && a.w === b.w && a.h === b.h;
