/**
 * Elements of the editor as objects of the canvas, and back.
 *
 * An object has its element's id, and the element's own fields as properties; only `index`, the place in the drawing order, travels as the protocol's
 * `z`, whose keys have the same form. Fields that are about one page's copy do not travel.
 */
import { isOrderKey, type CanvasObject, type Value } from '@collabcanvas/sdk';

/** What the binding knows of an element of the editor. */
export interface Element {
  readonly id: string;
  readonly type: string;
  /** Both are new after every change. */
  readonly version: number;
  readonly versionNonce: number;
  readonly index: string | null;
  readonly isDeleted: boolean;
  readonly [field: string]: unknown;
}

export type Props = Readonly<Record<string, Value>>;

const LOCAL: ReadonlySet<string> = new Set(['id', 'index', 'isDeleted', 'version', 'versionNonce', 'updated']);

/** An element's properties: copies, which the editor cannot change in place. */
export function propsOf(element: Element): Props {
  const props: Record<string, Value> = {};
  for (const [name, value] of Object.entries(element)) {
    if (LOCAL.has(name)) continue;
    const copy = plain(value);
    if (copy !== undefined) props[name] = copy;
  }
  if (element.index !== null && isOrderKey(element.index)) props['z'] = element.index;
  return props;
}

/** The element that shows an object. @param before the one that showed it until now; the new one counts as newer */
export function elementOf(object: CanvasObject, before: Element | undefined, now: number, random: () => number): Element {
  const { z, ...props } = object.props;
  return renewed({ ...(plain(props) as Omit<Element, 'id'>), id: object.id, index: typeof z === 'string' ? z : null, isDeleted: false } as Element, before, now, random);
}

/** The element with some fields changed, so that the editor notices. */
export function changed(element: Element, fields: Partial<Element>, now: number, random: () => number): Element {
  return renewed({ ...element, ...fields }, element, now, random);
}

function renewed(element: Element, before: Element | undefined, now: number, random: () => number): Element {
  return { ...element, version: (before?.version ?? 0) + 1, versionNonce: Math.floor(random() * 2 ** 31), updated: now };
}

/** Whether nobody can see it: what has just been begun and, if nothing comes of it, will go without a word. */
export function isBarelyBegun({ type, width, height, points, text }: Element): boolean {
  if (Array.isArray(points)) return points.length < 2;
  if (type === 'text') return text === '';
  return width === 0 && height === 0;
}

/** A deep copy of JSON-like data; undefined for what cannot travel. */
function plain(value: unknown): Value | undefined {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  // A zero without a sign: the two are one place on the screen, and would count as two values.
  if (typeof value === 'number') return value === 0 ? 0 : value;
  if (Array.isArray(value)) return value.map((item) => plain(item) ?? null);
  if (typeof value !== 'object') return undefined;
  const copy: Record<string, Value> = {};
  for (const [key, member] of Object.entries(value)) {
    const part = plain(member);
    if (part !== undefined) copy[key] = part;
  }
  return copy;
}
