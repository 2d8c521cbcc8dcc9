import type { CanvasObject, Value } from '@collabcanvas/sdk';
import { INK, NO_FILL } from '../palette';
import { boundsOf, inflate, type Box, type Rect } from './geometry';

export const SHAPE_TYPES = ['rect', 'ellipse', 'line', 'arrow', 'note', 'text', 'draw', 'image'] as const;
export type ShapeType = (typeof SHAPE_TYPES)[number];

/** An object of the canvas as this demo draws it. Never changed: a new state is a new shape. */
export interface Shape extends Box {
  readonly id: string;
  readonly type: ShapeType;
  readonly stroke: string;
  readonly fill: string;
  readonly strokeWidth: number;
  readonly opacity: number;
  readonly text: string;
  /** Where an image is from. */
  readonly url: string;
  readonly fontSize: number;
  /** x, y, x, y … from the top left corner; they are stretched over `w` × `h`. */
  readonly points: readonly number[];
  readonly z: string;
  /** Shapes with the same group are picked together. */
  readonly group: string | undefined;
  /** Shapes that the ends of a line are attached to. */
  readonly ends: { readonly start: string | undefined; readonly end: string | undefined };
  /** Everything that the shape paints, shadow and line ends included. */
  readonly painted: Rect;
}

export const DEFAULT_FONT_SIZE = 20;
const NO_POINTS: readonly number[] = [];
/** Beyond this a coordinate is taken for damage: the grid's keys stay exact and the camera can still get there. */
const FARTHEST = 1e9;

const number = (value: Value | undefined, fallback: number): number =>
  typeof value === 'number' && Number.isFinite(value) ? Math.min(FARTHEST, Math.max(-FARTHEST, value)) : fallback;

const text = (value: Value | undefined, fallback: string): string => (typeof value === 'string' ? value : fallback);

const isPoints = (value: Value | undefined): value is number[] =>
  Array.isArray(value) && value.length >= 4 && value.every((n) => typeof n === 'number' && Number.isFinite(n));

/** The same list always gives the same verdict, and moving a shape keeps its list. */
const checked = new WeakMap<object, readonly number[]>();

function pointsOf(value: Value | undefined): readonly number[] {
  if (!Array.isArray(value)) return NO_POINTS;
  const known = checked.get(value);
  if (known) return known;
  const points = isPoints(value) ? value : NO_POINTS;
  checked.set(value, points);
  return points;
}

const isShapeType = (value: Value | undefined): value is ShapeType =>
  (SHAPE_TYPES as readonly (Value | undefined)[]).includes(value);

export const isLinear = (type: ShapeType): boolean => type === 'line' || type === 'arrow';
export const hasPoints = (type: ShapeType): boolean => type === 'draw' || isLinear(type);
export const holdsText = (type: ShapeType): boolean => !hasPoints(type) && type !== 'image';

/** How far a shape paints beyond its box. */
export function overhang(type: ShapeType, strokeWidth: number): number {
  if (type === 'note') return 10;
  if (type === 'arrow') return arrowHead(strokeWidth) + strokeWidth;
  return strokeWidth / 2 + 2;
}

const FREE = { start: undefined, end: undefined };

const idOf = (value: Value | undefined): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Length of an arrow's head. */
export const arrowHead = (strokeWidth: number): number => 8 + strokeWidth * 3;

/** Reads an object, or `undefined` when it is of a type that this demo does not draw. */
export function shapeOf({ id, props }: CanvasObject, preview?: Readonly<Record<string, Value>>): Shape | undefined {
  const p = preview ? { ...props, ...preview } : props;
  const type = p['type'];
  if (!isShapeType(type)) return undefined;
  const points = hasPoints(type) ? pointsOf(p['points']) : NO_POINTS;
  if (hasPoints(type) && points.length === 0) return undefined;
  const strokeWidth = Math.max(0, number(p['strokeWidth'], 2));
  const box = {
    x: number(p['x'], 0),
    y: number(p['y'], 0),
    w: Math.max(0, number(p['w'], 100)),
    h: Math.max(0, number(p['h'], 100)),
    rotation: number(p['rotation'], 0),
  };
  return {
    id,
    type,
    ...box,
    stroke: text(p['stroke'], INK.light.ink),
    fill: text(p['fill'], NO_FILL),
    strokeWidth,
    opacity: Math.min(1, Math.max(0, number(p['opacity'], 1))),
    text: text(p['text'], ''),
    url: text(p['url'], ''),
    fontSize: Math.max(1, number(p['fontSize'], DEFAULT_FONT_SIZE)),
    points,
    z: text(p['z'], ''),
    group: idOf(p['group']),
    ends: isLinear(type) ? { start: idOf(p['startAt']), end: idOf(p['endAt']) } : FREE,
    painted: inflate(boundsOf(box), overhang(type, strokeWidth)),
  };
}

/** Back to front, as the protocol orders objects: by key, then by id. */
export function byDepth(a: Shape, b: Shape): number {
  if (a.z !== b.z) return a.z < b.z ? -1 : 1;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
