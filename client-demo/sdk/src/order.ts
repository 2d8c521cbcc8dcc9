/**
 * Order keys (PROTOCOL §6) and the list of objects in the order they are drawn.
 *
 * Keys and ids that the server accepts are ASCII, so comparing JavaScript strings compares bytes.
 */
import { generateKeyBetween, generateNKeysBetween } from 'fractional-indexing';
import { CanvasError } from './errors.js';
import type { CanvasObject } from './object.js';

const MAX_KEY = 256;
const KEY = /^[A-Za-z][0-9A-Za-z]*$/;
const SMALLEST = `A${'0'.repeat(26)}`;

/** Whether the server would take `key` as a `z`. */
export function isOrderKey(key: string): boolean {
  if (key.length > MAX_KEY || !KEY.test(key)) return false;
  const head = key.charCodeAt(0);
  const integer = 1 + (head >= 97 ? head - 96 : 91 - head);
  if (key.length < integer || key === SMALLEST) return false;
  return key.length === integer || !key.endsWith('0');
}

/**
 * A key between two keys; null is the open end.
 * @throws CanvasError `invalid_order_key` when a bound is not a key, or the bounds are equal or the wrong way round
 */
export function keyBetween(below: string | null, above: string | null): string {
  checkBounds(below, above);
  return generateKeyBetween(below, above);
}

/** `n` keys between two keys, ascending, as short as they can be. Throws like `keyBetween`. */
export function keysBetween(below: string | null, above: string | null, n: number): string[] {
  checkBounds(below, above);
  return generateNKeysBetween(below, above, n);
}

function checkBounds(below: string | null, above: string | null): void {
  for (const key of [below, above]) {
    if (key !== null && !isOrderKey(key)) throw new CanvasError('invalid_order_key', `not an order key: ${key}`);
  }
  if (below !== null && above !== null && below >= above) {
    throw new CanvasError('invalid_order_key', `nothing lies between ${below} and ${above}`);
  }
}

/** The order key of an object; null when it has none. */
export function orderKey(object: CanvasObject): string | null {
  return typeof object.props['z'] === 'string' ? object.props['z'] : null;
}

/** (`z`, id); an object without `z` comes first. */
export function compareObjects(a: CanvasObject, b: CanvasObject): number {
  const za = orderKey(a) ?? '';
  const zb = orderKey(b) ?? '';
  if (za !== zb) return za < zb ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * New order keys that put `ids` between two objects.
 *
 * Where the neighbours leave no room (equal keys, or no key), the objects above the gap get new keys as well, as few as it
 * takes, and without changing their order.
 * @param order all objects in drawing order
 * @param ids the objects to move, lowest first
 * @param below the object that shall lie directly below; null: the bottom
 * @param above the object that shall lie directly above; null: the top
 * @returns what to set, by object id
 */
export function keysForMove(
  order: readonly CanvasObject[],
  ids: readonly string[],
  below: string | null,
  above: string | null,
): Map<string, string> {
  const moved = new Set(ids);
  const others = order.filter((object) => !moved.has(object.id));
  const at = gap(others, below, above);
  const lower = at === 0 ? null : orderKey(others[at - 1] as CanvasObject);
  // Those above whose key does not lie above the lower neighbour's must make room.
  let end = at;
  while (end < others.length && (orderKey(others[end] as CanvasObject) ?? '') <= (lower ?? '')) end += 1;
  const pushed = others.slice(at, end).map((object) => object.id);
  const upper = end < others.length ? orderKey(others[end] as CanvasObject) : null;
  const targets = [...moved, ...pushed];
  const keys = keysBetween(lower, upper, targets.length);
  return new Map(targets.map((id, i) => [id, keys[i] as string]));
}

/** The index in `others` that the first moved object will have. */
function gap(others: readonly CanvasObject[], below: string | null, above: string | null): number {
  const find = (id: string): number => {
    const index = others.findIndex((object) => object.id === id);
    if (index < 0) throw new CanvasError('invalid_id', `no object ${id} to move next to`);
    return index;
  };
  // An open end is the top or the bottom, wherever the other neighbour has gone meanwhile.
  if (below !== null) find(below);
  const index = above === null ? others.length : find(above);
  return below === null && above !== null ? 0 : index;
}

/** Objects in drawing order: a cached array, repaired where objects changed. */
export class DrawingOrder {
  private sorted: readonly CanvasObject[] | undefined;
  /** What changed since the last `list`: each id with its object in `sorted`, undefined when it is not in there. */
  private readonly changed = new Map<string, CanvasObject | undefined>();

  /** Forgets everything; the next `list` sorts anew. */
  reset(): void {
    this.sorted = undefined;
    this.changed.clear();
  }

  /** Notes that an object came, went or changed. @param before what it was until now */
  touch(id: string, before: CanvasObject | undefined): void {
    if (this.sorted !== undefined && !this.changed.has(id)) this.changed.set(id, before);
  }

  /** The same array until something changes. */
  list(objects: ReadonlyMap<string, CanvasObject>): readonly CanvasObject[] {
    // Moving one object costs a copy of the array's tail, so at some number sorting is cheaper.
    if (this.sorted === undefined || this.changed.size > 50 + this.sorted.length / 50) {
      this.sorted = [...objects.values()].sort(compareObjects);
    } else if (this.changed.size > 0) {
      this.sorted = repaired(this.sorted, this.changed, objects);
    }
    this.changed.clear();
    return this.sorted;
  }
}

function repaired(
  sorted: readonly CanvasObject[],
  changed: ReadonlyMap<string, CanvasObject | undefined>,
  objects: ReadonlyMap<string, CanvasObject>,
): readonly CanvasObject[] {
  const list = sorted.slice();
  for (const [id, before] of changed) {
    const after = objects.get(id);
    const from = before && placeOf(list, before);
    if (from !== undefined && after !== undefined && fits(list, from, after)) {
      list[from] = after;
      continue;
    }
    if (from !== undefined) list.splice(from, 1);
    if (after !== undefined) list.splice(placeOf(list, after), 0, after);
  }
  return list;
}

/** The index of the first object that does not come before this one. */
function placeOf(list: readonly CanvasObject[], object: CanvasObject): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareObjects(list[middle] as CanvasObject, object) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether the object may stand at this index, its neighbours staying where they are. */
function fits(list: readonly CanvasObject[], index: number, object: CanvasObject): boolean {
  const [below, above] = [list[index - 1], list[index + 1]];
  return (below === undefined || compareObjects(below, object) < 0) && (above === undefined || compareObjects(object, above) < 0);
}
