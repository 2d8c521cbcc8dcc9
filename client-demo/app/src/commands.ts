import type { Value } from '@collabcanvas/sdk';
import { inBatches } from './live-edit';
import { fillFor, fillStyleOf, INK, NO_FILL, YELLOW, colourOf, type Colour, type FillStyle } from './palette';
import { boundsOf, overlaps, unionOf } from './scene/geometry';
import { byDepth, type Shape } from './scene/shape';
import { frontKey, type Stage } from './tools/tool';

// What buttons and keys do to the selection. Each is one undo step.

/** In no order. */
export const selectedShapes = ({ scene, selection }: Stage): Shape[] =>
  [...selection.ids].map((id) => scene.get(id)).filter((shape) => shape !== undefined);

export function selectAll({ scene, selection }: Stage): void {
  selection.set([...scene.all()].map(({ id }) => id));
}

export function deleteSelected(stage: Stage): void {
  const ids = selectedShapes(stage).map(({ id }) => id);
  if (ids.length === 0) return;
  inBatches(stage.canvas, ids, (tx, id) => tx.delete(id));
  stage.selection.clear();
}

export function nudge(stage: Stage, dx: number, dy: number): void {
  inBatches(stage.canvas, selectedShapes(stage), (tx, { id, x, y }) => tx.update(id, { x: x + dx, y: y + dy }));
}

/** New objects in front of all others; answers their ids. */
export function createInFront({ canvas }: Stage, all: readonly Readonly<Record<string, Value>>[]): string[] {
  const keys = canvas.keysBetween(topKey(canvas.ordered().at(-1)?.props['z']), null, all.length);
  const ids: string[] = [];
  inBatches(canvas, [...all.entries()], (tx, [i, props]) => {
    ids[i] = tx.create({ ...props, z: keys[i] ?? frontKey(canvas) });
  });
  return ids;
}

const topKey = (z: Value | undefined): string | null => (typeof z === 'string' ? z : null);

export function duplicateShapes(stage: Stage, shapes: readonly Shape[], offset: number): Shape[] {
  const inOrder = [...shapes].sort(byDepth);
  const copies = inOrder.map(({ id, x, y }) => ({ ...stage.canvas.get(id)?.props, x: x + offset, y: y + offset }));
  const ids = createInFront(stage, copies);
  stage.selection.set(ids);
  return selectedShapes(stage);
}

/** Canvas units between a shape and its duplicate. */
const STEP_ASIDE = 24;

export function duplicateSelected(stage: Stage): void {
  const shapes = selectedShapes(stage);
  if (shapes.length > 0) duplicateShapes(stage, shapes, STEP_ASIDE);
}

export type Depth = 'front' | 'back' | 'forward' | 'backward';

/** Changes what lies in front of what. Forward and backward pass the next shape that overlaps: anything less is not seen. */
export function moveInDepth(stage: Stage, depth: Depth): void {
  const { canvas } = stage;
  const shapes = selectedShapes(stage).sort(byDepth);
  const moved = new Set(shapes.map(({ id }) => id));
  const rest = canvas.ordered().filter(({ id }) => !moved.has(id));
  const ids = shapes.map(({ id }) => id);
  const at = placeFor(stage, shapes, moved, depth, rest.map(({ id }) => id));
  if (ids.length === 0 || at === undefined) return;
  const below = rest[at - 1]?.id ?? null;
  const above = rest[at]?.id ?? null;
  canvas.batch((tx) => canvas.moveBetween(tx, ids, below, above));
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
  const shapes = selectedShapes(stage);
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
