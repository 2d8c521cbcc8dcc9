import { keysBetween, type Value } from '@collabcanvas/sdk';
import { moveBetween } from '@collabcanvas/sdk/order';
import { inBatches } from './live-edit';
import { fillFor, fillStyleOf, INK, NO_FILL, YELLOW, colourOf, type Colour, type FillStyle } from './palette';
import { boundsOf, overlaps, unionOf } from './scene/geometry';
import { byDepth, type Shape } from './scene/shape';
import { randomId } from './random';
import { mayEdit } from './rights';
import { frontKey, type Stage } from './tools/tool';

// What buttons and keys do to the selection. Each is one undo step.

/** In no order. */
export const selectedShapes = ({ scene, selection }: Stage): Shape[] =>
  [...selection.ids].map((id) => scene.get(id)).filter((shape) => shape !== undefined);

/** Whether it is ours to change: nobody else is writing in it just now. */
export const mayChange = ({ canvas }: Stage, id: string): boolean => mayEdit(canvas) && canvas.leaseOf(id)?.isOurs !== false;

/** What of the selection can be changed. */
export const changeableShapes = (stage: Stage): Shape[] => selectedShapes(stage).filter(({ id }) => mayChange(stage, id));

export function selectAll({ scene, selection }: Stage): void {
  selection.set([...scene.all()].map(({ id }) => id));
}

export function deleteSelected(stage: Stage): void {
  const ids = changeableShapes(stage).map(({ id }) => id);
  if (ids.length === 0) return;
  const gone = new Set(ids);
  const lines = new Map(ids.flatMap((id) => stage.scene.linesAt(id)).filter(({ id }) => !gone.has(id) && mayChange(stage, id)).map((line) => [line.id, line]));
  stage.canvas.gesture(() => {
    // Lines that were attached stay where they are seen now.
    inBatches(stage.canvas, [...lines.values()], (tx, line) => tx.update(line.id, { ...placeOf(line), ...detachedFrom(line, gone, true) }));
    inBatches(stage.canvas, ids, (tx, id) => tx.delete(id));
  });
  stage.selection.clear();
}

export function nudge(stage: Stage, dx: number, dy: number): void {
  const shapes = changeableShapes(stage);
  const moved = new Set(shapes.map(({ id }) => id));
  inBatches(stage.canvas, shapes, (tx, shape) => tx.update(shape.id, { x: shape.x + dx, y: shape.y + dy, ...detachedFrom(shape, moved) }));
}

/** Where a line lies, as properties. */
const placeOf = ({ x, y, w, h, points }: Shape): Record<string, Value> => ({ x, y, w, h, points: [...points], rotation: 0 });

/** What takes a line off its shapes: those that are not among `ids`, or with `among` those that are. */
export function detachedFrom({ ends, ...line }: Shape, ids: ReadonlySet<string>, among = false): Record<string, Value> {
  const isOff = (id: string | undefined): boolean => id !== undefined && ids.has(id) === among;
  const set: Record<string, Value> = {};
  if (isOff(ends.start)) set['startAt'] = null;
  if (isOff(ends.end)) set['endAt'] = null;
  return Object.keys(set).length === 0 ? set : { points: [...line.points], w: line.w, h: line.h, rotation: 0, ...set };
}

/** New objects in front of all others; answers their ids. */
export function createInFront({ canvas }: Stage, all: readonly Readonly<Record<string, Value>>[]): string[] {
  const keys = keysBetween(topKey(canvas.ordered().at(-1)?.props['z']), null, all.length);
  const ids: string[] = [];
  inBatches(canvas, [...all.entries()], (tx, [i, props]) => {
    ids[i] = tx.create({ ...props, z: keys[i] ?? frontKey(canvas) });
  });
  return ids;
}

const topKey = (z: Value | undefined): string | null => (typeof z === 'string' ? z : null);

/** An object to be copied: its properties as it is seen, and the id that lines among the copies know it by. */
export interface Original {
  readonly id: string;
  readonly props: Readonly<Record<string, Value>>;
}

/** The selection as `copyInFront` takes it, back to front. */
export const originalsOf = (stage: Stage, shapes: readonly Shape[]): Original[] =>
  [...shapes].sort(byDepth).map((shape) => {
    const isAttached = shape.ends.start !== undefined || shape.ends.end !== undefined;
    return { id: shape.id, props: { ...stage.canvas.get(shape.id)?.props, ...(isAttached && placeOf(shape)) } };
  });

/** Copies in front of all other objects, as one undo step; answers their ids. */
export function copyInFront(stage: Stage, originals: readonly Original[]): string[] {
  // Copies of a group are a group of their own.
  const groups = new Map<string, string>();
  const groupOf = (of: Value | undefined): Value => {
    if (typeof of !== 'string') return null;
    const group = groups.get(of) ?? randomId();
    groups.set(of, group);
    return group;
  };
  const copies = originals.map(({ props }) => ({ ...props, ...('group' in props && { group: groupOf(props['group']) }) }));
  return stage.canvas.gesture(() => {
    const made = createInFront(stage, copies);
    // Lines go between the copies of what they went between.
    const copyOf = new Map(originals.map(({ id }, i) => [id, made[i] ?? null]));
    const anchor = (id: Value | undefined): Value => (typeof id === 'string' ? (copyOf.get(id) ?? null) : null);
    const lines = originals.flatMap(({ props: { startAt, endAt } }, i) =>
      typeof startAt === 'string' || typeof endAt === 'string' ? [{ id: made[i] ?? '', startAt: anchor(startAt), endAt: anchor(endAt) }] : [],
    );
    inBatches(stage.canvas, lines, (tx, { id, ...set }) => tx.update(id, set));
    return made;
  });
}

export function duplicateShapes(stage: Stage, shapes: readonly Shape[], offset: number): Shape[] {
  const asideOf = (value: Value | undefined): number => (typeof value === 'number' ? value : 0) + offset;
  const originals = originalsOf(stage, shapes).map(({ id, props }) => ({ id, props: { ...props, x: asideOf(props['x']), y: asideOf(props['y']) } }));
  stage.selection.set(copyInFront(stage, originals));
  return selectedShapes(stage);
}

/** Makes the selection one group, or none: then each shape is picked alone again. */
export function groupSelected(stage: Stage, group: string | null): void {
  const shapes = changeableShapes(stage);
  if (shapes.length > 1 || group === null) inBatches(stage.canvas, shapes, (tx, { id }) => tx.update(id, { group }));
}

/** What `groupSelected` would change: there is something to put together, or to take apart. */
export function groupable(stage: Stage): { readonly canGroup: boolean; readonly canUngroup: boolean } {
  const groups = new Set(changeableShapes(stage).map(({ id, group }) => group ?? `alone:${id}`));
  const isGrouped = changeableShapes(stage).some(({ group }) => group !== undefined);
  return { canGroup: groups.size > 1, canUngroup: isGrouped };
}

/** Canvas units between a shape and its duplicate. */
const STEP_ASIDE = 24;

export function duplicateSelected(stage: Stage): void {
  const shapes = selectedShapes(stage);
  if (shapes.length > 0 && mayEdit(stage.canvas)) duplicateShapes(stage, shapes, STEP_ASIDE);
}

export type Depth = 'front' | 'back' | 'forward' | 'backward';

/** Changes what lies in front of what. Forward and backward pass the next shape that overlaps: anything less is not seen. */
export function moveInDepth(stage: Stage, depth: Depth): void {
  const { canvas } = stage;
  const shapes = changeableShapes(stage).sort(byDepth);
  const moved = new Set(shapes.map(({ id }) => id));
  const rest = canvas.ordered().filter(({ id }) => !moved.has(id));
  const ids = shapes.map(({ id }) => id);
  const at = placeFor(stage, shapes, moved, depth, rest.map(({ id }) => id));
  if (ids.length === 0 || at === undefined) return;
  const below = rest[at - 1]?.id ?? null;
  const above = rest[at]?.id ?? null;
  canvas.batch((tx) => moveBetween(canvas, tx, ids, below, above));
}

/** The index among the other objects, back to front, at which the moved ones go in. */
function placeFor(
  { scene }: Stage,
  shapes: readonly Shape[],
  moved: ReadonlySet<string>,
  depth: Depth,
  rest: readonly string[],
): number | undefined {
  if (depth === 'back') return 0;
  if (depth === 'front') return rest.length;
  const top = shapes.at(-1);
  const bottom = shapes[0];
  const bounds = unionOf(shapes.map(boundsOf));
  if (!top || !bottom || !bounds) return undefined;
  const near = scene.within(bounds).filter((s) => !moved.has(s.id) && overlaps(boundsOf(s), bounds));
  if (depth === 'forward') {
    const next = near.find((s) => byDepth(s, top) > 0);
    return next && rest.indexOf(next.id) + 1;
  }
  const next = near.findLast((s) => byDepth(s, bottom) < 0);
  return next && rest.indexOf(next.id);
}

export interface Restyle {
  readonly colour?: Colour;
  readonly fill?: FillStyle;
  readonly strokeWidth?: number;
  readonly opacity?: number;
}

/** Sets the pen and repaints the selection with it. */
export function restyle(stage: Stage, change: Restyle): void {
  stage.pen.set(change);
  const shapes = changeableShapes(stage);
  if (shapes.length > 0) inBatches(stage.canvas, shapes, (tx, shape) => tx.update(shape.id, restyled(shape, change)));
}

function restyled(shape: Shape, { colour, fill, strokeWidth, opacity }: Restyle): Record<string, Value> {
  const set: Record<string, Value> = {};
  if (opacity !== undefined) set['opacity'] = opacity;
  if (shape.type === 'note') {
    if (colour) set['fill'] = (colour === INK ? YELLOW : colour).light.note;
    return set;
  }
  if (colour) set['stroke'] = colour.light.ink;
  if (strokeWidth !== undefined && shape.type !== 'text') set['strokeWidth'] = strokeWidth;
  if (shape.type === 'rect' || shape.type === 'ellipse') {
    const style = fill ?? fillStyleOf(shape.fill);
    const hue = colour ?? colourOf(shape.stroke);
    if (style === 'none') set['fill'] = NO_FILL;
    else if (hue) set['fill'] = fillFor(style, hue);
  }
  return set;
}

/** What the selection looks like, for the style panel: the look of its first shape. */
export function styleOfSelection(stage: Stage): Required<Restyle> | undefined {
  const shape = selectedShapes(stage)[0];
  if (!shape) return undefined;
  return {
    colour: colourOf(shape.type === 'note' ? shape.fill : shape.stroke) ?? INK,
    fill: fillStyleOf(shape.fill),
    strokeWidth: shape.strokeWidth,
    opacity: shape.opacity,
  };
}
